"""Every dependency and how we live with it: the one place where timeouts, retries, breakers and bulkheads are declared.

Settings and gateways take their timeouts from here. Nothing here touches Django's settings, which import it.
"""

import psycopg
import redis
from django.core.exceptions import SuspiciousOperation
from django.utils.translation import gettext_lazy as _

from apps.core.errors import GatewayError, RateLimitedError
from apps.core.resilience.dependency import Dependency, Policy

TELEGRAM = Dependency(
    Policy(
        "telegram",
        connect_secs=5,
        # A call that times out is made again though Telegram may have done it: better to wait than to send twice.
        timeout_secs=25,
        attempts=3,  # of downloads alone: a delivery is tried again by the outbox, which knows its order
        failures=10,
        rest_secs=1,
        at_once=1024,
        fails_by=(GatewayError,),
        answers_by=(RateLimitedError,),
        without=_("Messages wait in the outbox and arrive in order once Telegram answers again."),
    )
)
MEDIA = Dependency(
    Policy(
        "media",
        connect_secs=3,
        timeout_secs=20,
        attempts=2,
        failures=5,
        rest_secs=5,
        at_once=16,
        fails_by=(Exception,),
        answers_by=(FileNotFoundError, SuspiciousOperation),
        without=_("Text goes on. A photo that Telegram does not have yet is left out; our copies are made later."),
    )
)
REDIS = Dependency(
    Policy(
        "redis",
        connect_secs=0.2,
        timeout_secs=0.2,
        attempts=1,
        failures=3,
        rest_secs=1,
        at_once=64,
        fails_by=(redis.ConnectionError, redis.TimeoutError),
        without=_("Everything works from PostgreSQL, up to a second later; work for the workers waits."),
    )
)
DATABASE = Dependency(
    Policy(
        "database",
        connect_secs=5,
        timeout_secs=10,  # of a silent network; how long a query may take is the query's affair
        attempts=1,
        failures=3,
        rest_secs=1,
        at_once=64,
        fails_by=(psycopg.OperationalError,),
        without=_("Telegram keeps what members write and posts it again in order; nothing is answered meanwhile."),
    )
)
DEPENDENCIES = {each.name: each for each in (TELEGRAM, MEDIA, REDIS, DATABASE)}
