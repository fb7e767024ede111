"""One dependency as this process lives with it: a policy, and the breaker and the counts behind its guard."""

import math
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import stamina
import stamina.instrumentation
import structlog
from django.utils.functional import Promise
from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitMemoryStorage,
)

from apps.core.errors import AwayError
from apps.core.resilience import faults, pulse

R = TypeVar("R")
log = structlog.get_logger(__name__)
# The library's own line quotes the exception, and so perhaps what somebody wrote.
stamina.instrumentation.set_on_retry_hooks([])


@dataclass(frozen=True)
class Policy:
    """How one dependency is used. Times are of one attempt, as its driver takes them."""

    name: str
    connect_secs: float
    timeout_secs: float
    attempts: int
    """Of calls that may be repeated, the first included; all others are made once."""
    failures: int
    """So many in a row open the breaker …"""
    rest_secs: float
    """… for so long; then one call more tells."""
    at_once: int
    """The bulkhead: so many calls of one process at a time, so that a slow dependency does not take all of it."""
    fails_by: tuple[type[BaseException], ...]
    without: str | Promise
    """What members notice while it is away: the degraded mode."""
    answers_by: tuple[type[BaseException], ...] = ()
    """Exceptions that are answers all the same."""


@dataclass(frozen=True)
class Status:
    """What one process knows of one dependency."""

    name: str
    state: str
    """closed (all is well), open (calls are refused) or half-open (the next call tells)"""
    calls: int
    failed: int
    refused: int
    under_way: int


