"""How much the hot paths ask of the database.

Each count is the whole update: inbox, turn and outbox. Two of it are the transaction's begin and commit, which are
savepoints here.
"""

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.bot import services
from tests.bot.people import join, talking
from tests.fakes import FakeBotApi
from tests.phone import Phone
from tests.plans import round_trips

pytestmark = pytest.mark.django_db


def received(phone: Phone) -> None:
    """The newest update once more, as a new one; the sender does not run."""
    payload = {**phone.last_update, "update_id": phone.last_update["update_id"] + 500_000_000}
    services.receive(payload)


def tap(phone: Phone, data: str) -> None:
    phone.last_update["callback_query"]["data"] = data
    received(phone)


@pytest.fixture
def men(ann: Phone, api: FakeBotApi) -> list[Phone]:
    men = [join(api, name, gender="man", photos=3) for name in ("Bob", "Cid", "Dan")]
    ann.write("/browse")
    ann.tap("🖼")
    return men


def test_it_shows_the_first_card_in_few_queries(
    ann: Phone, men: list[Phone], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ann.write("/browse")
    with django_assert_max_num_queries(14):
        received(ann)


def test_it_likes_in_few_queries(
    ann: Phone, men: list[Phone], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    data = f"like:{men[0].user.pk.hex}"
    with django_assert_max_num_queries(20):
        tap(ann, data)


def test_it_passes_in_few_queries(
    ann: Phone, men: list[Phone], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    data = f"pass:{men[0].user.pk.hex}"
    with django_assert_max_num_queries(18):
        tap(ann, data)


def test_it_relays_a_text_in_few_queries_and_three_round_trips(
    ann: Phone, bob: Phone, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    talking(ann, bob)
    ann.write("Hello")
    ann.last_update["message"]["message_id"] += 1_000
    with django_assert_num_queries(6), round_trips() as trips:
        received(ann)

    claim_and_member, partner, message_and_delivery = trips  # BEGIN with the first and COMMIT with the last, elsewhere
    assert claim_and_member == ["WITH", "SELECT"]
    assert (partner, message_and_delivery) == (["SELECT"], ["WITH"])


def test_it_finds_a_duplicate_in_one_round_trip(ann: Phone) -> None:
    ann.write("/help")
    with round_trips() as trips:
        services.receive(ann.last_update)
    assert trips == [["WITH", "SELECT"]]
