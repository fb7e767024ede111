"""Logs are read by more people than members' words: nothing of a person stands in them, whatever goes wrong."""

import logging
import math

import pytest
from django.conf import settings

from apps.bot.turn import Turn
from apps.core.errors import GatewayError, UnreachableError
from tests.fakes import FakeBotApi
from tests.phone import Phone, sign_up

ANN, BOB = 7_312_559_001, 7_312_559_002
LATITUDE, LONGITUDE = 41.693459, 44.801449
PERSONAL = {
    "names": ("Zuzanna", "Wolfgang", "zuzi_secret", "wolfgang_secret"),
    "words": ("quokka", "Tbilisi"),
    "birth dates": ("1998-08-24", "24.08.1998"),
    "Telegram ids": (str(ANN), str(BOB)),
    "places": (str(LATITUDE)[:5], str(LONGITUDE)[:5]),
    "secrets": (settings.TELEGRAM_BOT_TOKEN, settings.SECRET_KEY),
    "files": ("face-of", "beach-id"),
}


def _meet(ann: Phone, bob: Phone) -> None:
    bob.write("/browse")
    bob.tap("note:")
    bob.write("quokka in a note")
    ann.write("/browse")
    ann.tap("like:")
    ann.tap("chat:")


def _talk(ann: Phone, bob: Phone) -> None:
    bob.tap("chat:")
    message_id = ann.write("quokka by word")
    ann.edit(message_id, text="quokka by edit")
    bob.send_photo(caption="quokka by caption")
    for phone in (ann, bob):
        phone.tap_data(f"contact_yes:{phone.user.dialogue.open_conversation.match_id.hex}")
    ann.tap_data(f"report_chat:{ann.user.dialogue.open_conversation.match_id.hex}")
    ann.tap("reason_chat:other")
    ann.write("quokka in a report")


def _break_things(ann: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.api.fail(GatewayError(f"quokka {BOB} quoted by Telegram", permanent=True), chat_id=BOB)
    ann.write("quokka on a bad line")
    ann.api.fail(UnreachableError(f"Forbidden: {BOB}"), chat_id=BOB, times=math.inf)
    ann.write("quokka to nobody")

    def fail(_: Turn) -> None:
        raise ValueError("Zuzanna wrote: quokka")

    monkeypatch.setattr("apps.bot.services._dispatch", fail)
    ann.send(location={"latitude": LATITUDE, "longitude": LONGITUDE})


@pytest.mark.django_db
def test_it_tells_nothing_of_a_person_from_signup_to_conversation(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    api = FakeBotApi()
    ann, bob = Phone(api, ANN, "Zuzanna"), Phone(api, BOB, "Wolfgang")
    ann.username, bob.username = "zuzi_secret", "wolfgang_secret"
    sign_up(ann, bio="quokka in a bio")
    sign_up(bob, gender="Man", seeking=("Women",))
    _meet(ann, bob)
    _talk(ann, bob)
    assert bob.sees("quokka by edit")
    assert ann.sees("quokka by caption")
    _break_things(ann, bob, monkeypatch)

    printed = capfd.readouterr()
    logged = caplog.text + printed.out + printed.err
    assert {event for event in ("delivery_failed", "update_failed") if event not in logged} == set()
    assert {kind: [word for word in words if word in logged] for kind, words in PERSONAL.items()} == {
        kind: [] for kind in PERSONAL
    }
