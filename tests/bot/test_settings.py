"""/settings, /help, leaving for good, blocking the bot; and an answer to whatever else may come."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.translation import override

from apps.bot import texts
from apps.bot.models import Dialogue
from apps.conversations.models import Conversation, Message
from apps.matching.models import Match, Swipe
from apps.notifications.broadcasts.selectors import wants_news
from apps.notifications.models import Delivery
from apps.users.models import AbandonedFile, Photo, Profile, User
from tests.bot.people import keyboard, matched, talking
from tests.fakes import FakeBotApi
from tests.phone import Phone, sign_up

pytestmark = pytest.mark.django_db
STICKER = {"file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1,
           "is_animated": False, "is_video": False}  # fmt: skip


# ---- Pause and language


def test_it_takes_who_pauses_out_of_the_decks(ann: Phone, bob: Phone) -> None:
    bob.write("/settings")
    bob.tap("Pause")
    assert bob.last == texts.account.pause_on()
    ann.write("/browse")
    assert "Bob" not in ann.last


def test_it_puts_who_goes_on_back_into_the_decks(ann: Phone, bob: Phone) -> None:
    bob.tap_data("pause:on")
    bob.write("/settings")
    bob.tap("Go on")
    assert bob.last == texts.account.pause_off()
    ann.write("/browse")
    assert "Bob" in ann.last


@pytest.mark.parametrize("language", ["es", "ru", "en"])
def test_it_speaks_the_language_that_was_chosen(ann: Phone, language: str) -> None:
    ann.write("/settings")
    ann.tap("Language")
    ann.tap(f"language:{language}")
    ann.write("/help")
    with override(language):
        assert ann.last == texts.account.help_text()


def test_it_keeps_the_chosen_language_whatever_telegram_says(ann: Phone) -> None:
    ann.tap_data("language:es")
    ann.language = "ru"
    ann.write("/start")
    assert ann.user.language == "es"


# ---- Leaving for good


def test_it_asks_before_an_account_is_deleted(ann: Phone) -> None:
    ann.write("/settings")
    ann.tap("Delete my account")
    assert ann.last == texts.account.confirm_delete()
    ann.tap("Keep my account")
    assert User.objects.exists()


def leave(phone: Phone) -> None:
    phone.write("/settings")
    phone.tap("Delete my account")
    phone.tap("Delete everything")


def test_it_erases_all_that_hangs_on_a_member(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    ann.write("Hello")
    leave(ann)
    assert ann.last == texts.account.deleted()
    assert list(User.objects.all()) == [bob.user]
    for model in (Match, Swipe, Conversation, Message):
        assert not model.objects.exists()
    assert Profile.objects.count() == 1
    assert not Delivery.objects.filter(chat_id=ann.telegram_id).exists()


def test_it_hands_the_photos_of_who_leaves_to_the_worker_for_deletion(ann: Phone) -> None:
    photo = Photo.objects.get(user=ann.user)
    photo.file.save("ann.jpg", ContentFile(b"jpg"))
    leave(ann)
    assert list(AbandonedFile.objects.values_list("name", flat=True)) == [photo.file.name]
    photo.file.storage.delete(photo.file.name)


def test_it_tells_the_partners_of_who_leaves_and_takes_both_keyboards_away(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    leave(ann)
    assert bob.last == texts.meeting.partner_ended("Ann")
    assert (keyboard(ann), keyboard(bob)) == ([], [])
    bob.write("Ann?")
    assert bob.sees(texts.meeting.nobody_to_write_to())


def test_it_takes_who_left_out_of_every_deck_and_list(ann: Phone, bob: Phone) -> None:
    matched(ann, bob)
    leave(ann)
    bob.write("/matches")
    assert bob.last == texts.meeting.matches(0)
    bob.write("/browse")
    assert "Ann" not in bob.last


def test_it_lets_who_left_begin_anew(ann: Phone) -> None:
    leave(ann)
    sign_up(ann)
    assert ann.user.profile.published_at


def test_it_treats_who_left_as_a_stranger(ann: Phone) -> None:
    leave(ann)
    ann.tap_data("delete_yes")
    assert ann.last == texts.account.unknown_visitor()


def test_it_lets_somebody_leave_in_the_middle_of_signing_up(api: FakeBotApi) -> None:
    phone = Phone(api, 5, "Ann")
    phone.write("/start")
    leave(phone)
    assert not User.objects.exists()


# ---- Blocking the bot, and being banned


def test_it_takes_who_blocks_the_bot_out_of_the_decks(ann: Phone, bob: Phone) -> None:
    bob.blocks_the_bot()
    assert bob.user.unreachable_at
    ann.write("/browse")
    assert "Bob" not in ann.last


def test_it_revives_who_comes_back(ann: Phone, bob: Phone) -> None:
    bob.blocks_the_bot()
    bob.unblocks_the_bot()
    assert bob.user.unreachable_at is None
    ann.write("/browse")
    assert "Bob" in ann.last


def test_it_revives_who_just_writes_again(bob: Phone) -> None:
    bob.blocks_the_bot()
    bob.write("/start")
    assert bob.user.unreachable_at is None
    assert "Bob" in bob.last


def test_it_says_nothing_to_who_blocks_the_bot(bob: Phone) -> None:
    bob.blocks_the_bot()
    assert bob.screen() == []


@pytest.mark.parametrize("act", ["/browse", "/profile", "hello"])
def test_it_tells_a_banned_member_that_they_are_banned_and_nothing_else(ann: Phone, bob: Phone, act: str) -> None:
    User.objects.filter(pk=bob.user.pk).update(banned_at=timezone.now())
    bob.write(act)
    assert bob.api.texts_to(bob.telegram_id) == [texts.account.banned()]


def test_it_does_nothing_for_the_taps_of_a_banned_member(ann: Phone, bob: Phone) -> None:
    User.objects.filter(pk=bob.user.pk).update(banned_at=timezone.now())
    bob.tap_data(f"like:{ann.user.pk.hex}")
    assert bob.last == texts.account.banned()
    assert not Swipe.objects.exists()


# ---- Whatever else may come


def test_it_explains_itself(ann: Phone) -> None:
    ann.write("/help")
    for command in texts.account.COMMANDS[:-1]:
        assert f"/{command}" in ann.last


def test_it_greets_a_member_who_starts_again(ann: Phone) -> None:
    ann.write("/start")
    assert ann.last == texts.account.welcome_back("Ann")
    assert ann.buttons() == ["👀 See people"]


def test_it_says_that_it_does_not_know_a_command(ann: Phone) -> None:
    ann.write("/dance")
    assert ann.last == texts.account.unknown_command()


def test_it_says_that_it_does_not_know_a_button(ann: Phone) -> None:
    assert ann.tap_data("from:last:year") == texts.account.unknown_tap()


CONTENTS: dict[str, dict[str, Any]] = {
    "text": {"text": "hello"},
    "sticker": {"sticker": STICKER},
    "photo": {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]},
    "contact": {"contact": {"phone_number": "1", "first_name": "A"}},
    "location": {"location": {"latitude": 1.0, "longitude": 1.0}},
    "dice": {"dice": {"emoji": "🎲", "value": 1}},
    "nothing known": {},
}
STAGES = {
    "stranger": (),
    "new": ("/start",),
    "agreed": ("/start", "consent"),
    "at the birth date": ("/start", "consent", "Ann"),
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("stage", STAGES)
def test_it_is_never_silent_to_a_newcomer(api: FakeBotApi, kind: str, stage: str) -> None:
    phone = Phone(api, 5, "Ann")
    for step in STAGES[stage]:
        phone.tap(step) if step == "consent" else phone.write(step)
    before = len(api.sent_to(5))
    phone.send(**CONTENTS[kind])
    assert len(api.sent_to(5)) > before
    assert not phone.sees("went wrong")


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("step", ["", "name", "gender", "place", "interests", "bio", "photos", "age_range"])
def test_it_is_never_silent_to_a_member(ann: Phone, kind: str, step: str) -> None:
    if step:
        ann.tap_data(f"edit:{step}")
    before = len(ann.api.sent_to(ann.telegram_id))
    ann.send(**CONTENTS[kind])
    assert len(ann.api.sent_to(ann.telegram_id)) > before
    assert not ann.sees("went wrong")


def test_it_does_not_answer_what_telegram_itself_notes_in_the_chat(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    before = len(ann.screen())
    ann.send(pinned_message=ann._message(1))
    ann.send(message_auto_delete_timer_changed={"message_auto_delete_time": 60})
    assert len(ann.screen()) == before


def test_it_goes_on_after_a_release_that_no_longer_knows_the_question(ann: Phone, api: FakeBotApi) -> None:
    new = Phone(api, 5, "Eve")
    new.write("/start")
    new.tap("consent")
    Dialogue.objects.update(step="star_sign", asked_at=timezone.now())
    new.write("Libra")
    assert new.last == texts.profile.ask_name()
    ann.write("Libra")
    assert ann.sees(texts.meeting.nobody_to_write_to())


# ---- News


def test_it_sends_no_news_to_who_has_switched_them_off(ann: Phone) -> None:
    ann.write("/settings")
    ann.tap("No news")
    assert ann.last == texts.account.news_off()
    assert not wants_news(ann.user.pk)

    ann.write("/settings")
    ann.tap("Send me news")
    assert ann.last == texts.account.news_on()
    assert wants_news(ann.user.pk)
