"""The page about what MeetsMatch depends on: how each process gets on, and the faults that are injected."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from apps.core.admin import BaseAdmin, ReadOnlyMixin
from apps.core.resilience import faults
from apps.core.resilience.faults import Kind
from apps.core.resilience.models import Fault
from apps.core.resilience.policies import DEPENDENCIES
from apps.core.resilience.pulse import statuses_everywhere
from apps.core.resilience.services import PROCESSES, TARGETS, FaultError, start_fault, stop_faults, unended

LIST = "admin:core_fault_changelist"


class StartForm(forms.Form):
    """What a fault is started with; whether it may be is the service's to say."""

    dependency = forms.ChoiceField(choices=[(name, name) for name in TARGETS])
    kind = forms.ChoiceField(choices=Kind.choices)
    process = forms.ChoiceField(choices=[("", _("all processes")), *((p, p) for p in PROCESSES)], required=False)
    secs = forms.FloatField(initial=30, min_value=1, max_value=600, label=_("seconds"))
    rate = forms.FloatField(initial=1, min_value=0.01, max_value=1, label=_("share of calls"))
    amount = forms.IntegerField(initial=0, min_value=0, label=_("ms or MiB"))
    reason = forms.CharField(max_length=200)


@admin.register(Fault)
class FaultAdmin(ReadOnlyMixin, BaseAdmin):
    """Started and stopped here by who may; they strike within a second and end by themselves."""

    list_display = ("started_at", "standing", "dependency", "kind", "share", "where", "reason", "by", "ends_at")
    list_select_related = ("by", "stopped_by")
    list_before_template = "admin/core/dependencies.html"
    ordering = ("-started_at",)
    fields = ("dependency", "kind", "rate", "amount", "process", "reason", "by", "started_at", "ends_at", "stopped_at")

    def get_urls(self) -> list[URLPattern]:
        start, stop = (self.admin_site.admin_view(require_POST(view)) for view in (self.start_view, self.stop_view))
        return [
            path("start/", start, name="core_fault_start"),
            path("<uuid:pk>/stop/", stop, name="core_fault_stop"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "policies": [each.policy for each in DEPENDENCIES.values()],
            "processes": statuses_everywhere(),
            "may_start": request.user.has_perm("core.add_fault"),
            "are_allowed": faults.are_allowed(),
            "form": StartForm(),
            "running": unended(),
            **(extra_context or {}),
        }
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def start_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("core.add_fault"):
            raise PermissionDenied
        form = StartForm(request.POST)
        if not form.is_valid():
            self.message_user(request, " ".join(str(e) for said in form.errors.values() for e in said), messages.ERROR)
            return redirect(LIST)
        try:
            start_fault(by=request.user, **form.cleaned_data)  # type: ignore[arg-type]
        except FaultError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(LIST)
        self.message_user(request, _("It strikes within a second and ends by itself."), messages.SUCCESS)
        return redirect(LIST)

    def stop_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not request.user.has_perm("core.change_fault"):
            raise PermissionDenied
        stop_faults(Fault.objects.filter(pk=pk), by=request.user)  # type: ignore[arg-type]
        self.message_user(request, _("Stopped."), messages.SUCCESS)
        return redirect(LIST)

    @display(description=_("state"), label={"runs": "danger", "stopped": "warning", "ended": "success"})
    def standing(self, fault: Fault) -> tuple[str, object]:
        if fault.stopped_at:
            return "stopped", _("stopped")
        return ("runs", _("strikes now")) if fault.is_running else ("ended", _("ended"))

    @display(description=_("share"))
    def share(self, fault: Fault) -> str:
        return f"{fault.rate:.0%}"

    @display(description=_("process"))
    def where(self, fault: Fault) -> str:
        return fault.process or "–"
