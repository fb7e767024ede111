"""How arrays stand in the queries behind decks, which PostgreSQL plans once in a connection (`core.prepared`).

Planning one of them takes it longer than answering. They read by index whatever the values are: one plan suits all.
"""

from collections.abc import Iterable


def as_array(values: Iterable[object]) -> str:
    """Whole numbers or ids as PostgreSQL writes an array, to be cast there: psycopg takes ten times as long."""
    return f"{{{','.join(map(str, values))}}}"


def some(name: str, kind: str) -> str:
    """Stands in a query for an array of any length, given `as_array`.

    PostgreSQL makes do with the plan it has as long as no plan for these very values looks cheaper, which one for three
    of them would, each time: so it is not shown them before it has planned.
    """
    return f"(SELECT %({name})s::{kind}[])::{kind}[]"
