"""Django's PostgreSQL behind the guard of its policy: a database that is away is asked once a second, not by all.

Connecting is what hangs, and so what the breaker is about. Injected faults strike single queries, too. Besides, hot
paths get cursors whose statements are planned once and may wait for each other, and a connection that just committed is
not asked whether it is well.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper, debug_transaction

from apps.core.errors import AwayError
from apps.core.postgres.preparing import Pipeline, PreparingCursor
from apps.core.resilience import faults
from apps.core.resilience.faults import Kind
from apps.core.resilience.policies import DATABASE

# A connection that committed this lately is taken to be well: every question saved is a round trip in each update.
TRUSTED_SECS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pipeline: Pipeline | None = None
        self._committed_at = 0.0
        if settings.FAULT_INJECTION:
            self.execute_wrappers.append(_suffer)

    def preparing_cursor(self, *, waits: bool = False) -> CursorWrapper:
        """For one statement, which PostgreSQL plans once in a connection.

        One that `waits` is sent along with the next statement, or with COMMIT.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self._pipeline is None or self._pipeline.connection is not self.connection:
            self._pipeline = Pipeline(self.connection)
        cursor = PreparingCursor(self._pipeline, waits=waits)
        wrapped: CursorWrapper = self._prepare_cursor(cursor)  # type: ignore[attr-defined]
        return wrapped

    def _cursor(self, name: str | None = None) -> CursorWrapper:
        """What waits comes before any other statement."""
        if self._pipeline:
            with self.wrap_database_errors:
                self._pipeline.flush()
        cursor: CursorWrapper = super()._cursor(name)  # type: ignore[misc]
        return cursor

    def close_if_health_check_failed(self) -> None:
        if monotonic() - self._committed_at > TRUSTED_SECS:
            super().close_if_health_check_failed()

    def _commit(self) -> None:
        if self._pipeline:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                self._pipeline.commit()
        else:
            super()._commit()  # type: ignore[misc]
        self._committed_at = monotonic()

    def _rollback(self) -> None:
        self._forget()
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        # whatever waits was written after the savepoint, for that took along what was there before
        self._forget()
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _forget(self) -> None:
        if self._pipeline:
            self._pipeline.forget()

    def _close(self) -> None:
        self._pipeline = None
        super()._close()  # type: ignore[misc]

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
