"""Reads of moderation: the queue, the next case, what is in effect, and a reporter's record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from apps.moderation.models import Appeal, Case, Decision, Evidence, Report, Strike
from apps.moderation.triage import accuracy
from apps.users.models import User

Action = Decision.Action
UNDECIDED = (Case.Status.OPEN, Case.Status.HELD)


def queue() -> QuerySet[Case]:
    """What is to be decided, the most urgent first."""
    return Case.objects.filter(status=Case.Status.OPEN, member__isnull=False).order_by("-priority", "-pk")


def free_for(queryset: QuerySet[Case], person_id: Any) -> QuerySet[Case]:
    """Claimed by nobody else at the moment."""
    nobody = Q(claimed_by=None) | Q(claim_expires_at__lte=timezone.now()) | Q(claimed_by=person_id)
    return queryset.filter(nobody)


def next_case(person_id: Any, *, after: Case | None = None) -> Case | None:
    """The most urgent one that nobody else works on; the one behind `after` in the queue, if that is given."""
    cases = free_for(queue(), person_id)
    if after is None:
        return cases.first()
    behind = Q(priority__lt=after.priority) | Q(priority=after.priority, pk__lt=after.pk)
    return cases.filter(behind).first() or cases.exclude(pk=after.pk).first()


def overdue(now: datetime) -> QuerySet[Case]:
    return Case.objects.filter(status=Case.Status.OPEN, member__isnull=False, due_at__lt=now)


def evidence_of(case: UUID) -> QuerySet[Evidence]:
    """Of the case's reports and its findings."""
    return Evidence.objects.filter(Q(report__case=case) | Q(finding__case=case))


def source_of(evidence: Evidence) -> str:
    """For the audit log."""
    name, key = ("report", evidence.report_id) if evidence.report_id else ("finding", evidence.finding_id)
    return f"{name} {str(key)[:8]}"


def _followed(action: Action) -> Exists:
    return Exists(Decision.objects.filter(about=OuterRef("pk"), action=action))


def with_fate(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    """Knows of each entry `is_undone`, `is_released` and `is_refused`."""
    return decisions.annotate(
        is_undone=_followed(Action.UNDO), is_released=_followed(Action.RELEASE), is_refused=_followed(Action.REFUSE)
    )


def in_effect(member_id: UUID | None) -> QuerySet[Decision]:
    """The decisions about a member that hold: neither undone, nor still held or refused. Their time may be over."""
    return in_effect_at_all().filter(case__member=member_id)


def in_effect_at_all() -> QuerySet[Decision]:
    """The same of everybody, also of members who have been erased."""
    every = Decision.objects.filter(about=None)
    return every.filter(Q(is_held=False) | Q(_followed(Action.RELEASE)), ~_followed(Action.UNDO))


def held() -> QuerySet[Decision]:
    """What waits for a second moderator."""
    waiting = Decision.objects.filter(is_held=True, case__status=Case.Status.HELD)
    return waiting.filter(~_followed(Action.UNDO), ~_followed(Action.RELEASE), ~_followed(Action.REFUSE))


def latest_statement(member: User) -> Decision | None:
    """The newest decision in effect that the member was told of, with all that the statement says."""
    told = in_effect(member.pk).exclude(action__in=[Action.DISMISS, Action.SHADOW_LIMIT])
    return told.select_related("policy", "template", "case").order_by("-created_at").first()


def waiting_appeals() -> QuerySet[Appeal]:
    return Appeal.objects.filter(status=Appeal.Status.WAITING).order_by("due_at")


def next_appeal(after: Appeal) -> Appeal | None:
    """The one that is due next, else the first of the others; None when nobody else waits."""
    others = waiting_appeals().exclude(pk=after.pk)
    return others.filter(due_at__gte=after.due_at).first() or others.first()


def strike_weight(member_id: UUID | None, now: datetime) -> int:
    """What counts against a member at this moment."""
    standing = Strike.objects.filter(member=member_id, expires_at__gt=now)
    return standing.aggregate(weight=Sum("weight"))["weight"] or 0


@dataclass(frozen=True)
class Record:
    """How a reporter's earlier reports were decided."""

    filed: int = 0
    upheld: int = 0
    dismissed: int = 0

    @property
    def accuracy(self) -> float:
        return accuracy(upheld=self.upheld, decided=self.upheld + self.dismissed)

    @property
    def percent(self) -> int:
        return round(self.accuracy * 100)


def records(reporter_ids: Iterable[Any]) -> dict[Any, Record]:
    """Of several reporters in one query; who never reported is not in it."""
    rows = (
        Report.objects.filter(reporter__in=list(reporter_ids))
        .values(who=F("reporter"))
        .annotate(
            filed=Count("pk"),
            upheld=Count("pk", filter=Q(outcome=Report.Outcome.UPHELD)),
            dismissed=Count("pk", filter=Q(outcome=Report.Outcome.DISMISSED)),
        )
    )
    return {row["who"]: Record(row["filed"], row["upheld"], row["dismissed"]) for row in rows}
