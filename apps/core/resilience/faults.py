"""Faults injected on purpose: what this process is struck by, as `pulse` has last read it from the table of faults.

Costs an empty tuple where nothing is injected. Each ends at its time without anybody's doing, whatever is away by then.
"""

import asyncio
import errno
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AwayError


class Kind(TextChoices):
    TIMEOUT = "timeout", _("Timeout: no answer")
    RESET = "reset", _("Reset: the connection breaks")
    SLOW = "slow", _("Slow: later by so many milliseconds")
    ERROR = "error", _("Error: calls and queries fail")
    UNAVAILABLE = "unavailable", _("Unavailable: nobody is there")
    FULL = "full", _("Full: nothing can be stored")
    CPU = "cpu", _("CPU: busy for this share of the time")
    MEMORY = "memory", _("Memory: so many mebibytes taken")


PROCESS = "process"  # what CPU and memory are exhausted of, in the place of a dependency
OF_A_PROCESS = frozenset({Kind.CPU, Kind.MEMORY})
BUSY_SECS = 0.05


class InjectedError(AwayError):
    """Stands in the place of what the network, or the other side, would have done."""


@dataclass(frozen=True)
class Active:
    """One fault that strikes this process, until `ends` of its monotonic clock."""

    id: UUID
    dependency: str
    kind: str
    rate: float
    amount: int
    ends: float

    @property
    def has_ended(self) -> bool:
        return time.monotonic() >= self.ends


_active: tuple[Active, ...] = ()
_exhausting: dict[UUID, threading.Thread] = {}
_here = threading.local()
_is_allowed: Callable[[], bool] = lambda: False  # noqa: E731 replaced once, by whoever knows the flags
_dice = random.Random()  # noqa: S311 no secret


def allow_when(is_allowed: Callable[[], bool]) -> None:
    """Who else has to agree, beside the setting: given once by the project, which knows the flags."""
    global _is_allowed
    _is_allowed = is_allowed


def are_allowed() -> bool:
    """The setting FAULT_INJECTION of the deployment and the flag of the running product both have to say so."""
    return bool(settings.FAULT_INJECTION) and _is_allowed()


def install(found: Iterable[Active]) -> None:
    """These strike from now on, and no others."""
    global _active
    _active = tuple(found)
    for fault in _active:
        if fault.dependency == PROCESS and fault.id not in _exhausting:
            thread = threading.Thread(target=_exhaust, args=[fault], name="fault", daemon=True)
            _exhausting[fault.id] = thread
            thread.start()


def are_there() -> bool:
    """Cheap, for it is asked before every call."""
    return bool(_active)


def active() -> tuple[Active, ...]:
    return tuple(fault for fault in _active if not fault.has_ended)


@contextmanager
def immune() -> Iterator[None]:
    """Nothing strikes this thread: it reads or ends the faults themselves."""
    before = getattr(_here, "is_immune", False)
    _here.is_immune = True
    try:
        yield
    finally:
        _here.is_immune = before


def strike(dependency: str, timeout_secs: float) -> None:
    """What is injected into a call of this dependency. Raises InjectedError; sleeps where it is slow or silent."""
    for fault in _striking(dependency):
        time.sleep(_pause_secs(fault, timeout_secs))
        _raise(fault)


async def astrike(dependency: str, timeout_secs: float) -> None:
    for fault in _striking(dependency):
        await asyncio.sleep(_pause_secs(fault, timeout_secs))
        _raise(fault)


def strike_writing(dependency: str) -> None:
    """What is injected where something is stored. Raises OSError as a full disk does."""
    for fault in _active:
        if fault.kind == Kind.FULL and fault.dependency == dependency and _hits(fault):
            raise OSError(errno.ENOSPC, "injected: no space left")


def _striking(dependency: str) -> Iterator[Active]:
    for fault in _active:
        if fault.dependency == dependency and fault.kind != Kind.FULL and _hits(fault):
            yield fault


def _hits(fault: Active) -> bool:
    is_immune = getattr(_here, "is_immune", False)
    return not is_immune and not fault.has_ended and _dice.random() < fault.rate


def _pause_secs(fault: Active, timeout_secs: float) -> float:
    """Nobody waits longer than the dependency's timeout, nor for an answer that comes once the fault has ended."""
    wanted = {Kind.TIMEOUT: timeout_secs, Kind.SLOW: fault.amount / 1000}.get(Kind(fault.kind), 0.0)
    return min(wanted, timeout_secs, max(0.0, fault.ends - time.monotonic()))


def _raise(fault: Active) -> None:
    if fault.kind != Kind.SLOW:
        raise InjectedError(f"injected: {fault.kind}")


def _exhaust(fault: Active) -> None:
    """Keeps this process busy, or its memory full, until the fault has ended or was stopped."""
    held = bytearray(b"\x01") * (fault.amount * 1024 * 1024) if fault.kind == Kind.MEMORY else b""
    while not fault.has_ended and any(other.id == fault.id for other in _active):
        if fault.kind == Kind.CPU:
            until = time.monotonic() + BUSY_SECS * fault.rate
            while time.monotonic() < until:
                pass
        time.sleep(BUSY_SECS * (1 - fault.rate) if fault.kind == Kind.CPU else BUSY_SECS)
    del held
    _exhausting.pop(fault.id, None)
