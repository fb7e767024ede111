"""The one way to change a flag: checked against the catalogue, explained, and written down in the same transaction.

People, the command and the API call `propose`: it makes the change, or plans it where it has to wait.
"""

from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import ConflictError, InvalidChangeError, NotAllowedError, UnknownFlagError
from apps.flags.models import Flag, FlagRevision, PlannedChange, state_diff
from apps.flags.rollout.models import Request
from apps.flags.selectors import history
from apps.flags.state import State

MAX_REASON = 500


class Fields(TypedDict, total=False):
    """What can be changed; see `State`. Others stay as they are."""

    killed: bool
    everyone: bool | None
    percent: object
    segment: list[dict[str, Any]]
    value: object


def propose(
    name: str,
    *,
    by: AbstractBaseUser | None,
    reason: str,
    expected_version: int | None = None,
    due_at: datetime | None = None,
    **fields: Unpack[Fields],
) -> FlagRevision | PlannedChange | None:
    """Makes the change at once where it may, else plans it: for `due_at`, or for a second person's approval.

    The revision or the planned change; None when nothing would be different. Raises as `change`.
    """
    reason = _given(reason)
    if due_at is not None and due_at <= timezone.now():
        raise InvalidChangeError("a change is planned for a time to come")
    with transaction.atomic():
        flag, state = check(name, expected_version=expected_version, **fields)
        diff = state_diff(flag.state.as_json(), state.as_json())
        needs_approval = needs_second_person(name, diff)
        if not diff:
            return None
        if due_at is None and not needs_approval:
            return change(name, by=by, reason=reason, **fields)
        return PlannedChange.objects.create(
            flag=name,
            by_id=by.pk if by else None,
            reason=reason[:MAX_REASON],
            needs_approval=needs_approval,
            fields={field: now for field, (_before, now) in diff.items()},
            seen_version=flag.version,
            due_at=due_at,
        )


def change(
    name: str,
    *,
    by: AbstractBaseUser | None,
    reason: str,
    expected_version: int | None = None,
    approval: Request | None = None,
    **fields: Unpack[Fields],
) -> FlagRevision | None:
    """Writes the new state and its revision at once; the revision, or None when nothing is different.

    `expected_version` is the version that the change was made from; None: whatever there is now. `approval` is the
    request that this carries out: without one that a second person has approved, a dangerous flag can only be killed.
    Raises UnknownFlagError, InvalidChangeError, ConflictError, NotAllowedError.
    """
    reason = _given(reason)
    with transaction.atomic():
        flag, state = check(name, expected_version=expected_version, **fields)
        if needs_second_person(name, state_diff(flag.state.as_json(), state.as_json())):
            _check_approval(name, approval)
        version = flag.version
        flag.apply(state)
        flag.save(by=by, reason=reason[:MAX_REASON])
        return history(name)[0] if flag.version != version else None


def check(name: str, *, expected_version: int | None = None, **fields: Unpack[Fields]) -> tuple[Flag, State]:
    """The flag, locked until the transaction ends, and the state it would have. Raises as `change`."""
    definition = CATALOGUE.get(name)
    if definition is None:
        raise UnknownFlagError(f"{name!r} is not in apps.flags.catalogue")
    flag = _locked(name)
    if expected_version is not None and expected_version != flag.version:
        raise ConflictError(_what_came_between(name, expected_version))
    state = flag.state_with(**fields)
    _check_value(definition, state)
    return flag, state


def needs_second_person(name: str, diff: dict[str, list[Any]]) -> bool:
    """Killing a dangerous flag must not wait for anybody; all else must, taking the kill back included."""
    return CATALOGUE[name].dangerous and bool(diff) and diff != {"killed": [False, True]}


def kill(name: str, *, by: AbstractBaseUser | None, reason: str) -> FlagRevision | None:
    """Off for everyone at once; what else is set stays, and holds again when `change` sets killed=False."""
    return change(name, by=by, reason=reason, killed=True)


def switched(definition: Definition, state: State, *, on: bool) -> Fields:
    """What one click changes. On takes a kill back, and returns to the rules where there are any, not past them."""
    if not on:
        return Fields(everyone=False)
    if state.everyone:
        return Fields(killed=False)
    is_on_by_itself = definition.default or state.segment or state.percent is not None
    return Fields(killed=False, everyone=None if is_on_by_itself else True)


def restore(
    revision: FlagRevision, *, by: AbstractBaseUser | None, reason: str, expected_version: int | None = None
) -> FlagRevision | PlannedChange | None:
    """Proposes everything as it was after that revision. Raises as `change`, also where it fits no more."""
    state = State.read(revision.state).as_json()
    return propose(revision.name, by=by, reason=reason, expected_version=expected_version, **state)


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidChangeError("a change needs a reason")
    return reason.strip()


def _check_approval(name: str, approval: Request | None) -> None:
    if approval is None or approval.flag != name or not approval.is_approved:
        raise NotAllowedError(
            f"{name} is dangerous: a second person must approve its changes, so it has to be proposed"
        )


def _locked(name: str) -> Flag:
    Flag.objects.get_or_create(name=name)
    flag: Flag = Flag.objects.select_for_update().get(name=name)
    return flag


def _check_value(definition: Definition, state: State) -> None:
    if state.value is None:
        return
    if not definition.is_value:
        raise InvalidChangeError(f"{definition.name} is on or off: it has no value")
    problem = definition.problem_with(state.value)
    if problem:
        raise InvalidChangeError(f"value: {problem}")


def _what_came_between(name: str, version: int) -> str:
    between = history(name).filter(sequence__gt=version)
    changes = (f"#{each.sequence} by {each.by or 'no one signed in'}: {', '.join(each.diff)}" for each in between)
    return f"{name} has been changed meanwhile ({'; '.join(changes)}). Look at it again before you change it."
