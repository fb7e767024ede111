"""What the page of a case shows: read in few queries, whatever the case holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.moderation.decisions.actions import DURATIONS_HOURS, MEASURES, Action, next_step
from apps.moderation.evasion.services import links_of
from apps.moderation.models import Case, Decision, Evidence, Finding, ReasonTemplate, Report, Strike
from apps.moderation.selectors import Record, records
from apps.users.models import Photo, User

CLOCK_COLOURS = {"late": "danger", "soon": "warning", "calm": "success"}


@dataclass(frozen=True)
class Claim:
    """One report with what is known of whoever made it."""

    report: Report
    evidence: Evidence | None
    record: Record


@dataclass
class Entry:
    """A decision of the log, with what became of it."""

    decision: Decision
    followed_by: list[Decision] = field(default_factory=list)
    may_undo: bool = False
    may_judge: bool = False

    @property
    def is_undone(self) -> bool:
        return any(entry.action == Action.UNDO for entry in self.followed_by)

    @property
    def is_waiting(self) -> bool:
        return self.decision.is_held and not self.followed_by

    @property
    def colour(self) -> str | None:
        if self.is_undone or any(entry.action == Action.REFUSE for entry in self.followed_by):
            return None
        return "warning" if self.is_waiting else "info"


@dataclass(frozen=True)
class Choice:
    """One measure as a button: its key, and why it cannot be taken, if so."""

    key: int
    value: str
    label: str
    is_suggested: bool
    takes_hours: bool
    takes_photo: bool


@dataclass(frozen=True)
class Linked:
    """Somebody whom this member seems to be, and why."""

    why: str
    other: User | None
    ban: Decision | None
    at: datetime


@dataclass
class CasePage:
    case: Case
    reports: list[Claim]
    photos: list[Photo]
    entries: list[Entry]
    strikes: list[Strike]
    templates: list[ReasonTemplate]
    choices: list[Choice]
    hours: Sequence[tuple[int, str]]
    findings: list[Finding]
    links: list[Linked]
    opened: UUID | None = None

    @property
    def withheld(self) -> set[UUID | None]:
        """Photos that a rule hid until this is decided: they can be hidden by a decision."""
        return {each.photo_id for each in self.findings if each.hides_photo and each.outcome == each.Outcome.PENDING}

    @property
    def first_evidence(self) -> Evidence | None:
        """The newest of a report, else of a finding; None when its time is over."""
        kept = [claim.evidence for claim in self.reports] + [getattr(each, "evidence", None) for each in self.findings]
        return next(filter(None, kept), None)

    @property
    def strike_weight(self) -> int:
        return sum(strike.weight for strike in self.strikes)

    @property
    def gone_photos(self) -> list[tuple[Evidence, int]]:
        """What the profile showed when it was reported and does not any more: the evidence, and the number in it."""
        seen = {str(photo.pk) for photo in self.photos}
        found = []
        for each in self.reports:
            for number, photo in enumerate(each.evidence.profile.get("photos", []) if each.evidence else []):
                if each.evidence and photo["id"] not in seen:
                    seen.add(photo["id"])
                    found.append((each.evidence, number))
        return found


def read_page(case: Case, person: Any, *, opened: UUID | None = None) -> CasePage:
    """At most ten queries. `opened` is the evidence whose conversation this person has just asked to read."""
    reports = list(case.reports.select_related("reporter__profile", "evidence", "conversation").order_by("-created_at"))
    known = records({report.reporter_id for report in reports if report.reporter_id})
    strikes = list(Strike.objects.filter(member=case.member, expires_at__gt=timezone.now()) if case.member else [])
    choices, templates, hours = read_choices(person, sum(strike.weight for strike in strikes))
    return CasePage(
        case=case,
        reports=[
            Claim(report, getattr(report, "evidence", None), known.get(report.reporter_id, Record()))
            for report in reports
        ],
        photos=list(Photo.objects.filter(user=case.member)) if case.member else [],
        entries=_entries(case, person),
        strikes=strikes,
        templates=templates,
        choices=choices,
        hours=hours,
        findings=list(case.findings.select_related("rule", "photo", "evidence").order_by("-created_at")),
        links=_links(case),
        opened=opened,
    )


def _links(case: Case) -> list[Linked]:
    if case.member_id is None:
        return []
    return [
        Linked(
            why=link.get_kind_display(),
            other=link.member if link.other_id == case.member_id else link.other,
            ban=link.decision,
            at=link.created_at,
        )
        for link in links_of(case.member_id)
    ]


def _entries(case: Case, person: Any) -> list[Entry]:
    """The log of this case and of all others about the same member, newest first."""
    # by the cases' ids: a condition over the join would read the log of everybody
    cases = Case.objects.filter(member=case.member_id) if case.member_id else Case.objects.filter(pk=case.pk)
    log = Decision.objects.filter(case__in=cases).select_related("by", "template", "policy", "case", "appeal")
    entries: dict[UUID, Entry] = {}
    for decision in log.order_by("created_at", "number"):
        if decision.about_id is None:
            entries[decision.pk] = Entry(decision)
        elif decision.about_id in entries:
            entries[decision.about_id].followed_by.append(decision)
    for entry in entries.values():
        is_own = entry.decision.by_id == person.pk
        is_over = entry.is_undone or any(each.action == Action.REFUSE for each in entry.followed_by)
        has_right = person.has_perm("moderation.undo_decision") or (
            is_own and person.has_perm("moderation.decide_case")
        )
        entry.may_undo = case.member_id is not None and not is_over and has_right
        entry.may_judge = entry.is_waiting and not is_own and person.has_perm("moderation.approve_decision")
    return list(entries.values())[::-1]


def read_choices(
    person: Any, strike_weight: int | None = None
) -> tuple[list[Choice], list[ReasonTemplate], list[tuple[int, str]]]:
    """What can be picked: measures (with a suggestion where the weight of the strikes is given), reasons, durations."""
    templates = list(ReasonTemplate.objects.filter(is_active=True).select_related("policy"))
    return _choices(strike_weight, person), templates, [(hours, _duration(hours)) for hours in DURATIONS_HOURS]


def _choices(strike_weight: int | None, person: Any) -> list[Choice]:
    """What this person may do; each keeps its key, whoever looks."""
    suggested = None if strike_weight is None else next_step(strike_weight)
    return [
        Choice(key, action, str(Action(action).label), action == suggested, measure.takes_hours, measure.takes_photo)
        for key, (action, measure) in enumerate(MEASURES.items(), 1)
        if not measure.permission or person.has_perm(measure.permission)
    ]


def _duration(hours: int) -> str:
    return _("1 day") if hours == 24 else _("{count} days").format(count=hours // 24)


def clock(case: Case, now: datetime) -> tuple[str, str]:
    """The colour and the words of the time that is left to decide."""
    if case.due_at <= now:
        return "late", _("{time} late").format(time=timesince(case.due_at, now, depth=1))
    is_soon = (case.due_at - now) * 4 < case.due_at - case.opened_at
    return "soon" if is_soon else "calm", _("{time} left").format(time=timesince(now, case.due_at, depth=1))
