"""The whole way in every language: nothing is left in English, and no gap is left unfilled."""

import pytest
from django.utils.translation import override

from apps.bot import texts
from apps.matching.models import Match
from tests.bot.people import join, newcomer
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("language", ["en", "es", "ru"])]
QUESTIONS = (
    *("consent", "=Ana", "=24.08.1998", "gender:woman", "seek:man", "done:seeking", "=Springfield", "place:"),
    *("interests:1", "interest:cinema", "done:interests", "=¡Hola!", "photo", "done:photos", "publish"),
)


def go(phone: Phone, *acts: str) -> None:
    """Taps by callback data; what begins with = is typed, as are commands."""
    for act in acts:
        if act == "photo":
            phone.send_photo()
        elif act[0] in "=/":
            phone.write(act.removeprefix("="))
        else:
            phone.tap(act)


def all_words(phone: Phone) -> list[str]:
    words = []
    for call in phone.api.sent_to(phone.telegram_id):
        words.append(call.text)
        markup = call.params.get("reply_markup") or {}
        rows = markup.get("inline_keyboard", []) + markup.get("keyboard", [])
        words += [button["text"] for row in rows for button in row]
    return words


def test_it_signs_a_member_up_in_their_language(api: FakeBotApi, language: str) -> None:
    phone = newcomer(api, "Ana", language)
    go(phone, "/start", "legal:terms", "legal:privacy", *QUESTIONS)
    assert phone.user.profile.published_at
    go(
        phone,
        "/profile",
        "edit:bio",
        "back:bio",
        "/preferences",
        "distances",
        "distance:25",
        "edit:age_range",
        "=20-40",
    )
    go(phone, "/settings", "languages", "/settings", "pause:on", "pause:off", "/help", "/matches", "/browse")
    assert not [words for words in all_words(phone) if "{" in words]
    with override(language):
        assert phone.sees(texts.profile.published())
        assert phone.sees(texts.account.help_text())


def test_it_lets_two_meet_and_part_each_in_their_language(api: FakeBotApi, language: str) -> None:
    ana = join(api, "Ana", gender="woman", seeking=("man",), language=language, interests=["chess"])
    bob = join(api, "Bob", gender="man", seeking=("woman",), interests=["chess"])
    go(bob, "/browse", "note:", "=Hi Ana")
    go(
        ana,
        "browse",
        "like:",
        "chat:",
        "=Hola",
        f"={texts.meeting.chat_menu_label('Bob')}",
        "partner:",
        "/matches",
        "chat:",
    )
    match = Match.objects.get().pk.hex
    ana.username, bob.username = "ana", "bob"
    for phone in (ana, bob):
        phone.tap_data(f"contact_yes:{match}")
    ana.tap_data(f"report_chat:{match}")
    go(ana, "reason_chat:other", "=…")
    bob.tap_data(f"unmatch_yes:{match}")
    assert not [words for words in all_words(ana) if "{" in words]
    with override(language):
        for words in (
            texts.meeting.matched("Bob"),
            texts.meeting.contact_shown("Bob", "bob"),
            texts.meeting.report_thanks(),
        ):
            assert ana.sees(words)
        assert ana.last == texts.meeting.partner_ended("Bob")
    assert bob.last == texts.meeting.you_ended("Ana")
