"""Several cases of the queue decided alike, as one batch."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.moderation.case_page import read_choices
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import MEASURES, Order
from apps.moderation.models import Case
from apps.moderation.services import DECIDE

MOST = 100


def urls() -> list[URLPattern]:
    """Below the list of cases."""
    return [path("bulk/", admin.site.admin_view(require_POST(decide)), name="moderation_case_bulk")]


def chosen(queryset: QuerySet[Case]) -> dict[UUID, str]:
    """The stamps of these cases as they are now."""
    return {case.pk: case.stamp for case in queryset[:MOST]}


def ask(request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse:
    """What to do with the chosen cases: the page remembers their stamps, so what changes meanwhile is left out."""
    cases = list(queryset.select_related("member__profile", "claimed_by")[:MOST])
    choices, templates, hours = read_choices(request.user)
    context = {
        **admin.site.each_context(request),
        "title": _("Decide as one batch"),
        "cases": cases,
        "choices": [(choice, MEASURES[choice.value].is_held_in_bulk) for choice in choices if not choice.takes_photo],
        "templates": templates,
        "hours": hours,
    }
    return TemplateResponse(request, "admin/moderation/bulk.html", context)


def decide(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(DECIDE):
        raise PermissionDenied
    posted = request.POST
    order = Order(
        posted.get("action", ""),
        template_id=_uuid(posted.get("reason")),
        words=posted.get("words", ""),
        hours=int(posted["hours"]) if posted.get("hours", "").isdecimal() else None,
    )
    pairs = [each.partition(":") for each in posted.getlist("seen")[:MOST]]
    carry_out(request, {key: stamp for text, __, stamp in pairs if (key := _uuid(text))}, order)
    return redirect(reverse("admin:moderation_case_changelist"))


def carry_out(request: HttpRequest, seen: dict[UUID, str], order: Order) -> None:
    """Decides, and says on the next page what came of it, with the way to undo all of it."""
    person: Any = request.user
    batch, done, refused = services.decide_all(seen, by=person, order=order)
    for decision in done:
        LogEntry.objects.log_actions(
            person.pk,
            [decision.case],
            CHANGE,
            change_message=f"decided: {decision.action}, batch {batch}",
            single_object=True,
        )
    for error in refused:
        messages.error(request, str(error))
    if done:
        is_held = any(decision.is_held for decision in done)
        said = _("{count} decided: {what}.").format(count=len(done), what=done[0].get_action_display())
        held = _("They wait for a second moderator.") if is_held else ""
        where = f"{reverse('admin:moderation_decision_changelist')}?batch={batch}"
        link = '{} {} <a class="mm-link" href="{}">{}</a>'
        messages.success(request, format_html(link, said, held, where, _("Look at the batch, or undo it")))


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
