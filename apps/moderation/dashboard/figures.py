"""How moderation does: read in nine queries, whatever the number of cases.

The depth of the queue is reckoned back from now: what is open at the moment, less what was opened since, plus what was
closed since. So only the cases of the range are read, however long the history is. A case that was reopened counts as
open all along.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone

from apps.moderation.models import Appeal, Case, Decision, Report
from apps.moderation.selectors import waiting_appeals, with_fate
from apps.moderation.verification.services import waiting

RANGES_DAYS = (7, 30, 90)
# Reporters with fewer decided reports tell nothing of themselves yet.
DECIDED_REPORTS = 3


@dataclass(frozen=True)
class Now:
    """What waits at this moment."""

    open: int
    overdue: int
    held: int
    appeals: int
    appeals_late: int
    verifications: int


@dataclass(frozen=True)
class Moment:
    """An hour or a day: `depth` is the number of undecided cases at its end."""

    start: datetime
    opened: int
    in_time: int
    late: int
    depth: int


@dataclass(frozen=True)
class Work:
    """What one moderator, or one kind of decision, amounts to. `appealed` ones wait or are decided."""

    name: str
    made: int = 0
    undone: int = 0
    appealed: int = 0
    overturned: int = 0

    @property
    def reversal_percent(self) -> int:
        return _percent(self.undone, self.made)

    def plus(self, other: "Work") -> "Work":
        return Work(
            self.name,
            self.made + other.made,
            self.undone + other.undone,
            self.appealed + other.appealed,
            self.overturned + other.overturned,
        )


@dataclass(frozen=True)
class Accuracy:
    """Of the reports of one reason that were filed in the range."""

    reason: str
    filed: int
    upheld: int
    dismissed: int

    @property
    def percent(self) -> int | None:
        """None while none is decided."""
        decided = self.upheld + self.dismissed
        return _percent(self.upheld, decided) if decided else None


@dataclass(frozen=True)
class Reporters:
    """Those with at least three decided reports: how often their word held."""

    mostly_right: int = 0
    mixed: int = 0
    mostly_wrong: int = 0


@dataclass(frozen=True)
class Figures:
    days: int
    is_hourly: bool
    now: Now
    moments: list[Moment]
    by_kind: list[Work]
    by_moderator: list[Work]
    accuracy: list[Accuracy]
    reporters: Reporters

    @property
    def closed(self) -> int:
        return sum(moment.in_time + moment.late for moment in self.moments)

    @property
    def late(self) -> int:
        return sum(moment.late for moment in self.moments)

    @property
    def late_percent(self) -> int:
        return _percent(self.late, self.closed)

    @property
    def all_work(self) -> Work:
        return _sum("", self.by_kind)


def read_figures(days: int, now: datetime) -> Figures:
    """Of the last days: by the hour for a week, else by the day."""
    is_hourly = days <= RANGES_DAYS[0]
    starts = list(_starts(days, now, timedelta(hours=1) if is_hourly else timedelta(days=1)))
    present = _waiting(now)
    work = list(_work(starts[0]))
    return Figures(
        days=days,
        is_hourly=is_hourly,
        now=present,
        moments=_moments(starts, present.open, is_hourly=is_hourly),
        by_kind=_grouped(work, by_person=False),
        by_moderator=sorted(_grouped(work, by_person=True), key=lambda each: -each.made),
        accuracy=_accuracy(starts[0]),
        reporters=_reporters(starts[0]),
    )


def _waiting(now: datetime) -> Now:
    is_open = Q(status=Case.Status.OPEN, member__isnull=False)
    cases = Case.objects.filter(closed_at=None).aggregate(
        every=Count("pk"),
        overdue=Count("pk", filter=is_open & Q(due_at__lt=now)),
        held=Count("pk", filter=Q(status="held")),
    )
    appeals = waiting_appeals().order_by().aggregate(every=Count("pk"), late=Count("pk", filter=Q(due_at__lt=now)))
    return Now(cases["every"], cases["overdue"], cases["held"], appeals["every"], appeals["late"], waiting().count())


# ---- The queue over time


def _starts(days: int, now: datetime, step: timedelta) -> Iterator[datetime]:
    """Of each hour or day, from a midnight on, up to the one that runs."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=days - 1)
    while start <= now:
        yield start
        start += step


