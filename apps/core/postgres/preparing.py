"""A cursor for the statements of hot paths: PostgreSQL parses and plans each of them once in a connection.

It goes to libpq through psycopg's own wrapper, adapters and loaders, past psycopg's cursors, which take 85 µs more for
each statement (ADR 28).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple, NoReturn

import psycopg
from django.conf import settings
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.numeric import Int8Dumper

MOST_STATEMENTS = 200
# The plan's columns have changed; somebody has deallocated it. The next time it is made anew.
OUTDATED_PLAN: Final = ("0A000", "26000")
_DONE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class _Text(NamedTuple):
    """A statement as PostgreSQL wants it, with $1 for the first value, and the values' names; none: in their order."""

    query: bytes
    names: tuple[str, ...]


class PreparingCursor:
    """What Django's CursorWrapper needs of a cursor. Raises psycopg's errors.

    With PREPARED_STATEMENTS off every statement is planned each time.
    """

    arraysize = 1

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        context = connection.cursor()
        # one plan, whatever the size of a number
        context.adapters.register_dumper(int, Int8Dumper)
        # psycopg's own, in C; Django's are to choose a time zone, and the session's is UTC
        context.adapters.register_loader("timestamptz", TimestamptzLoader)
        self._transformer = Transformer(context)
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self._numbers = count()
        self._result: pq.abc.PGresult | None = None
        self._query: _Text | None = None  # where Django looks for what it logs

    def execute(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        self._result, self._query = None, (text := _numbered(sql))
        values = [params[name] for name in text.names] if isinstance(params, Mapping) else params
        dumped = self._transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        self._begin()
        result = self._run(text.query, dumped)
        if result.status not in _DONE:
            self._fail(result)
        self._result = result
        self._transformer.set_pgresult(result)

    def fetchall(self) -> list[tuple[Any, ...]]:
        assert self._result
        return self._transformer.load_rows(0, self._result.ntuples, tuple)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchall()), None)

    @property
    def rowcount(self) -> int:
        assert self._result
        return self._result.command_tuples or 0

    def _begin(self) -> None:
        """As psycopg does before the first statement of a transaction."""
        pgconn = self.connection.pgconn
        if self.connection.autocommit or pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return
        if (begun := pgconn.exec_(b"BEGIN")).status not in _DONE:
            self._fail(begun)

    def _run(self, query: bytes, dumped: Sequence[Any]) -> pq.abc.PGresult:
        pgconn, types, formats = self.connection.pgconn, self._transformer.types, self._transformer.formats
        if not settings.PREPARED_STATEMENTS:
            return pgconn.exec_params(query, dumped, types, formats)
        name = self._names.get((query, types or ()))
        if name is None:
            if len(self._names) >= MOST_STATEMENTS:
                self._names.clear()
                pgconn.exec_(b"DEALLOCATE ALL")
            name = b"hot_%d" % next(self._numbers)
            prepared = pgconn.prepare(name, query, types)
            if prepared.status not in _DONE:
                return prepared
            self._names[query, types or ()] = name
        return pgconn.exec_prepared(name, dumped, formats)

    def _fail(self, result: pq.abc.PGresult) -> NoReturn:
        error = error_from_result(result)
        if self.connection.pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(str(error)) from None
        if error.sqlstate in OUTDATED_PLAN:
            self._names.clear()
        raise error


@lru_cache(maxsize=2 * MOST_STATEMENTS)
def _numbered(sql: str) -> _Text:
    """From psycopg's placeholders: %s, or %(name)s, and %% for a percent sign."""
    names: list[str] = []
    numbers = count(1)

    def number(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if placeholder[0] == "%%":
            return "%"
        if name is None:
            return f"${next(numbers)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _Text(re.sub(r"%%|%s|%\((\w+)\)s", number, sql).encode(), tuple(names))
