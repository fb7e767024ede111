"""What the list of flags shows beyond what is stored, and what it can be narrowed down by."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib.admin import ModelAdmin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import DropdownFilter

from apps.core.admin import FullChangeList
from apps.flags.catalogue import CATALOGUE, Kind
from apps.flags.models import Experiment, Flag, PlannedChange, Ramp
from apps.flags.selectors import stale

LOOKS: dict[str, Promise] = {
    "on": _("On"),
    "part": _("Part"),
    "off": _("Off"),
    "killed": _("Killed"),
    "unknown": _("not in the code"),
}
KINDS: dict[str, Promise] = {Kind.RELEASE: _("Release"), Kind.OPERATION: _("Operation"), Kind.VALUE: _("Value")}
STALE: dict[str, Promise] = {
    "expired": _("expired"),
    "one_sided": _("same for everybody for 14 days"),
    "not_asked_for": _("no code asks for it"),
}
_OPEN_RAMPS: dict[str, Promise] = {
    Ramp.Status.RUNNING: _("ramp running"),
    Ramp.Status.PAUSED: _("ramp paused"),
    Ramp.Status.WAITING: _("ramp waits for approval"),
}


@dataclass(frozen=True)
class Mark:
    """Something about a flag that whoever looks at the list should know. `colour` is one of unfold's labels."""

    text: str | Promise
    colour: str
    url: str = ""


def look(flag: Flag) -> str:
    """One of LOOKS: the flag's state at a glance."""
    if flag.definition is None:
        return "unknown"
    state = flag.state
    if state.killed:
        return "killed"
    if state.everyone is None and (state.percent is not None or state.segment):
        return "part"
    is_on = flag.definition.default if state.everyone is None else state.everyone
    return "on" if is_on or (flag.definition.is_value and state.everyone is None) else "off"


def marks(names: Iterable[str]) -> dict[str, list[Mark]]:
    """What runs on these flags or waits for them, and why they are stale. Five queries, however many flags."""
    names = list(names)
    found: dict[str, list[Mark]] = defaultdict(list)
    for experiment in Experiment.objects.running().filter(flag__in=names):
        url = reverse("admin:flags_experiment_results", args=[experiment.pk])
        found[experiment.flag].append(Mark(_("experiment running"), "info", url))
    for ramp in Ramp.objects.filter(flag__in=names, status__in=Ramp.OPEN):
        found[ramp.flag].append(
            Mark(_OPEN_RAMPS[ramp.status], "info", reverse("admin:flags_ramp_change", args=[ramp.pk]))
        )
    waiting = PlannedChange.objects.filter(flag__in=names, status=PlannedChange.Status.WAITING).values("flag")
    for row in waiting.annotate(changes=Count("pk")).order_by("flag"):
        text = ngettext("{number} planned change", "{number} planned changes", row["changes"])
        url = f"{reverse('admin:flags_plannedchange_changelist')}?q={row['flag']}"
        found[row["flag"]].append(Mark(text.format(number=row["changes"]), "info", url))
    for name, reasons in stale().items():
        found[name] += [Mark(STALE[why], "danger" if why == "expired" else "warning") for why in reasons]
    return found


class FlagList(FullChangeList):
    """Marks the flags of the page that is shown, all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = marks(flag.name for flag in self.result_list)
        for flag in self.result_list:
            flag.marks = found.get(flag.name, [])


# ---- Filters


class _FlagFilter(DropdownFilter):  # type: ignore[misc]
    """Flags are few, and most of what they are found by is in the code: they are chosen here, not in the database."""

    options: Callable[[], dict[str, str | Promise]]
    chooses: Callable[[Flag, str], bool]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Model]") -> list[tuple[str, object]]:
        return list(type(self).options().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        wanted = self.value()
        if not wanted:
            return queryset
        return queryset.filter(pk__in=[flag.pk for flag in queryset if type(self).chooses(flag, wanted)])


class KindFilter(_FlagFilter):
    title, parameter_name = _("kind"), "kind"

    @staticmethod
    def options() -> dict[str, str | Promise]:
        return {**KINDS}

    @staticmethod
    def chooses(flag: Flag, wanted: str) -> bool:
        return flag.definition is not None and flag.definition.kind == wanted


class OwnerFilter(_FlagFilter):
    title, parameter_name = _("owner"), "owner"

    @staticmethod
    def options() -> dict[str, str | Promise]:
        return {owner: owner for owner in sorted({definition.owner for definition in CATALOGUE.values()})}

    @staticmethod
    def chooses(flag: Flag, wanted: str) -> bool:
        return flag.definition is not None and flag.definition.owner == wanted


class StateFilter(_FlagFilter):
    title, parameter_name = _("state"), "state"

    @staticmethod
    def options() -> dict[str, str | Promise]:
        return {**LOOKS}

    @staticmethod
    def chooses(flag: Flag, wanted: str) -> bool:
        return look(flag) == wanted


class StaleFilter(DropdownFilter):  # type: ignore[misc]
    title, parameter_name = _("stale"), "stale"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("any", _("stale for any reason")), *STALE.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        wanted = self.value()
        if not wanted:
            return queryset
        return queryset.filter(name__in=[name for name, why in stale().items() if wanted in ("any", *why)])
