"""Questions to PostgreSQL that it plans once in a connection, since planning one takes it longer than answering.

For the queries behind decks, which are few, always the same, and read by index whatever the values are: one plan suits
all. What is asked rarely, and what no single plan suits, goes through an ordinary cursor, which sends the values with
the text and has it planned each time.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def ask(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows. Values go beside the text: cast where PostgreSQL cannot tell their type."""
    with connection.cursor() as cursor:
        # Django's own keeps values in the text (settings: prepare_threshold)
        cursor.cursor = psycopg.Cursor(connection.connection)
        cursor.cursor.format = psycopg.pq.Format.BINARY
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def ask_one(query: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row; None when there is none."""
    return next(iter(ask(query, parameters)), None)


def some(name: str, kind: str) -> str:
    """Stands in a query for an array of any length, given as `as_array` writes it.

    PostgreSQL makes do with the plan it has as long as no plan for these very values looks cheaper, which one for three
    of them would, each time: so it is not shown them before it has planned.
    """
    return f"(SELECT %({name})s::{kind}[])::{kind}[]"