def _moments(starts: list[datetime], open_now: int, *, is_hourly: bool) -> list[Moment]:
    closed = Q(status=Case.Status.CLOSED)
    opened = _counted(Case.objects, "opened_at", starts[0], is_hourly, every=Count("pk"))
    ended = _counted(
        Case.objects,
        "closed_at",
        starts[0],
        is_hourly,
        every=Count("pk"),
        in_time=Count("pk", filter=closed & Q(closed_at__lte=F("due_at"))),
        late=Count("pk", filter=closed & Q(closed_at__gt=F("due_at"))),
    )
    moments, depth = [], open_now
    for start in reversed(starts):
        new, gone = opened.get(start, {}), ended.get(start, {})
        moments.append(Moment(start, new.get("every", 0), gone.get("in_time", 0), gone.get("late", 0), depth))
        depth += gone.get("every", 0) - new.get("every", 0)
    return moments[::-1]


def _counted(
    rows: Any, field: str, since: datetime, is_hourly: bool, **counts: Count
) -> dict[datetime, dict[str, int]]:
    trunc = (TruncHour if is_hourly else TruncDay)(field)
    found = rows.filter(**{f"{field}__gte": since}).annotate(start=trunc).values("start").annotate(**counts)
    return {row["start"]: row for row in found.order_by()}


# ---- Decisions and reports


def _work(since: datetime) -> Iterator[tuple[str, str, Work]]:
    """Decisions in effect or not, by kind and moderator."""
    made: QuerySet[Decision] = with_fate(Decision.objects.filter(created_at__gte=since, about=None))
    overturned = Q(appeal__status=Appeal.Status.OVERTURNED)
    rows = made.values("action", who=F("by__username")).annotate(
        made=Count("pk"),
        undone=Count("pk", filter=Q(is_undone=True)),
        appealed=Count("appeal"),
        overturned=Count("appeal", filter=overturned),
    )
    for row in rows.order_by():
        numbers = (row["made"], row["undone"], row["appealed"], row["overturned"])
        yield row["action"], row["who"] or "", Work("", *numbers)


def _grouped(work: Iterable[tuple[str, str, Work]], *, by_person: bool) -> list[Work]:
    """By moderator; or by kind, in the order of gravity."""
    groups: dict[str, list[Work]] = {}
    for kind, person, numbers in work:
        groups.setdefault(person if by_person else kind, []).append(numbers)
    if by_person:
        return [_sum(name, found) for name, found in groups.items()]
    kinds = [kind for kind in Decision.Action if kind not in Decision.FOLLOWING]
    return [_sum(str(kind.label), groups[kind]) for kind in kinds if kind in groups]


def _sum(name: str, parts: Iterable[Work]) -> Work:
    total = Work(name)
    for part in parts:
        total = total.plus(part)
    return total


def _accuracy(since: datetime) -> list[Accuracy]:
    filed = Report.objects.filter(created_at__gte=since).values("reason")
    rows: Any = filed.annotate(**_outcomes(), filed=Count("pk")).order_by()
    labels = dict(Report.Reason.choices)
    found = [Accuracy(str(labels[row["reason"]]), row["filed"], row["upheld"], row["dismissed"]) for row in rows]
    return sorted(found, key=lambda each: -each.filed)


def _reporters(since: datetime) -> Reporters:
    """Who reported in the range, by what became of those reports."""
    decided = Report.objects.filter(created_at__gte=since, reporter__isnull=False).exclude(
        outcome=Report.Outcome.PENDING
    )
    each = decided.order_by().values("reporter").annotate(**_outcomes(), decided=Count("pk"))
    wrong, right = Q(upheld__lt=F("decided") * 0.25), Q(upheld__gt=F("decided") * 0.75)
    counts = each.filter(decided__gte=DECIDED_REPORTS).aggregate(
        every=Count("reporter"), wrong=Count("reporter", filter=wrong), right=Count("reporter", filter=right)
    )
    return Reporters(counts["right"], counts["every"] - counts["right"] - counts["wrong"], counts["wrong"])


def _outcomes() -> dict[str, Count]:
    return {
        "upheld": Count("pk", filter=Q(outcome=Report.Outcome.UPHELD)),
        "dismissed": Count("pk", filter=Q(outcome=Report.Outcome.DISMISSED)),
    }


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
