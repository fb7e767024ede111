"""The one way to change a flag: checked against the catalogue, explained, and written down in the same transaction."""

from typing import Any, TypedDict, Unpack

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import ConflictError, InvalidChangeError, UnknownFlagError
from apps.flags.models import Flag, FlagRevision
from apps.flags.selectors import history
from apps.flags.state import State


class Fields(TypedDict, total=False):
    """What can be changed; see `State`. Others stay as they are."""

    killed: bool
    everyone: bool | None
    percent: object
    segment: list[dict[str, Any]]
    value: object


def change(
    name: str,
    *,
    by: AbstractBaseUser | None,
    reason: str,
    expected_version: int | None = None,
    **fields: Unpack[Fields],
) -> FlagRevision | None:
    """Writes the new state and its revision; the revision, or None when nothing is different.

    `expected_version` is the version that the change was made from; None: whatever there is now.
    Raises UnknownFlagError, InvalidChangeError, ConflictError.
    """
    if not reason.strip():
        raise InvalidChangeError("a change needs a reason")
    with transaction.atomic():
        flag, state = check(name, expected_version=expected_version, **fields)
        version = flag.version
        flag.apply(state)
        flag.save(by=by, reason=reason.strip()[:500])
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
) -> FlagRevision | None:
    """Everything as it was after that revision, as a new one. Raises as `change`, also where it fits no more."""
    state = State.read(revision.state).as_json()
    return change(revision.name, by=by, reason=reason, expected_version=expected_version, **state)


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
