"""Deciding a case, the second moderator, taking a decision back, and the end of what was for a time.

Whoever writes locks the member's row first and the case's row second, so no two wait for each other.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.moderation import notices
from apps.moderation.decisions.actions import MEASURES, Action, Order, end_shadow, follow_log
from apps.moderation.errors import ConflictError, InvalidDecisionError, ModerationError, NotAllowedError
from apps.moderation.models import Appeal, Case, Decision, Finding, ReasonTemplate, Report, Strike
from apps.moderation.rules.withheld import show_withheld, withhold
from apps.moderation.selectors import UNDECIDED, evidence_of
from apps.moderation.services import DECIDE, KEEP_EVIDENCE, Person, check_claim, reckon
from apps.users.models import User
from apps.users.restrictions import lock_members, with_expired
from apps.users.services import clean_text

UNDO_OTHERS, APPROVE = "moderation.undo_decision", "moderation.approve_decision"
MAX_WORDS = 1000


@transaction.atomic
def decide(case_id: UUID, *, by: Person, seen: str, order: Order, batch: UUID | None = None) -> Decision:
    """Decides an open case, or holds the decision for a second moderator. `seen` is the `stamp` of what they looked at.

    Raises NotAllowedError, ConflictError, InvalidDecisionError.
    """
    _check_right(by, DECIDE)
    measure = MEASURES.get(order.action)
    if measure is None:
        raise InvalidDecisionError(_("Pick what to do."))
    if measure.permission:
        _check_right(by, measure.permission)
    if batch and measure.takes_photo:
        raise InvalidDecisionError(_("Photos are hidden case by case."))
    case, member = _locked(case_id)
    _check_seen(case, seen)
    check_claim(case, by)
    measure.check(member, order)
    template = _template(order) if measure.upholds_reports else None
    is_held = measure.needs_second(member) or (batch is not None and measure.is_held_in_bulk)
    decision = _write(
        case,
        by,
        action=order.action,
        is_held=is_held,
        until=measure.until(order, timezone.now()),
        template=template,
        policy=template.policy if template else None,
        words=clean_text(order.words)[:MAX_WORDS],
        batch=batch,
    )
    if is_held:
        _set_status(case, Case.Status.HELD)
    else:
        _take_effect(decision, member, order)
    return decision


def decide_all(
    seen: Mapping[UUID, str], *, by: Person, order: Order
) -> tuple[UUID, list[Decision], list[ModerationError]]:
    """Decides cases alike, as one batch that can be undone as one: its id, the decisions, and why others were not made.

    `seen` has the stamp of each case. What restricts members is held for a second moderator.
    """
    batch, done, refused = uuid4(), [], []
    for key, stamp in seen.items():
        try:
            done.append(decide(key, by=by, seen=stamp, order=order, batch=batch))
        except ModerationError as error:
            refused.append(error)
    return batch, done, refused


def release_all(decisions: Iterable[UUID], *, by: Person) -> tuple[list[Decision], list[ModerationError]]:
    """Lets held decisions take effect, each by itself: those that did, and why others did not."""
    return _each(decisions, lambda key: release(key, by=by))


def refuse_all(decisions: Iterable[UUID], *, by: Person, words: str) -> tuple[list[Decision], list[ModerationError]]:
    return _each(decisions, lambda key: refuse(key, by=by, words=words))


def _each(decisions: Iterable[UUID], act: Callable[[UUID], Decision]) -> tuple[list[Decision], list[ModerationError]]:
    done, refused = [], []
    for key in decisions:
        try:
            done.append(act(key))
        except ModerationError as error:
            refused.append(error)
    return done, refused


@transaction.atomic
def release(decision_id: UUID, *, by: Person) -> Decision:
    """Lets a held decision take effect; a time counts from when it was asked for, as the entry says.

    Raises NotAllowedError, ConflictError, InvalidDecisionError.
    """
    decision, member = _held(decision_id, by)
    if decision.until and decision.until <= timezone.now():
        raise InvalidDecisionError(_("Its time is over already: refuse it, and decide anew."))
    hours = round((decision.until - decision.created_at) / timedelta(hours=1)) if decision.until else None
    order = Order(decision.action, template_id=decision.template_id, hours=hours)
    MEASURES[decision.action].check(member, order)
    entry = _write(decision.case, by, action=Action.RELEASE, about=decision)
    _take_effect(decision, member, None)
    return entry


@transaction.atomic
def refuse(decision_id: UUID, *, by: Person, words: str) -> Decision:
    """Sends the case back into the queue. Raises as `release`, and InvalidDecisionError without a reason."""
    decision, __ = _held(decision_id, by)
    if not clean_text(words):
        raise InvalidDecisionError(_("Say why it is refused."))
    entry = _write(decision.case, by, action=Action.REFUSE, about=decision, words=clean_text(words)[:MAX_WORDS])
    _set_status(decision.case, Case.Status.OPEN)
    return entry


@transaction.atomic
def undo(decision_id: UUID, *, by: Person) -> Decision:
    """Takes a decision back: the member is as if it had never been, and the case is in the queue again.

    One's own, or anybody's with the right to. Raises NotAllowedError, ConflictError, InvalidDecisionError.
    """
    decision, member = locked_decision(decision_id)
    _check_may_undo(decision, by)
    entry, had_effect = take_back(decision, member, by)
    if had_effect:
        waiting = Appeal.objects.filter(decision=decision, status=Appeal.Status.WAITING)
        waiting.update(status=Appeal.Status.OVERTURNED, decided_by=by.pk, decided_at=timezone.now())
        if MEASURES[decision.action].tells_member:
            notices.send_taken_back(decision, member)
    _reopen(decision.case, member)
    return entry


def take_back(decision: Decision, member: User, by: Person) -> tuple[Decision, bool]:
    """The entry that undoes it, and whether it had taken effect. The caller holds the locks. Raises ConflictError."""
    entries = Decision.objects.filter(about=decision).values_list("action", flat=True)
    if {Action.UNDO, Action.REFUSE} & set(entries):
        raise ConflictError(_("It has been taken back already."))
    had_effect = not decision.is_held or Action.RELEASE in entries
    entry = _write(decision.case, by, action=Action.UNDO, about=decision)
    if had_effect:
        MEASURES[decision.action].undo(decision, member)
        Strike.objects.filter(decision=decision).delete()
    return entry, had_effect


def undo_batch(batch: UUID, *, by: Person) -> int:
    """Takes back what is left of a batch; how many. What somebody has undone already stays so."""
    undone = 0
    for key in Decision.objects.filter(batch=batch).values_list("pk", flat=True):
        try:
            undo(key, by=by)
        except ConflictError:
            continue
        undone += 1
    return undone


def lift_expired() -> int:
    """Ends limits and suspensions whose time is over, and tells the members; how many. Safe to run twice at once.

    Of a shadow limit they learn neither beginning nor end.
    """
    lifted = 0
    for key in list(with_expired(timezone.now()).values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            lifted += sum(_lift(member) for member in lock_members([key]))
    return lifted


def _lift(member: User) -> bool:
    """False when somebody else has just done it."""
    now = timezone.now()
    told = [end for end in (member.limited_until, member.suspended_until) if end and end <= now]
    was_shadowed = bool(member.shadowed_until and member.shadowed_until <= now)
    if not told and not was_shadowed:
        return False
    follow_log(member, Action.LIMIT, Action.SUSPEND, Action.SHADOW_LIMIT)
    if told:
        notices.send_is_over(member, max(told))
    if was_shadowed:
        end_shadow(member)
    return True


# ---- Locks and checks


def locked_decision(decision_id: UUID) -> tuple[Decision, User]:
    """The entry with its case, both rows and the member's locked. Raises InvalidDecisionError."""
    decision = Decision.objects.filter(pk=decision_id, about=None).select_related("policy", "template").first()
    if decision is None:
        raise InvalidDecisionError(_("There is no such decision."))
    decision.case, member = _locked(decision.case_id)
    return decision, member


