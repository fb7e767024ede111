"""Statements that wait for the next one, or for COMMIT, and are sent along with it."""

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.core.postgres.preparing import MOST_STATEMENTS, Pipeline
from apps.core.prepared import ask, tell
from tests.concurrency import at_once
from tests.plans import planned, round_trips

pytestmark = pytest.mark.django_db
ADD = "INSERT INTO note (words) VALUES (%s)"


def on_a_connection_of_its_own(act: Callable[[], None]) -> None:
    """With an empty table of notes, and transactions that are not the test's savepoints."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE note (words text UNIQUE CHECK (words <> ''))")
        act()

    at_once(run)


def add(words: str) -> None:
    tell(ADD, [words], waits=True)


@transaction.atomic
def together(*acts: Callable[[], object]) -> None:
    for act in acts:
        act()


def notes() -> list[str]:
    """Through an ordinary cursor."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM note ORDER BY words")
        return [words for (words,) in cursor.fetchall()]


def test_a_transaction_begins_and_ends_with_its_first_and_last_statement() -> None:
    def act() -> None:
        for _ in range(2):  # the second time all is planned
            with round_trips() as trips, transaction.atomic():
                found = tell("SELECT 6", [], waits=True)
                assert ask("SELECT 7", []) == [(7,)]
                assert found.fetchall() == [(6,)]
                tell("SELECT 8", [], waits=True)
                tell("SELECT 9", [], waits=True)
        assert trips == [["BEGIN", "SELECT", "SELECT"], ["SELECT", "SELECT", "COMMIT"]]

    on_a_connection_of_its_own(act)


def test_a_transaction_that_asked_nothing_costs_nothing() -> None:
    def act() -> None:
        ask("SELECT 7", [])
        with round_trips() as trips, transaction.atomic():
            pass
        assert trips == []

    on_a_connection_of_its_own(act)


def test_it_is_sent_at_the_latest_when_its_rows_are_fetched() -> None:
    def act() -> None:
        with transaction.atomic():
            later = tell("SELECT %s::integer", [7], waits=True)
            more = tell("SELECT %s::integer", [8], waits=True)
            assert (later.fetchall(), more.fetchone(), more.rowcount) == ([(7,)], (8,), 1)

    on_a_connection_of_its_own(act)


def test_outside_of_a_transaction_nothing_waits() -> None:
    def act() -> None:
        with round_trips() as trips:
            add("now")
        assert trips == [["INSERT", "INSERT"]]  # planned and executed
        assert notes() == ["now"]

    on_a_connection_of_its_own(act)


def test_an_ordinary_query_sees_what_was_told_before_it() -> None:
    def act() -> None:
        with transaction.atomic():
            add("first")
            assert notes() == ["first"]
            with transaction.atomic():
                add("second")
            add("third")
        assert notes() == ["first", "second", "third"]

    on_a_connection_of_its_own(act)


def test_a_query_is_counted_when_it_is_told() -> None:
    with CaptureQueriesContext(connection) as queries:
        tell("SELECT 7", [], waits=True)

    assert [query["sql"] for query in queries] == ["SELECT 7"]


def test_what_is_rolled_back_was_never_sent() -> None:
    def act() -> None:
        with round_trips() as trips, transaction.atomic():
            add("never")
            transaction.set_rollback(True)
        assert trips == []
        assert notes() == []

    on_a_connection_of_its_own(act)


def test_a_savepoint_takes_back_what_came_after_it_and_nothing_else() -> None:
    def act() -> None:
        with transaction.atomic():
            add("before")
            with transaction.atomic():
                add("within")
                transaction.set_rollback(True)
            add("after")
        assert notes() == ["after", "before"]

    on_a_connection_of_its_own(act)


@pytest.mark.parametrize("is_pooled", [False, True])
def test_one_that_fails_takes_its_whole_transaction_with_it(settings, is_pooled: bool) -> None:
    settings.PREPARED_STATEMENTS = not is_pooled

    def act() -> None:
        follow_ups = (lambda: add("after"), lambda: ask("SELECT 7", []), notes)
        for follow_up in follow_ups:
            with pytest.raises(DatabaseError, match="note_words_check"):
                together(lambda: add("before"), lambda: add(""), follow_up)
            assert notes() == []
        with transaction.atomic():
            add("again")
        assert notes() == ["again"]

    on_a_connection_of_its_own(act)


