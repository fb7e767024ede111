"""Keeps this process's snapshot up to date: a daemon thread, started by the first question, follows a counter in Redis.

Whoever changes a flag counts it up after the commit; every process sees that within `POLL_SECS` and reads the flags
again. It reads them from time to time anyway, more often while Redis is away. While nothing can be read, the last known
flags serve.
"""

import os
import threading
import time
from collections.abc import Callable

import redis
import structlog
from django.conf import settings
from django.db import connections, transaction

from apps.core.impatient_redis import impatient_redis
from apps.flags import snapshot
from apps.flags.snapshot import Snapshot

log = structlog.get_logger(__name__)

COUNTER = "meetsmatch:flags"
POLL_SECS = 0.5
RELOAD_SECS = 10.0
RELOAD_WITHOUT_REDIS_SECS = 1.5
# The very first question of a process waits this long at most; then the catalogue's defaults serve.
FIRST_LOAD_SECS = 2.0

_current: Snapshot | None = None
_last_known: Snapshot | None = None
_starting = threading.Lock()
_installing = threading.Lock()
_load: Callable[[], Snapshot] = snapshot.defaults


def read_with(load: Callable[[], Snapshot]) -> None:
    """How to read the flags, given once by the app when its models are there."""
    global _load
    _load = load


def current() -> Snapshot:
    found = _current
    return found if found is not None else _start()


def install(taken: Snapshot) -> None:
    """This is what the process answers from, from now on."""
    global _current, _last_known
    with _installing:
        _current = _last_known = taken


def changed() -> None:
    """After every write of a flag, inside its transaction: all processes read again once it is committed.

    Where nothing is followed (in tests) this process reads at once, what is not committed included.
    """
    if settings.FLAGS_FOLLOWED:

        def announce() -> None:
            try:
                impatient_redis().incr(COUNTER)
            except redis.RedisError as error:
                log.warning("flags_not_announced", error=type(error).__name__)
            install(_load())

        transaction.on_commit(announce, robust=True)
    else:
        install(_load())


# ---- Following


class Follower(threading.Thread):
    """Reads the flags again when the counter has moved, and when they have not been read for long."""

    def __init__(self) -> None:
        super().__init__(name="flags", daemon=True)
        self.has_tried = threading.Event()
        self._seen: bytes | str | None = None
        self._read_at: float | None = None
        self._has_redis = True

    def run(self) -> None:
        while True:
            self.look()
            self.has_tried.set()
            time.sleep(POLL_SECS)

    def look(self) -> None:
        # before reading: a change in between moves the counter once more
        counter = self._counter()
        limit_secs = RELOAD_SECS if self._has_redis else RELOAD_WITHOUT_REDIS_SECS
        is_old = self._read_at is None or time.monotonic() - self._read_at >= limit_secs
        if (is_old or (self._has_redis and counter != self._seen)) and self._read():
            self._seen, self._read_at = counter, time.monotonic()

    def _counter(self) -> bytes | str | None:
        """None when nobody has ever counted; the last one while Redis is away."""
        try:
            counter = impatient_redis().get(COUNTER)
        except redis.RedisError as error:
            if self._has_redis:
                log.warning("flags_without_redis", error=type(error).__name__)
            self._has_redis = False
            return self._seen
        self._has_redis = True
        return counter

    def _read(self) -> bool:
        try:
            install(_load())
        except Exception as error:  # noqa: BLE001 whatever a driver raises: the last known flags serve, and it tries again
            log.warning("flags_not_read", error=type(error).__name__)
            return False
        finally:
            # this thread's own; between two looks it would only be one more idle connection
            connections.close_all()
        return True


def _start() -> Snapshot:
    """The process's first question. Also after a fork, which no thread survives."""
    with _starting:
        if _current is None and settings.FLAGS_FOLLOWED:
            follower = Follower()
            follower.start()
            follower.has_tried.wait(FIRST_LOAD_SECS)
        elif _current is None:
            install(_load())
        return _current or _fall_back()


def _fall_back() -> Snapshot:
    """What serves until the flags have been read for the first time."""
    global _current
    with _installing:
        _current = _current or _last_known or snapshot.defaults()
        return _current


def _after_fork() -> None:
    global _current, _starting, _installing
    _current, _starting, _installing = None, threading.Lock(), threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
