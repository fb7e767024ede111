"""What PostgreSQL has planned for the test's connection."""

from typing import Any

from django.db import connection, connections


def forget_plans() -> None:
    """As in a new connection: earlier tests have asked through this one, too."""
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    db: Any = connections["default"]
    db._preparing = None


def planned() -> dict[str, tuple[int, int]]:
    """By prepared query: how often a plan was made for its very values, and how often the one for all values served."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements")
        return {statement: (made, served) for statement, made, served in cursor.fetchall()}