def _locked(case_id: UUID) -> tuple[Case, User]:
    member_id = Case.objects.filter(pk=case_id).values_list("member", flat=True).first()
    members = lock_members([member_id]) if member_id else []
    case = Case.objects.select_for_update(no_key=True, of=("self",)).select_related("claimed_by").get(pk=case_id)
    if not members or case.member_id != members[0].pk:
        raise InvalidDecisionError(_("The member has been erased: there is nothing left to decide."))
    return case, members[0]


def _template(order: Order) -> ReasonTemplate:
    in_use = ReasonTemplate.objects.filter(is_active=True).select_related("policy")
    template = in_use.filter(pk=order.template_id).first() if order.template_id else None
    if template is None:
        raise InvalidDecisionError(_("This reason is not in use any more. Pick another one."))
    return template


def _check_right(by: Person, permission: str) -> None:
    if not by.has_perm(permission):
        raise NotAllowedError(_("You do not have the right to do this."))


def _check_seen(case: Case, seen: str) -> None:
    if case.status != Case.Status.OPEN or not seen.startswith(f"{case.version}."):
        last = case.decisions.select_related("by").order_by("number").last()
        first = _("{person} was first, at {time} UTC: {action}. You have changed nothing; look at the case again.")
        raise ConflictError(
            first.format(
                person=last.by if last else "–",
                time=f"{last.created_at:%H:%M}" if last else "–",
                action=last.get_action_display() if last else case.get_status_display(),
            )
        )
    if seen != case.stamp:
        raise ConflictError(
            _("A new report or finding came in while you looked. You have changed nothing; look at the case again.")
        )


