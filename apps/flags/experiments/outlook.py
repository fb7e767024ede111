"""What an experiment would mean before it starts: for how many, of whom, and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from apps.flags.experiments.assignment import SLOTS, read_spans
from apps.flags.experiments.models import Experiment
from apps.flags.experiments.results import Plan
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
    def percent(self) -> int:
        """How much of the members needed there is, 100 at most."""
        return min(100, 100 * self.taking_part // self.needed)


def outlook(design: Experiment, now: datetime) -> Outlook:
    """Three queries. Raises ValueError where the numbers planned for cannot be."""
    plan = Plan.of(design)
    members = fitting(State.read({"segment": design.segment}).segment)
    fit, needed = members.count(), sum(plan.needed.values())
    weights = sum(plan.weights.values())
    # of all members who fit, until the variant that is worst off has its own
    to_come = max(ceil(count * weights / plan.weights[name]) for name, count in plan.needed.items())
    return Outlook(
        listed=listed_members().count(),
        fitting=fit,
        taking_part=fit * design.share // 100,
        needed=needed,
        days=_days(list(_last_active(members, ceil(100 * to_come / design.share))), now, design.window_days),
    )


def _last_active(members: object, count: int) -> Iterator[datetime]:
    """Of as many members, the most recently active, the one who was it the longest ago; nothing where there are fewer.

    As many are active within the time since then, so in about that time as many will be exposed.
    """
    yield from members.order_by("-last_active_at").values_list("last_active_at", flat=True)[count - 1 : count]  # type: ignore[attr-defined]


def _days(last_active: list[datetime], now: datetime, window_days: int) -> int | None:
    return max(1, ceil((now - last_active[0]) / DAY)) + window_days if last_active else None


# ---- Whom it is told to


@dataclass(frozen=True)
class Told:
    """What so many members will be told, about."""

    variant: str
    answer: object
    members: int


def told(design: Experiment, taking_part: int) -> list[Told]:
    total = sum(each["weight"] for each in design.variants)
    return [Told(each["name"], each["value"], taking_part * each["weight"] // total) for each in design.variants]


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
