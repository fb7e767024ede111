"""All flags at one moment, immutable, as one process answers from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import InvalidChangeError
from apps.flags.rules import Audience, Members, Setting, audience, setting
from apps.flags.state import State

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every name of the catalogue is in one of the two."""

    toggles: Mapping[str, Audience]
    settings: Mapping[str, Setting]


def take(stored: Mapping[str, object], members: Members) -> Snapshot:
    """`stored` is the state of each flag that has one, as JSON; the others are as the catalogue has them."""
    toggles, settings = {}, {}
    for name, definition in CATALOGUE.items():
        state = _read(name, stored.get(name))
        if definition.is_value:
            settings[name] = setting(definition, state, members)
        else:
            toggles[name] = audience(definition, state, members)
    return Snapshot(MappingProxyType(toggles), MappingProxyType(settings))


def defaults() -> Snapshot:
    return take({}, {})


def _read(name: str, stored: object) -> State:
    """One flag that cannot be read (written by a newer version of the code) must not take the others with it."""
    try:
        return State.read(stored or {})
    except InvalidChangeError:
        log.exception("flag_unreadable", flag=name)
        return State()
