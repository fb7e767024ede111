"""How writers of deliveries wake the senders: a nudge over Redis, which may get lost, as the senders look anyway."""

import atexit
import os
import time
from collections.abc import AsyncIterator
from threading import Event, Lock, Thread

import redis
import redis.asyncio
import structlog
from django.conf import settings

from apps.core.impatient_redis import TIMEOUT_SECS, impatient_redis

log = structlog.get_logger(__name__)
CHANNEL = "meetsmatch:deliveries"


# A process nudges no more often than this, as senders claim no more often (`sender.PACE_SECS`).
PAUSE_SECS = 0.01


class Nudger:
    """Nudges from a thread of its own: no writer waits for Redis, and one nudge does for all who ask meanwhile."""

    def __init__(self) -> None:
        self._wanted, self._starting = Event(), Lock()
        self._thread: Thread | None = None
        self._has_redis = True

    @property
    def is_asked(self) -> bool:
        return self._wanted.is_set()

    def ask(self) -> None:
        if not self.is_asked:
            self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = Thread(target=self._run, name="nudger", daemon=True)
                    self._thread.start()

    def nudge_if_asked(self) -> None:
        if not self.is_asked:
            return
        self._wanted.clear()
        try:
            impatient_redis().publish(CHANNEL, "")
        except redis.RedisError as error:
            if self._has_redis:
                log.warning("senders_not_woken", error=type(error).__name__)
            self._has_redis = False
            return
        self._has_redis = True

    def _run(self) -> None:
        while self._wanted.wait():
            self.nudge_if_asked()
            time.sleep(PAUSE_SECS)


_nudger = Nudger()
# another thread may hold its locks at that moment, and would for ever in the child, which has no thread either
os.register_at_fork(after_in_child=_nudger.__init__)  # type: ignore[misc]
atexit.register(_nudger.nudge_if_asked)


def wake_senders() -> None:
    """Tells all senders soon that deliveries wait. Returns at once and never raises, with or without Redis."""
    _nudger.ask()


async def count_senders() -> int:
    """How many senders listen; 0 while Redis is away."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=TIMEOUT_SECS)
    try:
        async with client:
            [(_, count)] = await client.pubsub_numsub(CHANNEL)
            return int(count)
    except (redis.RedisError, OSError):
        return 0


async def nudges() -> AsyncIterator[None]:
    """Yields when it starts to listen, then at each wake_senders() anywhere. Raises RedisError when Redis goes away."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=TIMEOUT_SECS)
    async with client, client.pubsub() as subscription:
        await subscription.subscribe(CHANNEL)
        async for _ in subscription.listen():
            yield
