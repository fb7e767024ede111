"""The file of statements for whoever sends them to the DSA Transparency Database."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from apps.moderation.models import Decision
from apps.moderation.transparency.export import EXPORT_STATEMENTS, csv_lines, span


class SpanForm(forms.Form):
    """From the first day to the last, both within."""

    since = forms.DateField(label=_("From"))
    until = forms.DateField(label=_("To"))

    def clean(self) -> dict[str, date]:
        days: dict[str, date] = self.cleaned_data
        if days.get("since") and days.get("until") and days["since"] > days["until"]:
            raise forms.ValidationError(_("The first day comes after the last."))
        return days


def urls() -> list[URLPattern]:
    return [path("statements/", admin.site.admin_view(statements), name="moderation_statements")]


def statements(request: HttpRequest) -> HttpResponseBase:
    """A CSV, streamed; who took it, and for which days, is in the audit log."""
    person: Any = request.user
    if not person.has_perm(EXPORT_STATEMENTS):
        raise PermissionDenied
    form = SpanForm(request.GET)
    if not form.is_valid():
        said = [str(text) for texts in form.errors.values() for text in texts]
        return HttpResponse("\n".join(said), status=400, content_type="text/plain; charset=utf-8")
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    LogEntry.objects.create(
        user_id=person.pk,
        content_type=ContentType.objects.get_for_model(Decision),
        object_repr=f"statements {since} to {until}",
        action_flag=CHANGE,
        change_message="exported statements of reasons",
    )
    response = StreamingHttpResponse(csv_lines(*span(since, until)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statements-{since}-{until}.csv"'
    response["Cache-Control"] = "no-store"
    return response
