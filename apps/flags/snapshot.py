"""All flags at one moment, immutable, as one process answers from them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

import structlog

from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import InvalidChangeError
from apps.flags.experiments import assignment
from apps.flags.experiments.assignment import Design, Study
from apps.flags.rules import Audience, Members, Setting, audience, setting
from apps.flags.state import State

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunningStep:
    """A step of an open ramp: the one that `lasts`, or one before it."""

    id: UUID
    flag: str
    lasts: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every name of the catalogue is in one of the first two.

    `studies` are those that decide answers, by the name of their flag; `running` also those that do not at the moment,
    because their flag is killed or set for everyone, or a ramp is a step further: what their members do still counts.
    """

    toggles: Mapping[str, Audience]
    settings: Mapping[str, Setting]
    studies: Mapping[str, Study]
    running: frozenset[UUID]


def take(
    stored: Mapping[str, object],
    members: Members,
    designs: Collection[Design] = (),
    steps: Collection[RunningStep] = (),
) -> Snapshot:
    """`stored` is the state of each flag that has one, as JSON; the others are as the catalogue has them."""
    toggles: dict[str, Audience] = {}
    settings: dict[str, Setting] = {}
    open_flags = set()
    for name, definition in CATALOGUE.items():
        state = _read(name, stored.get(name))
        if definition.is_value:
            settings[name] = setting(definition, state, members)
        else:
            toggles[name] = audience(definition, state, members)
        if not state.killed and state.everyone is None:
            open_flags.add(name)
    studies = dict(_steps(steps, {**toggles, **settings})) | dict(_draws(designs, members))
    return Snapshot(
        MappingProxyType(toggles),
        MappingProxyType(settings),
        {name: study for name, study in studies.items() if name in open_flags},
        frozenset([*(design.id for design in designs), *(step.id for step in steps)]),
    )


def defaults() -> Snapshot:
    return take({}, {})


def _read(name: str, stored: object) -> State:
    """One flag that cannot be read (written by a newer version of the code) must not take the others with it."""
    try:
        return State.read(stored or {})
    except InvalidChangeError:
        log.exception("flag_unreadable", flag=name)
        return State()


def _draws(designs: Iterable[Design], members: Members) -> Iterator[tuple[str, Study]]:
    """Who would be in an experiment that cannot be read gets the flag's regular answer, and is not exposed."""
    for design in designs:
        try:
            if design.flag in CATALOGUE:
                yield design.flag, assignment.draw(design, CATALOGUE[design.flag], members)
        except InvalidChangeError:
            log.exception("experiment_unreadable", experiment=str(design.id), flag=design.flag)


def _steps(steps: Iterable[RunningStep], regular: Mapping[str, Audience | Setting]) -> Iterator[tuple[str, Study]]:
    for step in steps:
        if step.lasts and step.flag in regular:
            yield step.flag, assignment.step(step.id, regular[step.flag])
