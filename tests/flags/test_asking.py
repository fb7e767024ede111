"""What code gets to hear when it asks."""

from threading import get_ident

import pytest
from django_redis import get_redis_connection
from pytest_django import DjangoAssertNumQueries
from redis.connection import AbstractConnection

from apps import flags
from apps.flags.errors import UnknownFlagError
from apps.flags.services import change
from tests.factories import member

pytestmark = pytest.mark.django_db


def test_it_cannot_be_asked_for_what_is_not_in_the_catalogue() -> None:
    with pytest.raises(UnknownFlagError, match=r"'nwe_deck' is not in apps\.flags\.catalogue"):
        flags.is_enabled("nwe_deck")
    with pytest.raises(UnknownFlagError, match=r"'nwe_deck' is not in apps\.flags\.catalogue"):
        flags.value("nwe_deck", None, 1)


def test_it_cannot_be_asked_for_a_value_that_a_toggle_does_not_have(new_deck: str, deck_size: str) -> None:
    with pytest.raises(UnknownFlagError, match="kind operation"):
        flags.value(new_deck, None, 1)
    with pytest.raises(UnknownFlagError, match="kind value"):
        flags.is_enabled(deck_size)


def test_it_insists_on_a_default_of_the_type_in_the_catalogue(deck_size: str) -> None:
    with pytest.raises(TypeError, match="must be of type int"):
        flags.value(deck_size, None, "10")


def test_it_answers_with_the_default_until_somebody_changes_something(new_deck: str, deck_size: str) -> None:
    ann = member("Ann")

    assert flags.is_enabled("bot.notes", ann)
    assert not flags.is_enabled(new_deck, ann)
    assert flags.value(deck_size, ann, 10) == 10


def test_it_gives_the_value_that_is_set(deck_size: str) -> None:
    change(deck_size, by=None, reason="more people", value=20)

    assert flags.value(deck_size, member("Ann"), 10) == 20
    assert flags.value(deck_size, None, 10) == 20


def test_it_gives_a_value_to_its_segment_and_the_default_to_others(deck_size: str) -> None:
    rule = {"attribute": "language", "operator": "in", "value": ["es"]}
    change(deck_size, by=None, reason="Spain has more people", value=20, segment=[rule])

    assert flags.value(deck_size, member("Ana", language="es"), 10) == 20
    assert flags.value(deck_size, member("Ann", language="en"), 10) == 10
    assert flags.value(deck_size, None, 10) == 10


def test_it_is_off_for_everyone_once_killed(new_deck: str, deck_size: str) -> None:
    change(new_deck, by=None, reason="launch", everyone=True)
    change(deck_size, by=None, reason="launch", value=20, everyone=True)

    change(new_deck, by=None, reason="it hurts", killed=True)
    change(deck_size, by=None, reason="it hurts", killed=True)

    assert not flags.is_enabled(new_deck, member("Ann"))
    assert flags.value(deck_size, None, 10) == 10


def test_it_is_as_before_once_the_kill_is_taken_back(new_deck: str) -> None:
    change(new_deck, by=None, reason="launch", everyone=True)
    change(new_deck, by=None, reason="it hurts", killed=True)

    change(new_deck, by=None, reason="repaired", killed=False)

    assert flags.is_enabled(new_deck)


def test_it_asks_neither_the_database_nor_redis(
    new_deck: str, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        {"attribute": "age", "operator": ">=", "value": 18},
        {"attribute": "gender", "operator": "in", "value": ["woman"]},
        {"attribute": "group", "operator": "not in", "value": ["Testers"]},
    ]
    change(new_deck, by=None, reason="launch", percent=50, segment=rules)
    ann = member("Ann")
    askers: list[int] = []
    send = AbstractConnection.send_command

    def noted(connection: AbstractConnection, *words: object, **options: object) -> None:
        askers.append(get_ident())
        send(connection, *words, **options)

    monkeypatch.setattr(AbstractConnection, "send_command", noted)

    with django_assert_num_queries(0):
        for _ in range(100):
            flags.is_enabled(new_deck, ann)

    assert get_ident() not in askers
    get_redis_connection("default").ping()
    assert get_ident() in askers  # so it would have been noticed
