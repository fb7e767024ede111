"""Redis for those who can do without it, and must not wait for it."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECS = 0.2


@cache
def impatient_redis() -> redis.Redis:
    """This process's client. A call takes two timeouts at most and is never tried again; it raises RedisError."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=TIMEOUT_SECS,
        socket_timeout=TIMEOUT_SECS,
        retry=Retry(NoBackoff(), 0),
    )
