"""The one way to ask. No query and no round trip: the answer comes from this process's own snapshot.

The one exception is a member's first question in a study (an experiment, a step of a ramp): that they were exposed is
written down at the very moment, once.
"""

from typing import TypeVar

from apps.flags import live
from apps.flags.catalogue import CATALOGUE, Value
from apps.flags.errors import UnknownFlagError
from apps.flags.experiments.assignment import Assignment, Study
from apps.flags.experiments.recording import expose
from apps.flags.rules import Setting, Subject

V = TypeVar("V", bound=Value)


def is_enabled(name: str, user: Subject | None = None) -> bool:
    """Is this on for the member? `user` None asks for the system as a whole, which is in no percentage and no segment.

    Raises UnknownFlagError for a name that is not in the catalogue, and for one that has a value.
    """
    known = live.current()
    audience = known.toggles.get(name)
    if audience is None:
        raise _unknown(name, asked="is_enabled")
    study = known.studies.get(name)
    assigned = _expose(study, user) if study else None
    return audience.includes(user) if assigned is None else bool(assigned.answer)


def value(name: str, user: Subject | None, default: V) -> V:
    """What is set for the member (None: for the system as a whole), of the type of `default`.

    `default` is answered where nothing is set, or where the flag is killed. Raises UnknownFlagError for a name that is
    not in the catalogue, and for one without a value; TypeError for a default of another type than the catalogue's.
    """
    known = live.current()
    setting = known.settings.get(name)
    if setting is None:
        raise _unknown(name, asked="value")
    expected = type(CATALOGUE[name].default)
    if type(default) is not expected:
        raise TypeError(f"{name}: the default must be of type {expected.__name__}")
    study = known.studies.get(name)
    assigned = _expose(study, user) if study else None
    found = _regular(setting, user) if assigned is None else assigned.answer
    if found is None:
        return default
    assert isinstance(found, type(default))
    return found


def _regular(setting: Setting, user: Subject | None) -> Value | None:
    return setting.value if setting.audience.includes(user) else None


def _expose(study: Study, user: Subject | None) -> Assignment | None:
    """What the member of the study is told, from now on an exposed one; None for who does not take part."""
    assigned = study.assign(user)
    if assigned is not None and user is not None:
        expose(study.id, assigned.variant, user.pk)
    return assigned


def _unknown(name: str, *, asked: str) -> UnknownFlagError:
    if name not in CATALOGUE:
        return UnknownFlagError(f"{name!r} is not in apps.flags.catalogue")
    return UnknownFlagError(f"{name!r} is of kind {CATALOGUE[name].kind.value}: it cannot be asked for with {asked}()")
