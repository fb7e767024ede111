"""Demo people answer by themselves, within reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.simulator.delivery import act_when_due
from apps.simulator.models import PlannedAct
from apps.simulator.personas import NewPersona, create_persona
from tests.simulator.conftest import LIKE_BUTTON

NOTICE = {"inline_keyboard": [[{"text": "See who", "callback_data": "browse"}]]}


@pytest.fixture
def demo(db):
    return create_persona(NewPersona("Demo", telegram_id=601, language_code="es", autopilot=True))


@pytest.fixture
def play(updates):
    """Lets time pass until everything planned is done; returns what the bot was told."""

    def run() -> list[str]:
        PlannedAct.objects.filter(done_at=None).update(due_at=timezone.now())
        act_when_due()
        return [update.get("message", {}).get("text") or update["callback_query"]["data"] for update in updates()]

    return run


def test_it_goes_to_browse_after_a_notice_and_likes_the_first_card_only(api, demo, play):
    api("sendMessage", chat_id=601, text="Somebody likes you", reply_markup=NOTICE)
    assert play() == ["/browse"]
    for _ in range(2):
        api("sendMessage", chat_id=601, text="A card", reply_markup=LIKE_BUTTON, protect_content=True)
    assert play() == ["/browse", "like:1"]


def test_it_leaves_cards_alone_that_nobody_asked_for(api, demo, play):
    api("sendMessage", chat_id=601, text="A card", reply_markup=LIKE_BUTTON)
    assert play() == []


def test_it_answers_a_partner_in_its_language_a_few_times_and_stops(api, demo, play):
    for number in range(8):
        api("sendMessage", chat_id=601, text=f"Hola {number}", protect_content=True)
        PlannedAct.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    answers = play()
    assert answers[0].startswith("¡Hola!")
    assert 2 <= len(answers) <= 6


def test_it_leaves_the_match_card_to_the_human(api, demo, play):
    choices = [[{"text": "Write", "callback_data": "chat:1"}], [{"text": "See people", "callback_data": "browse"}]]
    api("sendMessage", chat_id=601, text="A match", protect_content=True, reply_markup={"inline_keyboard": choices})
    assert play() == []


def test_it_answers_a_message_that_offers_to_open_the_chat(api, demo, play):
    answer = {"inline_keyboard": [[{"text": "Answer", "callback_data": "chat:1"}]]}
    api("sendMessage", chat_id=601, text="Hola", protect_content=True, reply_markup=answer)
    assert play()[0].startswith("¡Hola!")


def test_it_replies_to_the_very_message(api, demo, play, updates):
    sent = api("sendMessage", chat_id=601, text="Hola", protect_content=True)
    play()
    assert updates()[0]["message"]["reply_to_message"]["message_id"] == sent["message_id"]


def test_it_waits_one_to_three_seconds_like_a_person(api, demo):
    api("sendMessage", chat_id=601, text="Hola", protect_content=True)
    act = PlannedAct.objects.get()
    assert 0.9 < (act.due_at - act.created_at).total_seconds() < 3.1


def test_it_never_loops(api, demo, play):
    for _ in range(30):
        api("sendMessage", chat_id=601, text="Nobody here", reply_markup=NOTICE)
        play()
    assert len(play()) == 1


def test_it_leaves_a_humans_persona_alone(api, ana, play):
    api("sendMessage", chat_id=501, text="Hola", protect_content=True)
    assert play() == []


def test_it_shrugs_when_the_card_has_gone(api, demo, play):
    api("sendMessage", chat_id=601, text="Somebody likes you", reply_markup=NOTICE)
    play()
    card = api("sendMessage", chat_id=601, text="A card", reply_markup=LIKE_BUTTON)
    api("deleteMessage", chat_id=601, message_id=card["message_id"])
    assert play() == ["/browse"]
