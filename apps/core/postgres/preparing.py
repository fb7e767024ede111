"""The statements of hot paths: PostgreSQL plans each of them once in a connection, and gets several in one round trip.

They go to libpq through psycopg's own wrapper, adapters and loaders, past psycopg's cursors, which take 85 µs more for
each statement (ADR 28), and past its pipelines, whose waiting costs what fewer round trips save (ADR 30).
"""

import re
import select
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

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


class _Message:
    """What is sent to PostgreSQL by itself, and what that answered: None as long as it waits."""

    answer: pq.abc.PGresult | None = None

    def __init__(self, query: bytes) -> None:
        self.query = query

    def post(self, pgconn: pq.abc.PGconn) -> None:
        pgconn.send_query_params(self.query, None)


class _Preparation(_Message):
    def __init__(self, query: bytes, types: tuple[int, ...], name: bytes) -> None:
        super().__init__(query)
        self.types, self.name = types, name

    def post(self, pgconn: pq.abc.PGconn) -> None:
        pgconn.send_prepare(self.name, self.query, self.types)


class _Statement(_Message):
    """With its values as PostgreSQL takes them, and the name under which that has its plan; None: it has none."""

    name: bytes | None = None

    def __init__(self, query: bytes, values: Sequence[Any], types: tuple[int, ...], formats: Any) -> None:
        super().__init__(query)
        self.values, self.types, self.formats = values, types, formats

    def post(self, pgconn: pq.abc.PGconn) -> None:
        if self.name:
            pgconn.send_query_prepared(self.name, self.values, self.formats)
        else:
            pgconn.send_query_params(self.query, self.values, self.types, self.formats)


class Pipeline:
    """What hot paths ask through one connection. A statement may wait: then it is sent along with the next, or COMMIT.

    So is a transaction's BEGIN. What those that waited went along with raises their errors, which are psycopg's. With
    PREPARED_STATEMENTS off every statement is planned each time.
    """

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
        self._waiting: list[_Statement] = []
        self._sockets = select.poll()
        self._sockets.register(connection.pgconn.socket, select.POLLIN)

    def add(self, text: _Text, params: Sequence[Any] | Mapping[str, Any], *, waits: bool) -> _Statement:
        """Sends it, or lets it wait. Outside of a transaction nothing waits: no COMMIT would take it along."""
        values = [params[name] for name in text.names] if isinstance(params, Mapping) else params
        dumped = self._transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        statement = _Statement(text.query, dumped, self._transformer.types or (), self._transformer.formats)
        self._waiting.append(statement)
        if not waits or self.connection.autocommit:
            self.flush()
        return statement

    def rows(self, statement: _Statement) -> list[tuple[Any, ...]]:
        answer = self.answer(statement)
        self._transformer.set_pgresult(answer)
        return self._transformer.load_rows(0, answer.ntuples, tuple)

    def answer(self, statement: _Statement) -> pq.abc.PGresult:
        """Sent now if it still waits."""
        if statement.answer is None:
            self.flush()
        assert statement.answer, "it failed, or was rolled back before it was sent"
        return statement.answer

    def flush(self) -> None:
        if self._waiting:
            self._send()

    def commit(self) -> None:
        if self._waiting or self.connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            self._send(_Message(b"COMMIT"))

    def forget(self) -> None:
        """What waits belongs to something that is rolled back."""
        self._waiting.clear()

    def _send(self, *ending: _Message) -> None:
        """All that waits, in one round trip; in a transaction, as psycopg begins one before its first statement."""
        statements, self._waiting = self._waiting, []
        preparing = self._preparing(statements) if settings.PREPARED_STATEMENTS else []
        begins = (
            not self.connection.autocommit and self.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        )
        beginning = [_Message(b"BEGIN")] if begins else []
        self._exchange([*beginning, *preparing, *statements, *ending])

    def _preparing(self, statements: Sequence[_Statement]) -> list[_Preparation]:
        """What must come before them, for they are planned when they come by first."""
        wanted = {(each.query, each.types): None for each in statements}
        new = [each for each in wanted if each not in self._names]
        if len(self._names) + len(new) > MOST_STATEMENTS:
            # by itself: pgbouncer would take what is prepared along with it for deallocated, too
            self._exchange([_Message(b"DEALLOCATE ALL")])
            self._names.clear()
            new = list(wanted)
        self._names |= {each: b"hot_%d" % next(self._numbers) for each in new}
        for statement in statements:
            statement.name = self._names[statement.query, statement.types]
        return [_Preparation(*each, self._names[each]) for each in new]

    def _exchange(self, messages: Sequence[_Message]) -> None:
        """Where one fails PostgreSQL skips those after it."""
        pgconn = self.connection.pgconn
        try:
            pgconn.enter_pipeline_mode()
            for message in messages:
                message.post(pgconn)
            pgconn.pipeline_sync()
            self._receive(messages)
            if pgconn.status != pq.ConnStatus.BAD:
                pgconn.exit_pipeline_mode()
        except BaseException:
            # cut, or interrupted half way: nobody knows what it would answer next
            self.connection.close()
            raise
        self._check(messages)

    def _receive(self, messages: Sequence[_Message]) -> None:
        """The answers to what was sent in pipeline mode. Waits here, for libpq would hold the GIL meanwhile."""
        pgconn = self.connection.pgconn
        while pgconn.flush():
            self._sockets.modify(pgconn.socket, select.POLLIN | select.POLLOUT)
            self._sockets.poll()
            self._sockets.modify(pgconn.socket, select.POLLIN)
            pgconn.consume_input()
        for message in messages:
            message.answer = self._next()
            self._next()  # that there is no more to it
        self._next()  # that all is done

    def _next(self) -> pq.abc.PGresult | None:
        pgconn = self.connection.pgconn
        while pgconn.is_busy():
            self._sockets.poll()
            pgconn.consume_input()
        return pgconn.get_result()

    def _check(self, messages: Sequence[_Message]) -> None:
        """Raises the error of the first that failed, and forgets what was skipped because of it."""
        failed = [each for each in messages if each.answer is None or each.answer.status not in _DONE]
        if not failed:
            return
        answer = failed[0].answer
        for each in failed:
            each.answer = None
            if isinstance(each, _Preparation):
                del self._names[each.query, each.types]
        if answer is None:
            raise psycopg.OperationalError("the connection was cut")
        error = error_from_result(answer)
        if self.connection.pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(str(error)) from None
        if error.sqlstate in OUTDATED_PLAN:
            self._names.clear()
        raise error


class PreparingCursor:
    """What Django's CursorWrapper needs of a cursor, for one statement. Raises psycopg's errors."""

    arraysize = 1

    def __init__(self, pipeline: Pipeline, *, waits: bool) -> None:
        self._pipeline, self._waits = pipeline, waits
        self._query: _Text | None = None  # where Django looks for what it logs
        self._statement: _Statement | None = None

    def execute(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        self._query = _numbered(sql)
        self._statement = self._pipeline.add(self._query, params, waits=self._waits)

    def fetchall(self) -> list[tuple[Any, ...]]:
        assert self._statement
        return self._pipeline.rows(self._statement)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchall()), None)

    @property
    def rowcount(self) -> int:
        assert self._statement
        return self._pipeline.answer(self._statement).command_tuples or 0


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
