"""How writers of deliveries wake the senders: a nudge over Redis, which may get lost, as the senders look anyway."""

from collections.abc import AsyncIterator
from functools import cache

import redis
import redis.asyncio
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)
CHANNEL = "meetsmatch:deliveries"
# A member's update waits for this when Redis does not answer.
TIMEOUT_SECS = 0.2


def wake_senders() -> None:
    """Tells all senders that deliveries wait. Never raises; without Redis it takes two timeouts at most."""
    try:
        _client().publish(CHANNEL, "")
    except redis.RedisError as error:
        log.warning("senders_not_woken", error=type(error).__name__)


async def nudges() -> AsyncIterator[None]:
    """Yields when it starts to listen, then at each wake_senders() anywhere. Raises RedisError when Redis goes away."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=TIMEOUT_SECS)
    async with client, client.pubsub() as subscription:
        await subscription.subscribe(CHANNEL)
        async for _ in subscription.listen():
            yield


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=TIMEOUT_SECS,
        socket_timeout=TIMEOUT_SECS,
        retry=Retry(NoBackoff(), 0),
    )
