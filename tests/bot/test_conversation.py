"""What two matched members say to each other through the bot."""

from typing import Any

import pytest
from django.utils.translation import override

from apps.bot import texts
from apps.conversations.models import Message
from apps.core.errors import UnreachableError
from apps.matching.models import Match
from apps.users import services
from tests.bot.people import join, keyboard, last_params, matched, talking
from tests.fakes import FakeBotApi, RecordedCall
from tests.phone import Phone

pytestmark = pytest.mark.django_db


def _file(name: str, **more: Any) -> dict[str, Any]:
    return {"file_id": f"{name}-id", "file_unique_id": f"{name}-u", **more}


_SQUARE = {"width": 9, "height": 9, "duration": 1}
_STICKER = {"type": "regular", "width": 9, "height": 9, "is_animated": False, "is_video": False}
MEDIA: dict[str, tuple[str, Any]] = {
    "photo": ("sendPhoto", [_file("small", width=1, height=1), _file("photo", width=9, height=9)]),
    "voice": ("sendVoice", _file("voice", duration=1)),
    "video": ("sendVideo", _file("video", **_SQUARE)),
    "video_note": ("sendVideoNote", _file("video_note", length=9, duration=1)),
    "sticker": ("sendSticker", _file("sticker", **_STICKER)),
    "document": ("sendDocument", _file("document")),
    "animation": ("sendAnimation", _file("animation", **_SQUARE)),
}


@pytest.fixture
def chat(ann: Phone, bob: Phone) -> Phone:
    """Ann's phone; she and Bob have their chat open."""
    talking(ann, bob)
    return ann


def newest(phone: Phone) -> RecordedCall:
    return phone.api.sent_to(phone.telegram_id)[-1]


def id_on_screen(phone: Phone) -> int:
    message_id = newest(phone).message_id
    assert message_id
    return message_id


# ---- What passes


def test_it_passes_a_text_under_the_first_name(chat: Phone, bob: Phone) -> None:
    before = len(chat.screen())
    chat.write("Hello <Bob> & all 🙂")
    assert bob.last == "<b>Ann</b>\nHello &lt;Bob&gt; &amp; all 🙂"
    assert len(chat.screen()) == before


@pytest.mark.parametrize("kind", MEDIA)
def test_it_passes_every_kind_of_file_by_its_id(chat: Phone, bob: Phone, kind: str) -> None:
    method, attachment = MEDIA[kind]
    chat.send(**{kind: attachment})
    assert newest(bob).method == method
    assert last_params(bob)[kind] == f"{kind}-id"
    assert Message.objects.get().kind == kind


def test_it_takes_an_animation_for_one_although_it_is_a_document_too(chat: Phone, bob: Phone) -> None:
    chat.send(animation=MEDIA["animation"][1], document=_file("document"))
    assert newest(bob).method == "sendAnimation"


@pytest.mark.parametrize("kind", MEDIA)
def test_it_protects_what_it_passes_and_tells_nothing_of_the_sender(chat: Phone, bob: Phone, kind: str) -> None:
    chat.username = "ann_secret"
    before = len(bob.api.sent_to(bob.telegram_id))
    chat.write("Hi")
    chat.send(**{kind: MEDIA[kind][1]})
    for call in bob.api.sent_to(bob.telegram_id)[before:]:
        assert call.params["protect_content"] is True
        assert "entities" not in repr(call.params)
        for secret in (str(chat.telegram_id), "ann_secret", "tg://", "phone"):
            assert secret not in repr(call.params)


def test_it_drops_a_mention_that_names_the_sender(chat: Phone, bob: Phone) -> None:
    user = {"id": chat.telegram_id, "is_bot": False, "first_name": "Ann"}
    chat.send(text="Ann", entities=[{"type": "text_mention", "offset": 0, "length": 3, "user": user}])
    assert str(chat.telegram_id) not in repr(last_params(bob))


def test_it_passes_an_album_picture_by_picture(chat: Phone, bob: Phone) -> None:
    before = len(bob.screen())
    for name in ("one", "two", "three"):
        chat.send(photo=[_file(name, width=9, height=9)], media_group_id="77")
    assert [call.params["photo"] for call in bob.screen()[before:]] == ["one-id", "two-id", "three-id"]


