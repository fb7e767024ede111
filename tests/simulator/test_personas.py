"""What people do becomes updates, shaped as Telegram's."""

import pytest

from apps.simulator.errors import ApiError
from apps.simulator.models import BotUpdate, Persona
from apps.simulator.personas import NewPersona, clear_chat, create_persona, edit, say, set_blocked, tap
from tests.simulator.conftest import LIKE_BUTTON


def test_it_makes_a_persona_once_per_telegram_id(ana):
    again = create_persona(NewPersona("Other", telegram_id=501))
    assert (again.first_name, Persona.objects.count()) == ("Ana", 1)


def test_it_chooses_a_free_id_for_somebody_new(db):
    assert create_persona(NewPersona("New")).telegram_id > 6_000_000_000


def test_it_tells_the_bot_of_a_command(ana, updates):
    say(501, "/start abc")
    message = updates()[0]["message"]
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert message["from"] == {
        "id": 501,
        "is_bot": False,
        "first_name": "Ana",
        "username": "ana_sim",
        "language_code": "es",
    }


def test_it_tells_the_bot_of_a_reply_and_an_edit(api, ana, updates):
    question = api("sendMessage", chat_id=501, text="Name?")
    answer = say(501, "Anna", reply_to_id=question["message_id"])
    edit(501, answer.message_id, "Ana")
    first, second = updates()
    assert first["message"]["reply_to_message"]["text"] == "Name?"
    assert second["edited_message"]["text"] == "Ana"


def test_it_tells_the_bot_of_a_tap_with_the_whole_message(api, ana, updates):
    sent = api("sendMessage", chat_id=501, text="Like?", reply_markup=LIKE_BUTTON)
    tap(501, sent["message_id"], "like:1")
    query = updates()[0]["callback_query"]
    assert (query["data"], query["message"]["reply_markup"]) == ("like:1", LIKE_BUTTON)


def test_it_refuses_taps_on_buttons_that_are_gone(api, ana):
    sent = api("sendMessage", chat_id=501, text="Like?", reply_markup=LIKE_BUTTON)
    api("editMessageReplyMarkup", chat_id=501, message_id=sent["message_id"])
    with pytest.raises(ApiError):
        tap(501, sent["message_id"], "like:1")


def test_it_tells_the_bot_when_somebody_blocks_and_unblocks_it(ana, updates):
    set_blocked(501, True)
    set_blocked(501, True)
    set_blocked(501, False)
    statuses = [update["my_chat_member"]["new_chat_member"]["status"] for update in updates()]
    assert statuses == ["kicked", "member"]


def test_it_unblocks_the_bot_when_somebody_writes_again(ana, updates):
    set_blocked(501, True)
    say(501, "/start")
    assert [*updates()[1].keys() - {"update_id"}, *updates()[2].keys() - {"update_id"}] == ["my_chat_member", "message"]


def test_it_keeps_messages_and_taps_of_one_person_in_queues_of_their_own(api, ana):
    sent = api("sendMessage", chat_id=501, text="Like?", reply_markup=LIKE_BUTTON)
    tap(501, sent["message_id"], "like:1")
    say(501, "Hi")
    assert [*BotUpdate.objects.order_by("pk").values_list("queue", flat=True)] == ["user:501", "chat:501"]


def test_it_clears_a_chat_for_the_person_and_tells_nobody(api, ana, client, updates):
    api("sendMessage", chat_id=501, text="Hi", reply_markup={"keyboard": [["Yes"]]})
    clear_chat(501)
    window = client.get("/simulator/api/chats/501").json()
    assert (window["messages"], window["reply_keyboard"], updates()) == ([], None, [])
