"""What a member corrects afterwards is corrected at the partner's, too."""

from typing import Any

import pytest

from apps.conversations.models import Message
from apps.core.errors import GatewayError
from tests.bot.people import last_params, matched, talking
from tests.fakes import RecordedCall, deliver_all
from tests.phone import Phone, post_update

pytestmark = pytest.mark.django_db
CLIP = {"file_id": "clip-id", "file_unique_id": "clip", "width": 9, "height": 9, "duration": 1}
VOICE = {"file_id": "voice-id", "file_unique_id": "voice", "duration": 1}


@pytest.fixture
def chat(ann: Phone, bob: Phone) -> Phone:
    talking(ann, bob)
    return ann


def photo(name: str) -> list[dict[str, Any]]:
    return [{"file_id": f"{name}-id", "file_unique_id": name, "width": 9, "height": 9}]


def newest(phone: Phone) -> RecordedCall:
    return phone.api.sent_to(phone.telegram_id)[-1]


def test_it_carries_over_an_edited_text(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("Helo")
    copies = len(bob.screen())
    chat.edit(message_id, text="Hello <3")
    assert bob.last == "<b>Ann</b>\nHello &lt;3"
    assert len(bob.screen()) == copies
    assert Message.objects.get().text == "Hello <3"


def test_it_carries_over_a_second_edit(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("One")
    chat.edit(message_id, text="Two")
    chat.edit(message_id, text="Three")
    assert "Three" in bob.last
    assert not bob.sees("Two")


@pytest.mark.parametrize("content", [{"photo": photo("beach")}, {"voice": VOICE}])
def test_it_carries_over_an_edited_caption(chat: Phone, bob: Phone, content: dict[str, Any]) -> None:
    message_id = chat.send(**content, caption="Sumer")
    chat.edit(message_id, **content, caption="Summer")
    assert newest(bob).method == "editMessageCaption"
    assert bob.last == "<b>Ann</b>\nSummer"


def test_it_carries_over_a_changed_photo(chat: Phone, bob: Phone) -> None:
    message_id = chat.send_photo("beach")
    chat.edit(message_id, photo=photo("forest"))
    assert last_params(bob)["media"]["media"] == "forest-id"


def test_it_carries_over_a_photo_that_became_a_video(chat: Phone, bob: Phone) -> None:
    message_id = chat.send_photo("beach")
    chat.edit(message_id, video=CLIP)
    assert last_params(bob)["media"] == {
        "type": "video", "media": "clip-id", "caption": "<b>Ann</b>", "parse_mode": "HTML",
    }  # fmt: skip
    assert Message.objects.get().kind == "video"


def test_it_carries_over_an_edit_made_before_the_original_was_delivered(chat: Phone, bob: Phone) -> None:
    """The sender is slow: both updates arrive before it runs."""
    message = {**chat._message(5), "text": "Helo"}
    post_update(chat.client, {"update_id": 900_000_001, "message": message})
    edit = {**message, "text": "Hello", "edit_date": 1_800_000_001}
    post_update(chat.client, {"update_id": 900_000_002, "edited_message": edit})
    deliver_all(chat.api)
    assert bob.last == "<b>Ann</b>\nHello"
    assert newest(bob).method == "editMessageText"


def test_it_keeps_the_button_to_answer_under_an_edited_message(ann: Phone, bob: Phone) -> None:
    match = matched(ann, bob)
    ann.tap_data(f"chat:{match.pk.hex}")
    message_id = ann.write("Helo")
    ann.edit(message_id, text="Hello")
    assert "Hello" in bob.last
    assert bob.buttons() == ["💬 Answer Ann"]


def test_it_passes_on_no_edit_that_changes_nothing(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("Hello")
    calls = len(bob.api.sent_to(bob.telegram_id))
    chat.edit(message_id, text="Hello")
    assert len(bob.api.sent_to(bob.telegram_id)) == calls


def test_it_passes_on_no_edit_of_what_was_never_passed_on(chat: Phone, bob: Phone) -> None:
    command = chat.write("/help")
    calls = len(bob.api.sent_to(bob.telegram_id))
    chat.edit(command, text="My secret")
    assert len(bob.api.sent_to(bob.telegram_id)) == calls


def test_it_takes_a_message_edited_into_a_command_for_an_edit(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("Hello")
    before = len(chat.screen())
    command = [{"type": "bot_command", "offset": 0, "length": 8}]
    chat.edit(message_id, text="/matches", entities=command)
    assert "/matches" in bob.last
    assert len(chat.screen()) == before


def test_it_carries_over_no_edit_into_an_ended_chat(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("Hello")
    chat.write("⋯ Bob")
    chat.tap("End the match")
    chat.tap("End it")
    chat.edit(message_id, text="Goodbye")
    assert not bob.sees("Goodbye")


def test_it_protects_a_new_message_sent_in_place_of_a_refused_edit(chat: Phone, bob: Phone) -> None:
    message_id = chat.write("Helo")
    refusal = GatewayError("Bad Request: message can't be edited", permanent=True)
    chat.api.fail(refusal, method="editMessageText", chat_id=bob.telegram_id)
    chat.edit(message_id, text="Hello")
    assert newest(bob).method == "sendMessage"
    assert last_params(bob)["protect_content"] is True
