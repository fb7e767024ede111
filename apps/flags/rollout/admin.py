"""The pages of planned changes and ramps: what waits and for whom, how far a ramp is, and the buttons for both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import FlagError, InvalidChangeError
from apps.flags.headcount import headcount
from apps.flags.models import FlagRevision, PlannedChange, Ramp, RampStep, state_diff
from apps.flags.pages import Act, ActsPage, flag_named, person
from apps.flags.rollout import plans, ramps
from apps.flags.rollout.design import Step
from apps.flags.rollout.forms import PRESETS, RampForm
from apps.flags.rollout.guardrails import readings
from apps.flags.rollout.plans import APPROVE
from apps.flags.rollout.selectors import progress, rolled_back_lately, states_of, to_decide
from apps.flags.texts import diff_in_words

_PLAN_COLOURS = {"waiting": "warning", "applied": "success", "refused": None, "withdrawn": None, "failed": "danger"}
_RAMP_COLOURS = {
    "waiting": "warning",
    "running": "info",
    "paused": "warning",
    "finished": "success",
    "rolled_back": "danger",
    "stopped": None,
}


def announce(request: HttpRequest, outcome: FlagRevision | PlannedChange | None) -> None:
    """Tells whoever has proposed a change what became of it."""
    if isinstance(outcome, FlagRevision):
        messages.success(request, _("Changed."))
    elif outcome is None:
        messages.info(request, _("Nothing is different."))
    elif outcome.waits_for_approval:
        messages.warning(request, _("Nothing has changed yet: a second person has to approve it."))
    else:
        messages.info(request, _("Planned."))


class _DecidedPage(ActsPage):
    """The page of what somebody asks for, and a second person may have to decide."""

    def tell(self, request: HttpRequest, row: Any) -> None:
        ended_badly = row.status in (PlannedChange.Status.FAILED, Ramp.Status.STOPPED) and row.remark
        level = messages.WARNING if ended_badly else messages.SUCCESS
        self.message_user(request, row.get_status_display(), level)

    def request_page(self, request: HttpRequest, row: Any, template: str, context: dict[str, Any]) -> HttpResponse:
        own = row.by_id == person(request).pk
        may_decide = row.waits_for_approval and row.is_waiting and not own and request.user.has_perm(APPROVE)
        common = {
            "title": str(row),
            "row": row,
            "flag": flag_named(row.flag),
            "status": self.status(row),
            "is_own": own,
            "may_decide": may_decide,
        }
        return self.page(request, f"rollout/{template}", {**common, **context})

    @display(description=_("status"))
    def status(self, row: Any) -> tuple[str, str]:
        return row.status, row.get_status_display()


class StageFilter(DropdownFilter):
    title = _("what is to be done")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [
            ("mine", _("Waits for my approval")),
            ("approval", _("Waits for anybody’s approval")),
            ("scheduled", _("Waits for its time")),
            ("closed", _("Closed")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PlannedChange]) -> QuerySet[PlannedChange]:
        waiting = PlannedChange.Status.WAITING
        match self.value():
            case "mine":
                mine = to_decide(person(request).pk) if request.user.has_perm(APPROVE) else PlannedChange.objects.none()
                return queryset.filter(pk__in=mine.values("pk"))
            case "approval":
                return queryset.filter(pk__in=to_decide().values("pk"))
            case "scheduled":
                return queryset.filter(status=waiting, due_at__isnull=False).exclude(pk__in=to_decide().values("pk"))
            case "closed":
                return queryset.exclude(status=waiting)
        return queryset


@admin.register(PlannedChange)
class PlannedChangeAdmin(_DecidedPage):
    list_display = ("flag", "what", "stage", "by", "reason", "created_at", "due_at")
    list_select_related = ("by",)
    list_filter = (StageFilter,)
    list_before_template = "admin/flags/rollout/stages.html"
    search_fields = ("flag",)
    ordering = ("-created_at",)
    acts = {
        "approve": Act(APPROVE, plans.approve),
        "refuse": Act(APPROVE, plans.refuse, asks=("reason",)),
        "withdraw": Act("flags.change_flag", plans.withdraw),
    }

    @display(description=_("change"))
    def what(self, planned: PlannedChange) -> str:
        return "; ".join(diff_in_words({name: [None, now] for name, now in planned.fields.items()})).replace("– → ", "")

    @display(description=_("status"), label=_PLAN_COLOURS)
    def stage(self, planned: PlannedChange) -> tuple[str, object]:
        if planned.is_waiting:
            return "waiting", _("Waits for approval") if planned.waits_for_approval else _("Waits for its time")
        return planned.status, planned.get_status_display()

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        planned: PlannedChange = self.row(request, object_id)
        context = {
            "may_withdraw": planned.is_waiting and plans.may_withdraw(planned, person(request)),
            "label": _PLAN_COLOURS[planned.status],
            **_effect(planned),
        }
        return self.request_page(request, planned, "planned_change", context)


def _effect(planned: PlannedChange) -> dict[str, Any]:
    """What would be different and for how many; only the reason why not, where that cannot be said any more."""
    definition = CATALOGUE.get(planned.flag)
    try:
        before, after = states_of(planned)
    except InvalidChangeError as error:
        return {"unreadable": str(error)}
    changes = list(diff_in_words(state_diff(before.as_json(), after.as_json())))
    if definition is None or not planned.is_waiting:
        return {"changes": changes}
    return {"changes": changes, "before": headcount(definition, before), "after": headcount(definition, after)}


class LatelyFilter(DropdownFilter):
    title = _("lately")
    parameter_name = "lately"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("rolled_back", _("Rolled back in 3 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ramp]) -> QuerySet[Ramp]:
        return queryset.filter(pk__in=rolled_back_lately().values("pk")) if self.value() else queryset


@dataclass(frozen=True)
class Stop:
    """One step on the way, as the page draws it."""

    number: int
    planned: Step
    taken: RampStep | None

    @property
    def stage(self) -> str:
        if self.taken is None:
            return "later"
        return "done" if self.taken.ended_at else "now"


@admin.register(Ramp)
class RampAdmin(_DecidedPage):
    list_display = ("flag", "way", "state", "by", "reason", "created_at")
    list_select_related = ("by",)
    list_filter = (("status", ChoicesDropdownFilter), LatelyFilter)
    search_fields = ("flag",)
    ordering = ("-created_at",)
    acts = {
        "approve": Act(APPROVE, ramps.approve),
        "refuse": Act(APPROVE, ramps.refuse, asks=("reason",)),
        "pause": Act("flags.change_ramp", ramps.pause, asks=("reason",)),
        "resume": Act("flags.change_ramp", ramps.resume, asks=("reason",)),
        "stop": Act("flags.change_ramp", ramps.stop, asks=("reason",)),
        "roll-back": Act("flags.change_ramp", ramps.roll_back, asks=("reason",)),
    }

    @display(description=_("steps"))
    def way(self, ramp: Ramp) -> str:
        return ramp.path

    @display(description=_("status"), label=_RAMP_COLOURS)
    def state(self, ramp: Ramp) -> tuple[str, str]:
        return ramp.status, ramp.get_status_display()

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("flags.add_ramp")

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        ramp: Ramp = self.row(request, object_id)
        now = timezone.now()
        context = {
            "label": _RAMP_COLOURS[ramp.status],
            "stops": list(_stops(ramp)),
            "progress": progress(ramp, now),
            "now": now,
            "readings": list(readings(ramp, now)),
            "guardrails": ramp.design.guardrails,
            "may_steer": ramp.is_open and request.user.has_perm("flags.change_ramp"),
        }
        return self.request_page(request, ramp, "ramp", context)

    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RampForm(request.POST or None, initial=_asked_for(request))
        if form.is_valid():
            try:
                ramp = self._start(request, form)
                return redirect(reverse("admin:flags_ramp_change", args=[ramp.pk]))
            except FlagError as error:
                form.add_error(None, str(error))
        context = {
            "title": _("Start a ramp"),
            "form": form,
            "presets": [(key, title) for key, (title, _steps) in PRESETS.items()],
            "flag": flag_named(form["flag"].value()),
        }
        return self.page(request, "rollout/start", context)

    def _start(self, request: HttpRequest, form: RampForm) -> Ramp:
        ramp = ramps.start_ramp(
            form.cleaned_data["flag"],
            by=person(request),
            reason=form.cleaned_data["reason"],
            design=form.design,
            value=form.value_given,
        )
        self.log_addition(request, ramp, "Started.")
        if ramp.needs_approval:
            self.message_user(
                request, _("Nothing has changed yet: a second person has to approve it."), messages.WARNING
            )
        else:
            self.message_user(request, _("The first step is taken."), messages.SUCCESS)
        return ramp


def _stops(ramp: Ramp) -> Iterator[Stop]:
    taken = {step.number: step for step in ramp.steps_taken.all()}
    return (Stop(number, step, taken.get(number)) for number, step in enumerate(ramp.design.steps, 1))


def _asked_for(request: HttpRequest) -> dict[str, str]:
    preset = PRESETS.get(request.GET.get("preset", ""))
    asked = {"flag": request.GET.get("flag", "")}
    return {**asked, "steps": preset[1]} if preset else asked