@pytest.mark.parametrize(
    "text", ["x" * 4096, "🎉" * 2048, "<&>" * 1365, "x" * 4093, "x" * 4092 + "🎉", "🎉" * 2046 + "xyz"]
)
def test_it_passes_the_longest_texts_unharmed(chat: Phone, bob: Phone, text: str) -> None:
    chat.write(text)
    assert bob.last.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").endswith(text)


@pytest.mark.parametrize("caption", ["x" * 1024, "🎉" * 512, "<&>" * 341, "x" * 1020])
def test_it_passes_the_longest_captions_unharmed(chat: Phone, bob: Phone, caption: str) -> None:
    chat.send_photo("beach", caption)
    assert bob.last.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").endswith(caption)


_POINT = {"latitude": 41.7, "longitude": 44.8}
_NO = ("is_closed", "is_anonymous", "allows_multiple_answers", "allows_revoting", "members_only")
_POLL = {
    "id": "1",
    "question": "?",
    "options": [],
    "total_voter_count": 0,
    "type": "regular",
    **dict.fromkeys(_NO, False),
}


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ({"contact": {"phone_number": "+995555123456", "first_name": "Ann"}}, texts.meeting.contact_not_relayed),
        ({"location": _POINT}, texts.meeting.contact_not_relayed),
        (
            {"location": _POINT, "venue": {"location": _POINT, "title": "Bar", "address": "1 St"}},
            texts.meeting.contact_not_relayed,
        ),
        ({"poll": _POLL}, texts.meeting.cannot_relay),
        ({"dice": {"emoji": "🎲", "value": 3}}, texts.meeting.cannot_relay),
    ],
)
def test_it_says_why_something_is_not_passed_on(chat: Phone, bob: Phone, content: Any, answer: Any) -> None:
    before = len(bob.screen())
    chat.send(**content)
    assert chat.last == answer()
    assert len(bob.screen()) == before


# ---- Where it goes


def test_it_shows_whom_they_are_talking_to(chat: Phone) -> None:
    assert keyboard(chat) == [texts.meeting.chat_menu_label("Bob"), texts.meeting.chat_leave_label("Bob")]
    assert last_params(chat)["reply_markup"]["input_field_placeholder"] == "Message to Bob"


def test_it_passes_a_reply_to_the_one_who_is_answered_not_to_the_open_chat(chat: Phone, api: FakeBotApi) -> None:
    eve = join(api, "Eve")
    talking(eve, chat)
    eve.write("Are you there?")
    question = id_on_screen(chat)
    chat.tap_data(f"chat:{match_id(chat, 'Bob')}")
    chat.write("Yes!", reply_to=question)
    assert eve.sees("Yes!")


def match_id(phone: Phone, partner: str) -> str:
    phone.write("/matches")
    markup = last_params(phone)["reply_markup"]["inline_keyboard"]
    return next(b["callback_data"] for row in markup for b in row if partner in b["text"]).removeprefix("chat:")


def test_it_points_at_the_original_of_the_message_that_is_answered(chat: Phone, bob: Phone) -> None:
    original = chat.write("Coffee?")
    bob.write("Sure", reply_to=id_on_screen(bob))
    assert last_params(chat)["reply_parameters"]["message_id"] == original


def test_it_points_at_the_partners_copy_of_ones_own_message(chat: Phone, bob: Phone) -> None:
    own = chat.write("Coffee?")
    copy = id_on_screen(bob)
    chat.write("At five", reply_to=own)
    assert last_params(bob)["reply_parameters"]["message_id"] == copy


def test_it_passes_a_reply_to_a_word_of_the_bot_to_the_open_chat(chat: Phone, bob: Phone) -> None:
    chat.write("/help")
    chat.write("Hello", reply_to=id_on_screen(chat))
    assert bob.sees("Hello")


def test_it_lets_a_reply_through_while_it_waits_for_an_answer(chat: Phone, bob: Phone) -> None:
    bob.write("Hello?")
    question = id_on_screen(chat)
    chat.write("/profile")
    chat.tap("About me")
    chat.write("Hi!", reply_to=question)
    assert bob.sees("Hi!")
    assert chat.user.profile.bio == ""


