"""Appeals: a member's objection to one decision, which another moderator decides."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import RuleError
from apps.moderation import notices
from apps.moderation.decisions.actions import MEASURES
from apps.moderation.decisions.services import MAX_WORDS, locked_decision, take_back
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.models import Appeal, Decision, Finding, Report
from apps.moderation.selectors import in_effect
from apps.moderation.services import Person
from apps.users.models import User
from apps.users.services import clean_text

DECIDE_APPEAL = "moderation.decide_appeal"
APPEAL_WITHIN = timedelta(days=183)
ANSWER_WITHIN = timedelta(days=7)


def appealable(member: User, decision_id: UUID) -> Decision:
    """The member's decision, if they may appeal against it now. Raises RuleError: appeal_gone, appeal_twice."""
    decision = in_effect(member.pk).filter(pk=decision_id).first()
    if decision is None or not MEASURES[decision.action].tells_member:
        raise RuleError("appeal_gone")
    if Appeal.objects.filter(decision=decision).exists():
        raise RuleError("appeal_twice")
    if timezone.now() - decision.created_at > APPEAL_WITHIN:
        raise RuleError("appeal_gone")
    return decision


@transaction.atomic
def file_appeal(member: User, decision_id: UUID, text: str) -> Appeal:
    """One for each decision, cut at 1000 characters. Raises RuleError: appeal_gone, appeal_twice, appeal_empty."""
    words = clean_text(text)[:MAX_WORDS]
    if not words:
        raise RuleError("appeal_empty")
    decision = appealable(member, decision_id)
    appeal, is_new = Appeal.objects.get_or_create(
        decision=decision, defaults={"member": member, "words": words, "due_at": timezone.now() + ANSWER_WITHIN}
    )
    if not is_new:
        raise RuleError("appeal_twice")
    return appeal


@transaction.atomic
def decide_appeal(appeal_id: UUID, *, by: Person, overturn: bool, words: str) -> Appeal:
    """Overturning undoes the decision. By somebody who had no part in it, and with an answer for the member.

    Raises NotAllowedError, ConflictError, InvalidDecisionError.
    """
    if not by.has_perm(DECIDE_APPEAL):
        raise NotAllowedError(_("This needs the right to decide appeals."))
    key = Appeal.objects.filter(pk=appeal_id).values_list("decision", flat=True).first()
    if key is None:
        raise InvalidDecisionError(_("There is no such appeal."))
    decision, member = locked_decision(key)
    appeal = Appeal.objects.select_for_update().get(pk=appeal_id)
    appeal.member = member
    if took_part(decision, by):
        raise NotAllowedError(_("You had a part in this decision: another moderator has to look at the appeal."))
    if appeal.status != Appeal.Status.WAITING:
        raise ConflictError(_("It has been decided already: {how}.").format(how=appeal.get_status_display()))
    answer = clean_text(words)[:MAX_WORDS]
    if not answer:
        raise InvalidDecisionError(_("Say why: the member reads it."))
    appeal.status = Appeal.Status.OVERTURNED if overturn else Appeal.Status.UPHELD
    appeal.answer, appeal.decided_by_id, appeal.decided_at = answer, by.pk, timezone.now()
    appeal.save()
    if overturn:
        take_back(decision, member, by)
        Report.objects.filter(case=decision.case).update(outcome=Report.Outcome.DISMISSED)
        Finding.objects.filter(case=decision.case).update(outcome=Finding.Outcome.DISMISSED)
    notices.send_appeal_decided(appeal)
    return appeal


def took_part(decision: Decision, person: Person) -> bool:
    """Made the decision, or released it."""
    return Decision.objects.filter(Q(pk=decision.pk) | Q(about=decision), by=person.pk).exists()
