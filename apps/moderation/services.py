"""Reports and the cases made of them: filing, adopting, claiming, and how long evidence is kept."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps import flags
from apps.conversations.models import Conversation, Message
from apps.flags.experiments.models import Metric
from apps.moderation.errors import ConflictError, NotAllowedError
from apps.moderation.evidence import freeze
from apps.moderation.models import Case, Evidence, Finding, Report
from apps.moderation.selectors import UNDECIDED, Record, records
from apps.moderation.triage import DUE_WITHIN, Severity, severity_of, stored_priority
from apps.users.models import User
from apps.users.services import clean_text

MAX_WORDS = 1000
SAME_REPORT_WITHIN = timedelta(hours=1)
CLAIM_FOR = timedelta(minutes=15)
# After its case was closed, and after the reported member was erased.
KEEP_EVIDENCE, KEEP_EVIDENCE_OF_ERASED = timedelta(days=180), timedelta(days=30)
BATCH = 500
DECIDE = "moderation.decide_case"


class Person(Protocol):
    """Somebody signed in, whose rights can be asked for."""

    pk: Any

    def has_perm(self, perm: str) -> bool: ...


# ---- From reports to cases


@transaction.atomic
def file_report(
    reporter: User,
    reported: User,
    *,
    reason: str,
    conversation: Conversation | None = None,
    message: Message | None = None,
) -> Report:
    """The report, in the reported member's case, with its evidence frozen.

    The same complaint again within an hour is the one that was filed already.
    """
    since = timezone.now() - SAME_REPORT_WITHIN
    same = Report.objects.filter(reporter=reporter, reported=reported, reason=reason, created_at__gt=since)
    if earlier := same.filter(about_message=message.pk if message else None).first():
        return earlier
    record = records([reporter.pk]).get(reporter.pk, Record())
    report = Report.objects.create(
        reporter=reporter,
        reported=reported,
        reason=Report.Reason(reason),
        conversation=conversation,
        about_message=message.pk if message else None,
        accuracy=record.accuracy,
    )
    freeze(report, message=message)
    assert report.reported
    take_in(report, report.reported)
    flags.record(Metric.REPORT, reporter)
    return report


def add_words(report: Report, text: str) -> None:
    """What the reporter has to say about it, cut at 1000 characters."""
    report.words = clean_text(text)[:MAX_WORDS]
    report.save(update_fields=["words"])


def adopt_reports() -> int:
    """Makes cases of reports that came in by another way than `file_report`; how many. Safe to run twice at once."""
    orphans = Report.objects.filter(case=None, reported__isnull=False).order_by("created_at")
    adopted = 0
    for key in list(orphans.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            locked = orphans.select_for_update(skip_locked=True, of=("self",)).filter(pk=key)
            report = locked.select_related("reported", "conversation").first()
            if report:
                if not Evidence.objects.filter(report=report).exists():
                    freeze(report)
                assert report.reported
                take_in(report, report.reported)
                adopted += 1
    return adopted


def take_in(claim: Report | Finding, member: User) -> None:
    """Into the undecided case about the member, which is made when there is none."""
    # of two first reports at once the constraint lets one make the case; get_or_create finds it for the other
    case, __ = Case.objects.select_for_update(no_key=True).get_or_create(
        member=member, status__in=UNDECIDED, defaults={"opened_at": claim.created_at}
    )
    claim.case = case
    claim.save(update_fields=["case"])
    reckon(case)


def reckon(case: Case) -> None:
    """Severity, priority and clock of a case, from what is undecided in it. The caller holds the case's row.

    A rule counts like a reporter: with how far it was right so far, and once, however often it fired.
    """
    reports = list(Report.objects.filter(case=case, outcome=Report.Outcome.PENDING))
    findings = list(Finding.objects.filter(case=case, outcome=Finding.Outcome.PENDING))
    case.report_count, case.finding_count = len(reports), len(findings)
    if reports or findings:
        best: dict[Any, float] = {}
        for who, weight in _voices(reports, findings):
            best[who] = max(weight, best.get(who, 0.0))
        rated = [(each.created_at, severity_of(each.reason)) for each in reports]
        rated += [(each.created_at, Severity(each.severity)) for each in findings]
        case.severity = max(severity for __, severity in rated)
        case.priority = stored_priority(case.severity, best.values(), case.opened_at)
        case.due_at = min(at + DUE_WITHIN[severity] for at, severity in rated)
    case.save(update_fields=["report_count", "finding_count", "severity", "priority", "due_at"])


def _voices(reports: Iterable[Report], findings: Iterable[Finding]) -> Iterable[tuple[Any, float]]:
    yield from ((report.reporter_id or report.pk, report.accuracy) for report in reports)
    yield from ((finding.rule_id, finding.accuracy) for finding in findings)


# ---- Claims


def claim(case_id: UUID, *, by: Person) -> bool:
    """For a quarter of an hour this person works on it. False when somebody else does, or it is not open.

    Conditional: of two at once the database lets one have it. Claiming again prolongs. Raises NotAllowedError.
    """
    if not by.has_perm(DECIDE):
        raise NotAllowedError(_("You do not have the right to do this."))
    now = timezone.now()
    free = Q(claimed_by=None) | Q(claim_expires_at__lte=now) | Q(claimed_by=by.pk)
    taken = Case.objects.filter(free, pk=case_id, status=Case.Status.OPEN)
    return bool(taken.update(claimed_by=by.pk, claim_expires_at=now + CLAIM_FOR))


def release_claim(case_id: UUID, *, by: Person) -> None:
    """Lets go of a case that this person has looked at and leaves undecided. Does nothing to others' claims."""
    Case.objects.filter(pk=case_id, claimed_by=by.pk).update(claimed_by=None, claim_expires_at=None)


def check_claim(case: Case, by: Person) -> None:
    """Raises ConflictError when somebody else works on it."""
    if case.is_claimed and case.claimed_by_id != by.pk:
        assert case.claim_expires_at
        busy = _("{person} is working on this case until {time} UTC. You have changed nothing.")
        raise ConflictError(busy.format(person=case.claimed_by, time=f"{case.claim_expires_at:%H:%M}"))


# ---- Retention


def close_cases_of_erased() -> int:
    """Closes what is open about members who were erased, and shortens how long evidence about them is kept."""
    now = timezone.now()
    limit = now + KEEP_EVIDENCE_OF_ERASED
    later = Q(keep_until=None) | Q(keep_until__gt=limit)
    # evidence of findings goes with the member
    Evidence.objects.filter(later, report__isnull=False, report__reported=None).update(keep_until=limit)
    left = Case.objects.filter(member=None, status__in=UNDECIDED)
    return left.update(status=Case.Status.LEFT, closed_at=now, claimed_by=None, claim_expires_at=None)


def purge_evidence() -> int:
    """Deletes evidence whose time is over; how much. Safe to run twice: each batch is whatever is left."""
    old = Evidence.objects.filter(keep_until__lt=timezone.now()).order_by("keep_until")
    purged = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        Evidence.objects.filter(pk__in=ids).delete()
        purged += len(ids)
    return purged