@pytest.mark.parametrize("how", ["unmatch", "erase"])
def test_it_passes_no_reply_meant_for_one_to_another(chat: Phone, bob: Phone, api: FakeBotApi, how: str) -> None:
    eve = join(api, "Eve")
    match = talking(eve, chat)
    eve.write("I love you")
    question = id_on_screen(chat)
    chat.tap_data(f"chat:{match_id(chat, 'Bob')}")
    if how == "erase":
        services.erase(eve.user)
    else:
        chat.tap_data(f"unmatch_yes:{match.pk.hex}")
    chat.write("I love you, too, Eve", reply_to=question)
    assert not bob.sees("Eve")
    assert chat.last == "This match has ended."


def test_it_offers_to_answer_where_the_chat_is_not_open(ann: Phone, bob: Phone) -> None:
    match = matched(ann, bob)
    ann.tap_data(f"chat:{match.pk.hex}")
    ann.write("Hello")
    bob.tap("Answer Ann")
    bob.write("Hi")
    assert ann.sees("Hi")


def test_it_opens_the_menu_of_the_chat_by_the_keyboard(chat: Phone, bob: Phone) -> None:
    chat.write(texts.meeting.chat_menu_label("Bob"))
    assert chat.last == texts.meeting.chat_actions("Bob")
    chat.tap("Profile")
    assert "Bob, 28" in chat.last
    assert last_params(chat)["protect_content"] is True


def test_it_knows_the_keyboard_of_a_partner_who_changed_the_name(chat: Phone, bob: Phone) -> None:
    services.set_name(bob.user, "Robert")
    chat.write(texts.meeting.chat_menu_label("Bob"))
    assert chat.last == texts.meeting.chat_actions("Robert")
    chat.write(texts.meeting.chat_leave_label("Bob"))
    assert chat.last == texts.meeting.chat_left("Robert")
    assert not bob.sees("Leave")


def test_it_leaves_the_chat_by_the_keyboard_in_any_language(chat: Phone, bob: Phone) -> None:
    with override("ru"):
        label = texts.meeting.chat_leave_label("Bob")
    chat.write(label)
    assert chat.last == texts.meeting.chat_left("Bob")
    assert keyboard(chat) == []
    chat.write("Anybody?")
    assert not bob.sees("Anybody?")


def test_it_says_that_a_message_went_to_nobody_and_offers_the_matches(ann: Phone, bob: Phone) -> None:
    matched(ann, bob)
    ann.write("Hello?")
    assert ann.sees(texts.meeting.nobody_to_write_to())
    assert ann.buttons() == ["💬 Bob, 28"]


# ---- Partners who cannot be reached


@pytest.mark.parametrize("how", ["blocked the bot", "banned"])
def test_it_says_that_a_partner_cannot_be_reached(chat: Phone, bob: Phone, how: str) -> None:
    if how == "banned":
        type(bob.user).objects.filter(pk=bob.user.pk).update(banned_at=bob.user.date_joined)
    else:
        bob.blocks_the_bot()
    chat.write("Hello?")
    assert "Bob cannot be reached" in chat.last
    assert not Message.objects.exists()


def test_it_learns_from_a_refused_delivery_that_a_partner_is_gone(chat: Phone, bob: Phone) -> None:
    refusal = UnreachableError("Forbidden: bot was blocked by the user")
    chat.api.fail(refusal, chat_id=bob.telegram_id)
    chat.write("Hello?")
    assert bob.user.unreachable_at
    chat.write("Anybody?")
    assert "Bob cannot be reached" in chat.last


def test_it_still_passes_messages_of_and_to_who_is_paused(chat: Phone, bob: Phone) -> None:
    services.set_paused(bob.user, paused=True)
    chat.write("Resting?")
    bob.write("Yes")
    assert bob.sees("Resting?")
    assert chat.sees("Yes")


def test_it_keeps_who_wrote_first_and_that_the_other_answered(chat: Phone, bob: Phone) -> None:
    match = Match.objects.get()
    chat.write("Hello?")
    chat.write("Anybody?")
    match.refresh_from_db()
    assert (match.opened_by_low, match.answered_at) == (chat.user.pk == match.low_id, None)
    bob.write("Yes")
    match.refresh_from_db()
    assert match.answered_at
