"""Redis for those who can do without it, and must not wait for it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.errors import AwayError
from apps.core.resilience.policies import REDIS

TIMEOUT_SECS = REDIS.policy.timeout_secs


class _Guarded(redis.Redis):
    """While its breaker is open every command fails at once, as a refused connection does."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        run: Callable[..., Any] = super().execute_command
        try:
            with REDIS.guard():
                return run(*args, **options)
        except AwayError as error:
            raise redis.ConnectionError(str(error)) from None


@cache
def impatient_redis() -> redis.Redis:
    """This process's client. A call takes two timeouts at most and is never tried again; it raises RedisError."""
    return _Guarded.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS.policy.connect_secs,
        socket_timeout=REDIS.policy.timeout_secs,
        retry=Retry(NoBackoff(), 0),
    )
