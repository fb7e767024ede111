"""How the delivering process learns at once that there is something to do: PostgreSQL's LISTEN and NOTIFY."""

from django.db import connection

CHANNEL = "simulator"


def wake() -> None:
    """Wakes the delivering process when the current transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def listen() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")


def wait(timeout_secs: float) -> None:
    """Returns when woken, at latest after ``timeout_secs``. Needs ``listen`` on this connection before."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        for _ in connection.connection.notifies(timeout=timeout_secs, stop_after=1):
            pass
