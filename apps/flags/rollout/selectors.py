"""Reads of planned changes and ramps: what is due, what waits for whom, how far a ramp is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.flags.experiments.assignment import WITH, WITHOUT
from apps.flags.models import Experiment, Exposure, FlagRevision, PlannedChange, Ramp, RampStep
from apps.flags.state import State

# A ramp that was rolled back is told of for so long.
TOLD_FOR = timedelta(days=3)


def due(now: datetime) -> QuerySet[PlannedChange]:
    """What must be made now: its time has come, and whoever must approve it has. The earliest first."""
    approved = Q(needs_approval=False) | Q(approved_at__isnull=False)
    waiting = PlannedChange.objects.filter(approved, status=PlannedChange.Status.WAITING)
    return waiting.filter(Q(due_at=None) | Q(due_at__lte=now)).order_by("due_at", "created_at")


def to_decide(person: UUID | None = None) -> QuerySet[PlannedChange]:
    """What waits for approval; of the person given, what waits for theirs: not what they want themselves."""
    waiting = PlannedChange.objects.filter(
        status=PlannedChange.Status.WAITING, needs_approval=True, approved_at__isnull=True
    )
    return waiting if person is None else waiting.filter(Q(by=None) | ~Q(by=person))


def states_of(planned: PlannedChange) -> tuple[State, State]:
    """The flag as it was when the change was asked for, and as it is to be. Raises InvalidChangeError."""
    revision = FlagRevision.objects.filter(name=planned.flag, sequence=planned.seen_version or 0).first()
    before = revision.state if revision else State().as_json()
    return State.read(before), State.read({**before, **planned.fields})


def rolled_back_lately() -> QuerySet[Ramp]:
    since = timezone.now() - TOLD_FOR
    return Ramp.objects.filter(status=Ramp.Status.ROLLED_BACK, closed_at__gte=since).order_by("-closed_at")


@dataclass(frozen=True)
class Notices:
    """What everybody who looks at a flag must know first."""

    experiment: Experiment | None
    ramp: Ramp | None
    planned: tuple[PlannedChange, ...]


def notices(flag: str) -> Notices:
    """What runs or is open, or was rolled back lately, and the changes that wait. Three queries."""
    told = Q(status__in=Ramp.OPEN) | Q(pk__in=rolled_back_lately().values("pk"))
    ramp = Ramp.objects.filter(told, flag=flag).select_related("by").order_by("-created_at").first()
    waiting = PlannedChange.objects.filter(flag=flag, status=PlannedChange.Status.WAITING).select_related("by")
    experiment = Experiment.objects.running().filter(flag=flag).first()
    return Notices(experiment, ramp, tuple(waiting.order_by("created_at")))


@dataclass(frozen=True)
class Progress:
    """Where an open ramp is. `missing`: how many more members must be observed with the flag, and without it."""

    step: RampStep
    next_percent: Decimal | None
    pause_until: datetime
    missing: Mapping[str, int]

    def is_over(self, now: datetime) -> bool:
        return now >= self.pause_until and not any(self.missing.values())


def progress(ramp: Ramp, now: datetime) -> Progress | None:
    """None while no step lasts: the ramp waits for approval, or has ended."""
    step = ramp.steps_taken.filter(ended_at=None).first()
    if step is None:
        return None
    planned = ramp.design.steps
    later = planned[step.number :]
    return Progress(
        step,
        later[0].percent if later else None,
        step.started_at + timedelta(minutes=planned[step.number - 1].pause_minutes),
        # where all have it, there is nobody without it to compare with
        _missing(ramp, step, now) if step.percent < 100 else {},
    )


def _missing(ramp: Ramp, step: RampStep, now: datetime) -> dict[str, int]:
    if not ramp.min_members:
        return {}
    observed_since = now - timedelta(hours=ramp.window_hours)
    rows = Exposure.objects.filter(study=step.pk, at__lte=observed_since).order_by().values_list("variant")
    observed = dict(rows.annotate(count=Count("pk")))
    return {variant: max(0, ramp.min_members - observed.get(variant, 0)) for variant in (WITH, WITHOUT)}
