"""What hot paths send to PostgreSQL, and what that has planned for the test's connection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection, connections

from apps.core.postgres.preparing import Pipeline


def forget_plans() -> None:
    """As in a new connection: earlier tests have asked through this one, too."""
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    db: Any = connections["default"]
    db._pipeline = None


def planned() -> dict[str, tuple[int, int]]:
    """By prepared query: how often a plan was made for its very values, and how often the one for all values served."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements")
        return {statement: (made, served) for statement, made, served in cursor.fetchall()}


@contextmanager
def round_trips() -> Iterator[list[list[str]]]:
    """The first words of what went to PostgreSQL together, once the block is through. Ordinary cursors are not seen."""
    trips: list[list[str]] = []
    receive = Pipeline._receive

    def note(self: Pipeline, messages: Sequence[Any]) -> None:
        trips.append([message.query.split()[0].decode() for message in messages])
        receive(self, messages)

    with patch.object(Pipeline, "_receive", note):
        yield trips
