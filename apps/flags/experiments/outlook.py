"""What an experiment would mean before it starts: for how many, of whom, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db.models import QuerySet

from apps.flags.experiments.assignment import SLOTS, read_spans
from apps.flags.experiments.models import Experiment
from apps.flags.experiments.results import Plan
from apps.flags.experiments.words import answer_typed
from apps.flags.headcount import fitting, listed_members
from apps.flags.state import State

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Outlook:
    """Of `listed` members so many are `fitting` the rules, and `taking_part` by the share. `needed` to be observed.

    `days` until they are, members being as active as lately; None: there are not enough.
    """

    listed: int
    fitting: int
    taking_part: int
    needed: int
    days: int | None

    @property
    def taking_no_part(self) -> int:
        return self.listed - self.taking_part

    @property
    def percent(self) -> int:
        """How much of the members needed there is, 100 at most."""
        return min(100, 100 * self.taking_part // self.needed)


def outlook(design: Experiment, now: datetime) -> Outlook:
    """Three queries. Raises ValueError where the numbers planned for cannot be."""
    plan = Plan.of(design)
    members = fitting(State.read({"segment": design.segment}).segment)
    fit, needed = members.count(), sum(plan.needed.values())
    weights = sum(plan.weights.values())
    # until the variant that is worst off has its own
    exposed = max(count * weights / plan.weights[name] for name, count in plan.needed.items())
    days = _days(members, ceil(100 * exposed / design.share), now)
    return Outlook(
        listed=listed_members().count(),
        fitting=fit,
        taking_part=fit * design.share // 100,
        needed=needed,
        days=None if days is None else days + design.window_days,
    )


def _days(members: QuerySet[Any], to_come: int, now: datetime) -> int | None:
    """Until as many of them have asked for the flag: within the time in which as many were active lately."""
    active = members.order_by("-last_active_at").values_list("last_active_at", flat=True)
    least_lately = active[to_come - 1 : to_come].first()
    return max(1, ceil((now - least_lately) / DAY)) if least_lately else None


# ---- Whom it is told to


@dataclass(frozen=True)
class Told:
    """What so many members will be told, about."""

    variant: str
    answer: str
    members: int


def told(design: Experiment, taking_part: int) -> list[Told]:
    total = sum(each["weight"] for each in design.variants)
    return [
        Told(each["name"], answer_typed(each["value"]), taking_part * each["weight"] // total)
        for each in design.variants
    ]


@dataclass(frozen=True)
class Layer:
    """Who holds places of the layer now, and how many per cent of it are free."""

    holders: tuple[Experiment, ...]
    free_percent: int


def layer_of(design: Experiment) -> Layer:
    """One query; none where the layer is the experiment's own."""
    holders = tuple(Experiment.objects.in_layer(design.layer))
    taken = sum(end - first for each in holders for first, end in read_spans(each.slots))
    return Layer(holders, 100 * (SLOTS - taken) // SLOTS)
