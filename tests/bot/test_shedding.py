"""More comes in than can be handled: messages come again later, taps are taken on."""

from contextlib import ExitStack

import pytest
from django.test import Client

from apps.bot import shedding, views
from apps.bot.shedding import Gate
from tests.phone import Phone, post_update

MESSAGE, TAP = {"message": {}}, {"callback_query": {}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(shedding, "monotonic", lambda: now[0])
    return now


def test_it_takes_a_short_queue_for_no_harm(clock: list[float]) -> None:
    gate = Gate(threads=4)
    with ExitStack() as busy:
        assert all(busy.enter_context(gate.admit(MESSAGE)) for _ in range(4))


def test_it_sends_messages_back_but_no_taps_once_the_queue_stays(clock: list[float]) -> None:
    gate = Gate(threads=4)
    with ExitStack() as busy:
        busy.enter_context(gate.admit(MESSAGE))
        second = busy.enter_context(ExitStack())
        second.enter_context(gate.admit(MESSAGE))
        clock[0] = 1.5
        with gate.admit(MESSAGE) as may_message, gate.admit(TAP) as may_tap:
            assert (may_message, may_tap) == (False, True)

        second.close()
        with gate.admit(MESSAGE) as may_message:
            assert may_message


@pytest.mark.django_db
def test_it_tells_telegram_when_to_come_again_and_answers_taps(
    ann: Phone, monkeypatch: pytest.MonkeyPatch, clock: list[float], client: Client
) -> None:
    gate = Gate(threads=3)
    monkeypatch.setattr(views, "gate", gate)
    with gate.admit(MESSAGE):
        clock[0] = 1.5
        ann.tap_data("pause:on")
        answer = post_update(client, {"update_id": 1, "message": {}})

    assert ann.user.paused_at is not None
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
