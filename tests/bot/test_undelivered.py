"""A message that was taken for a partner but did not get there."""

import math

import pytest

from apps.bot.tasks import tell_undelivered
from apps.core.errors import UnreachableError
from tests.bot.people import join
from tests.fakes import FakeBotApi, deliver_all
from tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Phone:
    """Writes to Bob, who has blocked the bot a moment ago; nobody knows that yet."""
    api = FakeBotApi()
    ann, bob = join(api, "Ann"), join(api, "Bob")
    for who in (ann, bob):
        who.write("/browse")
        who.tap("like:")
    ann.tap("chat:")
    api.fail(UnreachableError("bot was blocked by the user"), chat_id=bob.telegram_id, times=math.inf)
    ann.write("Are you there?")
    return ann


def test_it_tells_who_wrote_that_it_did_not_arrive(ann: Phone) -> None:
    assert tell_undelivered() == 1
    deliver_all(ann.api)
    assert ann.last == "Bob cannot be reached right now. Your message was not delivered."
    answer = ann.screen()[-1].params["reply_parameters"]
    assert answer["message_id"] == ann.last_update["message"]["message_id"]


def test_it_tells_it_once(ann: Phone) -> None:
    tell_undelivered()
    assert tell_undelivered() == 0


def test_it_takes_nothing_more_for_somebody_who_is_known_to_be_away(ann: Phone) -> None:
    tell_undelivered()
    ann.write("Hello?")
    assert "not delivered" in ann.last
    assert tell_undelivered() == 0