def _check_may_undo(decision: Decision, by: Person) -> None:
    if decision.by_id != by.pk:
        _check_right(by, UNDO_OTHERS)
    elif not by.has_perm(UNDO_OTHERS):
        _check_right(by, DECIDE)


def _held(decision_id: UUID, by: Person) -> tuple[Decision, User]:
    _check_right(by, APPROVE)
    decision, member = locked_decision(decision_id)
    if decision.by_id == by.pk:
        raise NotAllowedError(_("You decided this yourself: a second moderator has to look at it."))
    last = decision.case.decisions.order_by("number").last()
    if decision.case.status != Case.Status.HELD or last != decision:
        raise ConflictError(_("It does not wait for anybody any more."))
    return decision, member


# ---- Effects


def _write(case: Case, by: Person, **fields: Any) -> Decision:
    """The next entry of the case's log."""
    case.version += 1
    case.save(update_fields=["version"])
    return Decision.objects.create(case=case, number=case.version, by_id=by.pk, **fields)


def _take_effect(decision: Decision, member: User, order: Order | None) -> None:
    measure, case, now = MEASURES[decision.action], decision.case, timezone.now()
    show_withheld(case, member)
    measure.apply(decision, member, order)
    if measure.strike:
        expires_at = now + timedelta(days=measure.strike_days)
        Strike.objects.create(decision=decision, member=member, weight=measure.strike, expires_at=expires_at)
    outcome = Report.Outcome.UPHELD if measure.upholds_reports else Report.Outcome.DISMISSED
    Report.objects.filter(case=case, outcome=Report.Outcome.PENDING).update(outcome=outcome)
    Finding.objects.filter(case=case, outcome=Finding.Outcome.PENDING).update(outcome=outcome)
    evidence_of(case.pk).update(keep_until=now + KEEP_EVIDENCE)
    _set_status(case, Case.Status.CLOSED)
    if measure.tells_member:
        notices.send_statement(decision, member)
    notices.send_outcomes(case)


def _reopen(case: Case, member: User) -> None:
    """Into the queue again; if the member has another undecided case by now, reports and findings go there."""
    Report.objects.filter(case=case).update(outcome=Report.Outcome.PENDING)
    Finding.objects.filter(case=case).update(outcome=Finding.Outcome.PENDING)
    withhold(member)
    evidence_of(case.pk).update(keep_until=None)
    other = Case.objects.select_for_update(no_key=True).filter(member=member, status__in=UNDECIDED).exclude(pk=case.pk)
    if into := other.first():
        Report.objects.filter(case=case).update(case=into)
        Finding.objects.filter(case=case).update(case=into)
        reckon(into)
        reckon(case)
    else:
        _set_status(case, Case.Status.OPEN)
        reckon(case)


def _set_status(case: Case, status: Case.Status) -> None:
    case.status, case.claimed_by, case.claim_expires_at = status, None, None
    case.closed_at = timezone.now() if status == Case.Status.CLOSED else None
    case.save(update_fields=["status", "claimed_by", "claim_expires_at", "closed_at"])
