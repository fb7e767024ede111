"""How writers of deliveries wake the senders: a nudge over Redis, which may get lost, as the senders look anyway."""

from collections.abc import AsyncIterator

import redis
import redis.asyncio
import structlog
from django.conf import settings

from apps.core.impatient_redis import TIMEOUT_SECS, impatient_redis

log = structlog.get_logger(__name__)
CHANNEL = "meetsmatch:deliveries"


def wake_senders() -> None:
    """Tells all senders that deliveries wait. Never raises; without Redis it takes two timeouts at most."""
    try:
        impatient_redis().publish(CHANNEL, "")
    except redis.RedisError as error:
        log.warning("senders_not_woken", error=type(error).__name__)


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