class Dependency:
    """Calls pass through `guard`, or `repeat`. Safe for threads; each process has breakers of its own."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.name = policy.name
        self._storage = _SteadyStorage(STATE_CLOSED)
        self._breaker = CircuitBreaker(
            fail_max=policy.failures,
            reset_timeout=policy.rest_secs,
            exclude=[lambda error: not self._is_failure(error)],
            listeners=[_Announcer()],
            state_storage=self._storage,
            name=policy.name,
            throw_new_error_on_trip=False,
        )
        self._start_counting()
        # another thread's call may hold the lock at that moment, and would hold it for ever in the child
        os.register_at_fork(after_in_child=self._start_counting)

    def _start_counting(self) -> None:
        self._lock = threading.Lock()
        self._calls = self._failed = self._refused = self._under_way = 0

    def guard(self) -> "_Call":
        """Around one call, `with` or `async with`: raises AwayError when it is not to be made.

        All that the call itself raises comes through.
        """
        return _Call(self)

    def repeat(self, call: Callable[[], R]) -> R:
        """The result of a call that does no harm when made twice: tried again, with growing pauses."""
        for attempt in self._attempts():
            with attempt, self.guard():
                return call()
        raise AssertionError("unreachable")

    async def arepeat(self, call: Callable[[], Awaitable[R]]) -> R:
        """As repeat, for a call that is awaited."""
        async for attempt in self._attempts():
            with attempt:
                async with self.guard():
                    return await call()
        raise AssertionError("unreachable")

    def admits(self, wanted: int) -> int:
        """How many calls make sense now: none while the breaker is open, one to find out, else all that are wanted."""
        if self._breaker.current_state == STATE_CLOSED:
            return wanted
        return 0 if self.is_resting else min(wanted, 1)

    @property
    def is_closed(self) -> bool:
        """Whether all is well, as far as this process knows."""
        return bool(self._breaker.current_state == STATE_CLOSED)

    @property
    def is_resting(self) -> bool:
        rest = self.policy.rest_secs
        return self._breaker.current_state == STATE_OPEN and self._storage.open_for_secs() < rest

    def status(self) -> Status:
        state = self._breaker.current_state
        return Status(self.name, state, self._calls, self._failed, self._refused, self._under_way)

    def reset(self) -> None:
        """As in a new process; for tests."""
        self._breaker.close()
        self._start_counting()

    def _attempts(self) -> Any:
        return stamina.retry_context(
            on=self._is_worth_another, attempts=self.policy.attempts, wait_initial=0.1, wait_max=2, wait_jitter=0.2
        )

    def _enter(self) -> AbstractContextManager[None] | None:
        """Takes a place, and asks the breaker; what the library has around a trial where it is not closed."""
        with self._lock:
            if self._under_way >= self.policy.at_once:
                self._refused += 1
                raise AwayError(f"{self.name}: {self.policy.at_once} calls are under way already")
            self._under_way += 1
            self._calls += 1
        if self._storage.state == STATE_CLOSED:
            return None
        trial: AbstractContextManager[None] = self._breaker.calling()
        try:
            trial.__enter__()
        except CircuitBreakerError:
            with self._lock:
                self._under_way -= 1
                self._refused += 1
            raise AwayError(f"{self.name} is resting: its breaker is open") from None
        return trial

    def _leave(self, error: BaseException | None) -> None:
        is_failure = error is not None and self._is_failure(error)
        with self._lock:
            self._under_way -= 1
            self._failed += is_failure

    def _tell_breaker(self, error: BaseException | None) -> None:
        """How a call went that began while it was closed. Says nothing where nothing is new: that is nearly always."""
        if self._storage.state != STATE_CLOSED:
            return
        if error is not None and self._is_failure(error):
            with suppress(type(error)):
                self._breaker.call(_raise, error)
        elif self._storage.counter:
            self._breaker.call(_nothing)

    def _is_failure(self, error: BaseException) -> bool:
        """Whether it says that the dependency is not well, rather than that this call was wrong."""
        if isinstance(error, faults.InjectedError):
            return True
        fails = isinstance(error, self.policy.fails_by) and not isinstance(error, self.policy.answers_by)
        return fails and not getattr(error, "permanent", False)

    def _is_worth_another(self, error: Exception) -> bool:
        return self._is_failure(error) and not isinstance(error, AwayError)


class _Call:
    """One call on its way through a guard. A class, for there is one around every message that is sent."""

    __slots__ = ("_of", "_trial")

    def __init__(self, of: Dependency) -> None:
        self._of = of
        self._trial: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        self._begin()
        if faults.are_there():
            try:
                faults.strike(self._of.name, self._of.policy.timeout_secs)
            except BaseException as error:
                self._end(error)
                raise

    async def __aenter__(self) -> None:
        self._begin()
        if faults.are_there():
            try:
                await faults.astrike(self._of.name, self._of.policy.timeout_secs)
            except BaseException as error:
                self._end(error)
                raise

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._end(error)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._end(error)

    def _begin(self) -> None:
        pulse.start()
        self._trial = self._of._enter()

    def _end(self, error: BaseException | None) -> None:
        self._of._leave(error)
        if self._trial is None:
            self._of._tell_breaker(error)
        elif error is None:
            self._trial.__exit__(None, None, None)
        else:
            self._trial.__exit__(type(error), error, error.__traceback__)


def _nothing() -> None:
    pass


def _raise(error: BaseException) -> None:
    raise error


class _SteadyStorage(CircuitMemoryStorage):
    """The library measures the rest by the wall clock: one that is set back an hour would make it an hour long."""

    _opened: float | None = None

    def open_for_secs(self) -> float:
        """How long ago the breaker opened last; endless when it never has."""
        return math.inf if self._opened is None else time.monotonic() - self._opened

    @property
    def opened_at(self) -> datetime | None:
        return None if self._opened is None else datetime.now(UTC) - timedelta(seconds=self.open_for_secs())

    @opened_at.setter
    def opened_at(self, moment: datetime) -> None:
        self._opened = time.monotonic()


class _Announcer(CircuitBreakerListener):
    def state_change(self, cb: CircuitBreaker, old_state: Any, new_state: Any) -> None:
        is_well = new_state.name == STATE_CLOSED
        (log.info if is_well else log.warning)("breaker_" + new_state.name.replace("-", "_"), dependency=cb.name)