def test_a_mistake_in_one_does_not_lose_the_others_silently() -> None:
    def act() -> None:
        with transaction.atomic():
            add("waits")
            with pytest.raises(ProgrammingError, match="no_such_table"):
                ask("SELECT * FROM no_such_table", [])
            with pytest.raises(DatabaseError, match="aborted"):
                notes()
            transaction.set_rollback(True)
        with transaction.atomic():
            add("waits")
        assert notes() == ["waits"]

    on_a_connection_of_its_own(act)


def test_the_answer_of_one_that_was_skipped_is_no_empty_one() -> None:
    def act() -> None:
        with transaction.atomic():
            add("")
            skipped = tell("SELECT 7", [], waits=True)
            with pytest.raises(DatabaseError, match="note_words_check"):
                skipped.fetchall()
            with pytest.raises(AssertionError, match="it failed"):
                skipped.fetchall()
            transaction.set_rollback(True)

    on_a_connection_of_its_own(act)


def test_more_than_all_buffers_hold_goes_through() -> None:
    def act() -> None:
        long = "x" * 3_000_000
        with transaction.atomic():
            echoes = [tell("SELECT %s::text", [f"{number}{long}"], waits=True) for number in range(10)]
            assert [echo.fetchone() for echo in echoes] == [(f"{number}{long}",) for number in range(10)]

    on_a_connection_of_its_own(act)


def test_any_number_may_wait_whatever_a_connection_keeps_of_plans() -> None:
    def act() -> None:
        ask("SELECT 7", [])
        with transaction.atomic():
            waiting = [tell(f"SELECT {number}", [], waits=True) for number in range(MOST_STATEMENTS)]
        assert [cursor.fetchall() for cursor in waiting] == [[(number,)] for number in range(MOST_STATEMENTS)]
        assert len(planned()) == MOST_STATEMENTS
        assert ask("SELECT 7", []) == [(7,)]

    on_a_connection_of_its_own(act)


def test_plans_are_forgotten_in_a_round_trip_of_their_own() -> None:
    """A pooler that keeps account of what is prepared forgets the new ones, too, when they come along with it."""

    def act() -> None:
        for number in range(MOST_STATEMENTS):
            ask(f"SELECT {number}", [])
        with round_trips() as trips:
            assert ask("SELECT 7 + 7", []) == [(14,)]
        assert trips == [["DEALLOCATE"], ["SELECT", "SELECT"]]  # prepared and executed

    on_a_connection_of_its_own(act)


def test_many_of_one_kind_cost_the_others_no_plan() -> None:
    def act() -> None:
        ask("SELECT 7", [])
        with transaction.atomic():
            for number in range(2 * MOST_STATEMENTS):
                add(str(number))
        assert planned().keys() == {"SELECT 7", "INSERT INTO note (words) VALUES ($1)"}

    on_a_connection_of_its_own(act)


def test_a_connection_that_is_cut_while_it_waits_is_made_anew() -> None:
    def act() -> None:
        [(number,)] = ask("SELECT pg_backend_pid()", [])
        cut = partial(at_once, lambda: ask("SELECT pg_terminate_backend(%s::integer, 5000)", [number]))
        with pytest.raises(OperationalError):
            together(lambda: add("lost"), cut)
        connection.close_if_unusable_or_obsolete()
        assert ask("SELECT 7", []) == [(7,)]

    on_a_connection_of_its_own(act)


def test_a_connection_that_was_left_half_way_is_not_used_again() -> None:
    def act() -> None:
        with pytest.raises(KeyboardInterrupt), patch.object(Pipeline, "_next", side_effect=KeyboardInterrupt):
            ask("SELECT 6", [])
        assert connection.connection.closed
        connection.close_if_unusable_or_obsolete()
        connection.close()
        assert ask("SELECT 7", []) == [(7,)]

    on_a_connection_of_its_own(act)
