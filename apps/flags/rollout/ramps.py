"""Ramps: a flag's percentage goes up step by step, and all the way back when a guardrail does not hold."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from apps.flags import live, services
from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import ClosedError, FlagError, InvalidChangeError
from apps.flags.models import Experiment, Flag, Ramp, RampStep
from apps.flags.rollout.design import Design
from apps.flags.rollout.guardrails import Reading, first_violation
from apps.flags.rollout.plans import MAX_REMARK, Person, check_second_person, reason_with_origin, record_approval
from apps.flags.rollout.selectors import progress
from apps.flags.state import State

log = structlog.get_logger(__name__)
Status = Ramp.Status
GOING = (Status.RUNNING, Status.PAUSED)


# ---- Starting


def start_ramp(
    name: str,
    *,
    by: AbstractBaseUser | None,
    reason: str,
    design: Design,
    value: Any = None,
    expected_version: int | None = None,
) -> Ramp:
    """Takes the first step at once; on a dangerous flag, as soon as a second person has approved all of it.

    `value`: what those who are in get, of a flag that has one; None: what is set on it.
    Raises as `services.change`, and InvalidChangeError where the flag is in no state to be ramped.
    """
    if not reason.strip():
        raise InvalidChangeError("a ramp needs a reason")
    with transaction.atomic():
        fields = {} if value is None else {"value": value}
        flag, state = services.check(name, expected_version=expected_version, percent=design.steps[0].percent, **fields)
        _check_can_be_ramped(flag, state)
        ramp = Ramp.objects.create(
            flag=name,
            by_id=by.pk if by else None,
            reason=reason.strip()[: services.MAX_REASON],
            needs_approval=CATALOGUE[name].dangerous,
            steps=[step.as_json() for step in design.steps],
            guardrails=[guardrail.as_json() for guardrail in design.guardrails],
            window_hours=design.window_hours,
            min_members=design.min_members,
            value=value,
            status=Status.WAITING,
            version=flag.version,
        )
        if not ramp.needs_approval:
            _begin(ramp)
        return ramp


def approve(key: UUID, *, by: Person) -> Ramp:
    """The ramp, running; or ended, with a remark, where the flag is not as it was.

    Raises NotAllowedError, ClosedError.
    """
    with transaction.atomic():
        ramp = _locked(key, Status.WAITING)
        record_approval(ramp, by=by)
        ramp.save()
        try:
            with transaction.atomic():
                _check_can_be_ramped(*_flag_and_first_state(ramp), besides=ramp)
                _begin(ramp)
        except FlagError as error:
            _end(ramp, Status.STOPPED, str(error))
        return ramp


def refuse(key: UUID, *, by: Person, reason: str) -> Ramp:
    """Raises NotAllowedError, ClosedError, InvalidChangeError without a reason."""
    with transaction.atomic():
        ramp = _locked(key, Status.WAITING)
        check_second_person(ramp, by)
        _end(ramp, Status.STOPPED, f"refused by {by}: {_given(reason)}")
        return ramp


def _begin(ramp: Ramp) -> None:
    ramp.state_before = Flag.objects.get(name=ramp.flag).state.as_json()
    ramp.status = Status.RUNNING
    _take_step(ramp, 1)
    log.info("ramp_started", flag=ramp.flag, ramp=str(ramp.pk))


def _flag_and_first_state(ramp: Ramp) -> tuple[Flag, State]:
    fields = {} if ramp.value is None else {"value": ramp.value}
    percent = ramp.design.steps[0].percent
    return services.check(ramp.flag, expected_version=ramp.version, percent=percent, **fields)


def _check_can_be_ramped(flag: Flag, first: State, besides: Ramp | None = None) -> None:
    """`first`: the flag after the first step. `besides`: the ramp that is about to start."""
    now, definition = flag.state, CATALOGUE[flag.name]
    if now.killed:
        raise InvalidChangeError(f"{flag.name} is killed: take that back first")
    if now.everyone is not None:
        raise InvalidChangeError(
            f"{flag.name} is switched {'on' if now.everyone else 'off'} for everyone: undo that first"
        )
    if definition.is_value and first.value is None:
        raise InvalidChangeError(f"{flag.name}: say which value to ramp up")
    share = _share_now(definition, now)
    if first.percent is not None and share >= first.percent:
        raise InvalidChangeError(f"{share.normalize():f} % have it already: begin with more, or take it back first")
    if share and first.value != now.value:
        raise InvalidChangeError(f"{flag.name} is {now.value} for some: a ramp cannot change that to {first.value}")
    if Experiment.objects.running().filter(flag=flag.name).exists():
        raise InvalidChangeError(f"an experiment is running on {flag.name}: end it first")
    others = Ramp.objects.exclude(pk=besides.pk) if besides else Ramp.objects.all()
    if others.filter(flag=flag.name, status__in=Ramp.OPEN).exists():
        raise InvalidChangeError(f"{flag.name} has a ramp already")


def _share_now(definition: Definition, state: State) -> Decimal:
    """How many per cent of those who fit the rules have it."""
    if definition.is_value and state.value is None:
        return Decimal(0)
    if state.percent is not None:
        return state.percent
    return Decimal(100 if definition.is_value or definition.default or state.segment else 0)


# ---- Going on


def advance_ramps() -> None:
    """Looks at every ramp that is going, each in its own transaction. Safe to run twice, and side by side."""
    for key in Ramp.objects.filter(status__in=GOING).values_list("pk", flat=True):
        try:
            advance(key)
        except Exception:  # one ramp that cannot be looked at must not keep the others from rolling back
            log.exception("ramp_not_advanced", ramp=str(key))


def advance(key: UUID) -> None:
    """Rolls back, takes the next step, ends or waits. Does nothing when the ramp is not going, or somebody has it."""
    with transaction.atomic():
        locked = Ramp.objects.select_for_update(skip_locked=True, of=("self",)).select_related("by", "approved_by")
        ramp = locked.filter(pk=key, status__in=GOING).first()
        if ramp is None:
            return
        try:
            with transaction.atomic():
                _advance(ramp, timezone.now())
        except FlagError as error:  # the flag was changed meanwhile, or cannot be what the ramp wants it to be
            _end(ramp, Status.STOPPED, str(error))


def _advance(ramp: Ramp, now: datetime) -> None:
    services.check(ramp.flag, expected_version=ramp.version)
    violation = first_violation(ramp, now)
    if violation:
        _roll_back_for(ramp, violation)
        return
    where = progress(ramp, now)
    if ramp.status == Status.PAUSED or where is None or not where.is_over(now):
        return
    if where.next_percent is None:
        _end(ramp, Status.FINISHED, "")
    else:
        _take_step(ramp, where.step.number + 1)


def _take_step(ramp: Ramp, number: int) -> None:
    steps = ramp.design.steps
    percent = steps[number - 1].percent
    reason = f"ramp step {number} of {len(steps)}: {percent.normalize():f} %"
    if number == 1:
        reason = reason_with_origin(ramp, f"{reason}; {ramp.reason}")
    _change(ramp, ramp.by, reason, percent=percent, **({} if ramp.value is None else {"value": ramp.value}))
    _close_step(ramp)
    RampStep.objects.create(ramp=ramp, number=number, percent=percent, started_at=timezone.now())
    ramp.save()
    live.changed()


def _change(ramp: Ramp, by: AbstractBaseUser | None, reason: str, **fields: Any) -> None:
    revision = services.change(ramp.flag, by=by, reason=reason, expected_version=ramp.version, approval=ramp, **fields)
    if revision:
        ramp.version = revision.sequence


def _close_step(ramp: Ramp) -> None:
    ramp.steps_taken.filter(ended_at=None).update(ended_at=timezone.now())


def _end(ramp: Ramp, status: Ramp.Status, remark: str) -> None:
    _close_step(ramp)
    ramp.status, ramp.remark, ramp.closed_at = status, remark[:MAX_REMARK], timezone.now()
    ramp.save()
    live.changed()
    log.info("ramp_ended", flag=ramp.flag, ramp=str(ramp.pk), status=status.value)


def _roll_back_for(ramp: Ramp, violation: Reading) -> None:
    _restore(ramp, ramp.by, f"ramp rolled back by its guardrail {violation.in_words}", violation.in_words)
    log.warning("ramp_rolled_back", flag=ramp.flag, ramp=str(ramp.pk), metric=violation.guardrail.metric.value)
    if ramp.by:  # the audit log has no entries without a person
        LogEntry.objects.log_actions(
            ramp.by.pk, Ramp.objects.filter(pk=ramp.pk), CHANGE, f"Rolled back by its guardrail. {violation.in_words}"
        )


def _restore(ramp: Ramp, by: AbstractBaseUser | None, reason: str, remark: str) -> None:
    _change(ramp, by, reason, **State.read(ramp.state_before).as_json())
    _end(ramp, Status.ROLLED_BACK, remark)


# ---- By hand


def pause(key: UUID, *, by: AbstractBaseUser | None, reason: str) -> Ramp:
    """No further step until it is resumed; guardrails go on being watched. Raises ClosedError, InvalidChangeError."""
    with transaction.atomic():
        ramp = _locked(key, Status.RUNNING)
        ramp.status, ramp.remark = Status.PAUSED, f"paused by {_name(by)}: {_given(reason)}"[:MAX_REMARK]
        ramp.save()
        return ramp


def resume(key: UUID, *, by: AbstractBaseUser | None, reason: str) -> Ramp:
    """The pause of the step has gone on meanwhile. Raises ClosedError, InvalidChangeError."""
    with transaction.atomic():
        ramp = _locked(key, Status.PAUSED)
        ramp.status, ramp.remark = Status.RUNNING, f"resumed by {_name(by)}: {_given(reason)}"[:MAX_REMARK]
        ramp.save()
        return ramp


def stop(key: UUID, *, by: AbstractBaseUser | None, reason: str) -> Ramp:
    """Leaves the flag at the percentage it has; a ramp that waits for approval is withdrawn.

    Raises ClosedError, InvalidChangeError.
    """
    with transaction.atomic():
        ramp = _locked(key, *Ramp.OPEN)
        _end(ramp, Status.STOPPED, f"stopped by {_name(by)}: {_given(reason)}")
        return ramp


def roll_back(key: UUID, *, by: AbstractBaseUser | None, reason: str) -> Ramp:
    """Everything as it was before the ramp: that needs no further approval.

    Raises ClosedError, InvalidChangeError, ConflictError when somebody else has changed the flag.
    """
    with transaction.atomic():
        ramp = _locked(key, *GOING)
        _restore(ramp, by, f"ramp rolled back: {_given(reason)}", f"rolled back by {_name(by)}: {reason.strip()}")
        return ramp


def _locked(key: UUID, *statuses: Ramp.Status) -> Ramp:
    ramp = Ramp.objects.select_for_update(of=("self",)).select_related("by", "approved_by").get(pk=key)
    if ramp.status not in statuses:
        raise ClosedError(f"that cannot be done now: the ramp is {ramp.get_status_display().lower()}")
    return ramp


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidChangeError("say why")
    return reason.strip()


def _name(by: AbstractBaseUser | None) -> str:
    return str(by) if by else "no one signed in"
