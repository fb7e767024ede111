"""A thread of each process: learns which faults to suffer, and tells the others how this process gets on.

What processes tell goes into a hash of Redis, which may be away: then each knows of itself alone.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import orjson
import redis
import structlog
from django.apps import apps
from django.conf import settings
from django.db import Error, connections

from apps.core.resilience import faults

if TYPE_CHECKING:
    from apps.core.resilience.dependency import Status

log = structlog.get_logger(__name__)
BEAT_SECS = 0.5
TELL_EVERY = 4  # beats
KEY = "meetsmatch:pulse"
FRESH_SECS, FORGOTTEN_SECS = 10, 3600
# How a process of the Procfile is told by its command line.
KINDS = {"run_sender": "sender", "granian": "web", "beat": "beat", "worker": "worker"}

_thread: threading.Thread | None = None
_starting = threading.Lock()


def start() -> None:
    """Starts the thread in a process of the Procfile, unless it runs there. Costs nothing when it does."""
    global _thread
    if _thread is not None or process_kind() not in KINDS.values() or not settings.RESILIENCE_PULSE or not apps.ready:
        return
    # Before the thread does: a process that is forked amid an import would wait for its end for ever.
    import_module("apps.core.impatient_redis")
    import_module("apps.core.resilience.services")
    with _starting:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="pulse", daemon=True)
            _thread.start()


@cache
def process_kind() -> str:
    """web, sender, worker or beat; other commands by their name."""
    words = [os.path.basename(word) for word in sys.argv]
    return next((KINDS[word] for word in words if word in KINDS), words[1] if len(words) > 1 else "python")


def statuses() -> list["Status"]:
    """How each dependency does as this process sees it."""
    from apps.core.resilience.policies import DEPENDENCIES

    return [each.status() for each in DEPENDENCIES.values()]


def statuses_everywhere() -> dict[str, list["Status"]]:
    """By process (kind, host, number): what each has told within the last seconds; of this one at least."""
    from apps.core.impatient_redis import impatient_redis
    from apps.core.resilience.dependency import Status

    now, told = time.time(), {_me(): statuses()}
    try:
        heard = impatient_redis().hgetall(KEY)
    except redis.RedisError:
        return told
    for name, said in ((_text(name), said) for name, said in heard.items()):
        report = orjson.loads(said)
        if now - report["at"] < FRESH_SECS and name not in told:
            told[name] = [Status(**status) for status in report["statuses"]]
    return dict(sorted(told.items()))


def read_faults() -> None:
    """Installs the faults of the table that are meant for this process; none when they are not allowed."""
    from apps.core.resilience.services import faults_now

    with faults.immune():
        faults.install(faults_now(process_kind()) if faults.are_allowed() else ())


def tell(said: Iterable["Status"]) -> None:
    """Raises RedisError."""
    from apps.core.impatient_redis import impatient_redis

    report = {"at": time.time(), "statuses": [asdict(status) for status in said]}
    impatient_redis().hset(KEY, _me(), orjson.dumps(report))


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _me() -> str:
    return f"{process_kind()} {socket.gethostname()} {os.getpid()}"


def _run() -> None:
    beat = 0
    while True:
        if settings.FAULT_INJECTION:
            _beat_of_faults()
        if beat % TELL_EVERY == 0:
            _beat_of_news(beat)
        beat += 1
        time.sleep(BEAT_SECS)


def _beat_of_faults() -> None:
    try:
        read_faults()
    except Error as error:  # the last known ones serve; each ends by itself
        log.warning("faults_not_read", error=type(error).__name__)
    finally:
        connections.close_all()  # this thread's own


def _beat_of_news(beat: int) -> None:
    from apps.core.impatient_redis import impatient_redis

    try:
        tell(statuses())
        if beat % (TELL_EVERY * 100) == 0:
            old = [name for name, said in impatient_redis().hgetall(KEY).items() if _is_forgotten(said)]
            if old:
                impatient_redis().hdel(KEY, *old)
    except redis.RedisError:
        pass  # the breaker has said so


def _is_forgotten(said: bytes | str) -> bool:
    return time.time() - float(orjson.loads(said)["at"]) > FORGOTTEN_SECS


def _after_fork() -> None:
    global _thread, _starting
    _thread, _starting = None, threading.Lock()
    process_kind.cache_clear()


os.register_at_fork(after_in_child=_after_fork)
