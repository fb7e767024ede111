"""Django's PostgreSQL behind the guard of its policy: a database that is away is asked once a second, not by all.

Connecting is what hangs, and so what the breaker is about. Injected faults strike single queries, too.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql import base

from apps.core.errors import AwayError
from apps.core.resilience import faults
from apps.core.resilience.faults import Kind
from apps.core.resilience.policies import DATABASE


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.FAULT_INJECTION:
            self.execute_wrappers.append(_suffer)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            with DATABASE.guard():
                return super().get_new_connection(conn_params)
        except AwayError as error:
            raise psycopg.OperationalError(str(error)) from None


def _suffer(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Around a query: the faults that are injected into the database."""
    try:
        faults.strike(DATABASE.name, DATABASE.policy.timeout_secs)
    except faults.InjectedError as error:
        if str(error).endswith((Kind.RESET, Kind.UNAVAILABLE)) and context["connection"].connection:
            context["connection"].connection.close()
        raise OperationalError(str(error)) from None
    return execute(sql, params, many, context)
