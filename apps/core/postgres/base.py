"""Django's PostgreSQL behind the guard of its policy: a database that is away is asked once a second, not by all.

Connecting is what hangs, and so what the breaker is about. Injected faults strike single queries, too. Besides, hot
paths get a cursor that prepares its statements, and a connection that just committed is not asked whether it is well.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper

from apps.core.errors import AwayError
from apps.core.postgres.preparing import PreparingCursor
from apps.core.resilience import faults
from apps.core.resilience.faults import Kind
from apps.core.resilience.policies import DATABASE

# A connection that committed this lately is taken to be well: every question saved is a round trip in each update.
TRUSTED_SECS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._preparing: PreparingCursor | None = None
        self._committed_at = 0.0
        if settings.FAULT_INJECTION:
            self.execute_wrappers.append(_suffer)

    def preparing_cursor(self) -> CursorWrapper:
        """Always the same one: fetch its rows before anything else, and do not close it."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self._preparing is None or self._preparing.connection is not self.connection:
            self._preparing = PreparingCursor(self.connection)
        wrapped: CursorWrapper = self._prepare_cursor(self._preparing)  # type: ignore[attr-defined]
        return wrapped

    def close_if_health_check_failed(self) -> None:
        if monotonic() - self._committed_at > TRUSTED_SECS:
            super().close_if_health_check_failed()

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._committed_at = monotonic()

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
