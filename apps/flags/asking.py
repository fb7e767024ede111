"""The one way to ask. No query and no round trip: the answer comes from this process's own snapshot."""

from typing import TypeVar

from apps.flags import live
from apps.flags.catalogue import CATALOGUE, Value
from apps.flags.errors import UnknownFlagError
from apps.flags.rules import Subject

V = TypeVar("V", bound=Value)


def is_enabled(name: str, user: Subject | None = None) -> bool:
    """Is this on for the member? `user` None asks for the system as a whole, which is in no percentage and no segment.

    Raises UnknownFlagError for a name that is not in the catalogue, and for one that has a value.
    """
    audience = live.current().toggles.get(name)
    if audience is None:
        raise _unknown(name, asked="is_enabled")
    return audience.includes(user)


def value(name: str, user: Subject | None, default: V) -> V:
    """What is set for the member (None: for the system as a whole), of the type of `default`.

    `default` is answered where nothing is set, or where the flag is killed. Raises UnknownFlagError for a name that is
    not in the catalogue, and for one without a value; TypeError for a default of another type than the catalogue's.
    """
    setting = live.current().settings.get(name)
    if setting is None:
        raise _unknown(name, asked="value")
    expected = type(CATALOGUE[name].default)
    if type(default) is not expected:
        raise TypeError(f"{name}: the default must be of type {expected.__name__}")
    found = setting.value
    if found is None or not setting.audience.includes(user):
        return default
    assert isinstance(found, type(default))
    return found


def _unknown(name: str, *, asked: str) -> UnknownFlagError:
    if name not in CATALOGUE:
        return UnknownFlagError(f"{name!r} is not in apps.flags.catalogue")
    return UnknownFlagError(f"{name!r} is of kind {CATALOGUE[name].kind.value}: it cannot be asked for with {asked}()")
