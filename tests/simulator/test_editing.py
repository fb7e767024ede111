"""Changing and removing what was sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.simulator.models import CallbackQuery, Message
from apps.simulator.personas import say, tap
from tests.simulator.conftest import LIKE_BUTTON


@pytest.fixture
def sent(api, ana) -> dict:
    return {
        "chat_id": 501,
        "message_id": api("sendMessage", chat_id=501, text="One", reply_markup=LIKE_BUTTON)["message_id"],
    }


def test_it_edits_text_in_place(api, sent):
    edited = api("editMessageText", **sent, text="<i>Two</i>", parse_mode="HTML")
    assert (edited["message_id"], edited["text"]) == (sent["message_id"], "Two")
    assert "edit_date" in edited
    assert "reply_markup" not in edited


def test_it_changes_a_keyboard_without_marking_the_message_as_edited(api, sent):
    assert "edit_date" not in api("editMessageReplyMarkup", **sent)


def test_it_refuses_an_edit_that_changes_nothing(api, sent):
    refusal = api.refusal("editMessageText", **sent, text="One", reply_markup=LIKE_BUTTON)
    assert refusal.startswith("400 Bad Request: message is not modified: specified new message content")


def test_it_swaps_a_photo_and_its_caption(api, ana, picture):
    sent = api("sendPhoto", chat_id=501, photo=picture(), caption="Old")
    place = {"chat_id": 501, "message_id": sent["message_id"]}
    swapped = api("editMessageMedia", **place, media={"type": "photo", "media": "attach://n"}, n=picture(colour="red"))
    assert swapped["photo"] != sent["photo"]
    assert "caption" not in swapped
    assert api("editMessageCaption", **place, caption="New")["caption"] == "New"
    assert (
        api.refusal("editMessageText", **place, text="x") == "400 Bad Request: there is no text in the message to edit"
    )


def test_it_refuses_to_edit_what_is_not_the_bots(api, sent):
    theirs = say(501, "Mine")
    missing = api.refusal("editMessageText", chat_id=501, message_id=99, text="x")
    assert missing == "400 Bad Request: message to edit not found"
    foreign = api.refusal("editMessageText", chat_id=501, message_id=theirs.message_id, text="x")
    assert foreign == "400 Bad Request: message can't be edited"
    no_caption = api.refusal("editMessageCaption", **sent, caption="x")
    assert no_caption == "400 Bad Request: there is no caption in the message to edit"


def test_it_refuses_to_edit_a_message_that_brought_a_reply_keyboard(api, ana):
    sent = api("sendMessage", chat_id=501, text="Where?", reply_markup={"keyboard": [["Here"]]})
    refusal = api.refusal("editMessageText", chat_id=501, message_id=sent["message_id"], text="x")
    assert refusal == "400 Bad Request: message can't be edited"


def test_it_deletes_messages_of_the_last_two_days(api, sent):
    assert api("deleteMessage", **sent) is True
    assert api.refusal("deleteMessage", **sent) == "400 Bad Request: message to delete not found"
    old = say(501, "Long ago")
    Message.objects.filter(pk=old.pk).update(sent_at=timezone.now() - timedelta(hours=49))
    refusal = api.refusal("deleteMessage", chat_id=501, message_id=old.message_id)
    assert refusal == "400 Bad Request: message can't be deleted for everyone"


def test_it_deletes_several_and_skips_what_is_gone(api, sent, client):
    assert api("deleteMessages", chat_id=501, message_ids=[sent["message_id"], 88]) is True
    assert client.get("/simulator/api/chats/501").json()["messages"] == []


def test_it_answers_a_tap_while_it_is_fresh(api, sent, client):
    query = tap(501, sent["message_id"], "like:1")
    assert api("answerCallbackQuery", callback_query_id=str(query.pk), text="Liked", show_alert=True) is True
    news = client.get("/simulator/api/events", {"chat": 501, "after": 0}).json()
    assert news["answers"] == [{"query": query.pk, "text": "Liked", "show_alert": True, "url": ""}]


def test_it_refuses_answers_after_150_seconds(api, sent):
    query = tap(501, sent["message_id"], "like:1")
    CallbackQuery.objects.filter(pk=query.pk).update(created_at=timezone.now() - timedelta(seconds=151))
    for query_id in (str(query.pk), "999999", "x"):
        assert api.refusal("answerCallbackQuery", callback_query_id=query_id).endswith(
            "query is too old and response timeout expired or query ID is invalid"
        )


def test_it_shows_pins_reactions_and_typing(api, sent, client):
    assert api("pinChatMessage", **sent)
    assert api("setMessageReaction", **sent, reaction=[{"type": "emoji", "emoji": "🎉"}])
    assert api("sendChatAction", chat_id=501, action="typing")
    news = client.get("/simulator/api/events", {"chat": 501, "after": 0}).json()
    assert (news["action"], news["state"]["pinned"]) == ("typing", sent["message_id"])
    assert news["messages"][0]["reactions"] == ["🎉"]
    assert api("unpinChatMessage", chat_id=501)
    assert api.refusal("unpinChatMessage", chat_id=501) == "400 Bad Request: message to unpin not found"
