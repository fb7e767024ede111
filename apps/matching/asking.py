"""Questions to PostgreSQL in SQL that it plans once in a connection, since planning one takes it longer than answering.

For the queries behind decks, which are few, always the same, and read by index whatever the values are: one plan suits
all. What no single plan suits goes through an ordinary cursor, which has it planned each time.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from apps.core.postgres.base import DatabaseWrapper


def ask(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows. Values go beside the text: cast where PostgreSQL cannot tell their type."""
    db = connections[DEFAULT_DB_ALIAS]
    assert isinstance(db, DatabaseWrapper)
    cursor = db.preparing_cursor()
    cursor.execute(query, parameters)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def ask_one(query: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row; None when there is none."""
    return next(iter(ask(query, parameters)), None)


def as_array(values: Iterable[object]) -> str:
    """Whole numbers or ids as PostgreSQL writes an array, to be cast there: psycopg takes ten times as long."""
    return f"{{{','.join(map(str, values))}}}"


def some(name: str, kind: str) -> str:
    """Stands in a query for an array of any length, given `as_array`.

    PostgreSQL makes do with the plan it has as long as no plan for these very values looks cheaper, which one for three
    of them would, each time: so it is not shown them before it has planned.
    """
    return f"(SELECT %({name})s::{kind}[])::{kind}[]"
