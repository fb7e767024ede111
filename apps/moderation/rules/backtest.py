"""How a rule would have done on what happened in the last days: asked anew about each, with what is known of that time.

Messages, words of profiles, photos and members are those that are still there, the newest first, up to `MAX_SUBJECTS`.
Counts of messages and the age of the account are of the moment of the message; all else is as it is today.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.conversations.models import Message
from apps.moderation.checks.facts import member_facts, message_facts, photo_facts, profile_facts
from apps.moderation.errors import InvalidDecisionError, NotAllowedError
from apps.moderation.models import Backtest, Finding, PhotoCheck, Report, Rule
from apps.moderation.rules.expressions import EvaluationError, asked, check
from apps.moderation.rules.facts import Facts
from apps.moderation.rules.live import holds
from apps.moderation.services import Person
from apps.users.models import Profile, User

MAX_DAYS, MAX_SUBJECTS = 90, 5000
CHUNK = 200
Row = TypeVar("Row", bound=Model)
RUN = "moderation.run_backtest"


class Subject(NamedTuple):
    """One thing that a rule is asked about: whose, when, and what was known."""

    member_id: UUID
    at: datetime
    facts: Facts


def order(rule: Rule, *, days: int, by: Person) -> Backtest:
    """The backtest, which a worker runs. Raises NotAllowedError, InvalidDecisionError."""
    if not by.has_perm("moderation.change_rule"):
        raise NotAllowedError(_("You do not have the right to do this."))
    if not 1 <= days <= MAX_DAYS:
        raise InvalidDecisionError(_("From 1 to {max} days.").format(max=MAX_DAYS))
    return Backtest.objects.create(rule=rule, version=rule.version, days=days, by_id=by.pk)


def run(backtest: Backtest) -> None:
    """Fills in what came of it. Safe to run twice. Raises ExpressionError when the rule is wrong."""
    rule = backtest.rule
    if rule.version != backtest.version:
        _finish(backtest, Backtest.Status.FAILED, error=_("The rule was changed before it could be run."))
        return
    expression = check(rule.expression, rule.about, cheap_only=rule.is_before_sending)
    since = timezone.now() - timedelta(days=backtest.days)
    backtest.asked_of = backtest.errors = 0
    hits: list[tuple[UUID, datetime]] = []
    for subject in _subjects(rule.about, since, wanted=expression.mentions):
        backtest.asked_of += 1
        try:
            if holds(expression, asked(rule.about, subject.facts)):
                hits.append((subject.member_id, subject.at))
        except EvaluationError:
            backtest.errors += 1
    decided = _decided(since) if hits else {}
    outcomes = [_outcome(hit, decided) for hit in hits]
    backtest.fired, backtest.members = len(hits), len({member for member, __ in hits})
    backtest.upheld, backtest.dismissed = outcomes.count("upheld"), outcomes.count("dismissed")
    _finish(backtest, Backtest.Status.DONE)


def _finish(backtest: Backtest, status: Backtest.Status, *, error: str = "") -> None:
    backtest.status, backtest.error, backtest.finished_at = status, error, timezone.now()
    with transaction.atomic():
        backtest.save()


def _subjects(about: str, since: datetime, *, wanted: frozenset[str]) -> Iterable[Subject]:
    match about:
        case Rule.About.MESSAGE:
            return _messages(since, wanted)
        case Rule.About.PHOTO:
            return _photos(since, wanted)
        case Rule.About.PROFILE:
            return _profiles(since, wanted)
    return _members(since)


def _messages(since: datetime, wanted: frozenset[str]) -> Iterable[Subject]:
    messages = Message.objects.filter(created_at__gte=since).select_related("sender").order_by("-created_at")
    for chunk in _chunks(messages):
        for message, facts in zip(chunk, message_facts(chunk, wanted=wanted), strict=True):
            yield Subject(message.sender_id, message.created_at, facts)


def _photos(since: datetime, wanted: frozenset[str]) -> Iterable[Subject]:
    checks = PhotoCheck.objects.filter(checked_at__gte=since).select_related("photo__user").order_by("-checked_at")
    for each in checks[:MAX_SUBJECTS]:
        yield Subject(each.photo.user_id, each.photo.created_at, photo_facts(each, wanted=wanted))


def _profiles(since: datetime, wanted: frozenset[str]) -> Iterable[Subject]:
    written = Profile.objects.filter(bio_changed_at__gte=since).exclude(bio="").select_related("user")
    for chunk in _chunks(written.order_by("-bio_changed_at")):
        for profile, facts in zip(chunk, profile_facts(chunk, wanted=wanted), strict=True):
            assert profile.bio_changed_at
            yield Subject(profile.user_id, profile.bio_changed_at, facts)


def _members(since: datetime) -> Iterable[Subject]:
    joined = User.objects.filter(date_joined__gte=since, telegram_id__isnull=False).order_by("-date_joined")
    for member in joined[:MAX_SUBJECTS]:
        yield Subject(member.pk, member.date_joined, member_facts(member))


def _chunks(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    found = list(rows[:MAX_SUBJECTS])
    for start in range(0, len(found), CHUNK):
        yield found[start : start + CHUNK]


# ---- What was decided afterwards

Decided = dict[UUID, list[tuple[datetime, str]]]


def _decided(since: datetime) -> Decided:
    """When somebody was reported or found, and how that was decided; the members' own, newest last."""
    decided: Decided = {}
    reports = Report.objects.filter(created_at__gte=since).exclude(outcome=Report.Outcome.PENDING)
    findings = Finding.objects.filter(created_at__gte=since, is_shadow=False).exclude(outcome=Finding.Outcome.PENDING)
    rows: list[tuple[Any, ...]] = [*reports.values_list("reported", "created_at", "outcome")]
    rows += findings.values_list("member", "created_at", "outcome")
    for member, at, outcome in rows:
        decided.setdefault(member, []).append((at, outcome))
    return decided


def _outcome(hit: tuple[UUID, datetime], decided: Decided) -> str:
    """ "upheld" when anything against the member was, "dismissed" when all was, else empty."""
    member, at = hit
    outcomes = {outcome for when, outcome in decided.get(member, ()) if when >= at}
    return "upheld" if "upheld" in outcomes else "dismissed" if outcomes else ""
