"""From /start to the question for the place: consent, name, birth date, gender, whom to meet."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from apps.bot import texts
from apps.bot.handlers.signup import CONSENT_VERSION
from apps.bot.models import Update
from apps.notifications.models import Delivery
from apps.users.models import AbandonedFile, Photo, User
from tests.bot.people import newcomer, wait
from tests.fakes import FakeBotApi
from tests.phone import Phone, sign_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def new(api: FakeBotApi) -> Phone:
    """Has not met the bot."""
    return newcomer(api)


def at_birth_date(phone: Phone) -> Phone:
    phone.write("/start")
    phone.tap("consent")
    phone.write("Ann")
    return phone


def birthday(age: int, *, days: int = 0) -> str:
    """Of somebody who turns this old today, or in so many days; a day off where the year has no such day."""
    day = timezone.localdate() + timedelta(days=days)
    if (day.month, day.day) == (2, 29):
        day += timedelta(days=days or -1)
    return f"{day.day}.{day.month}.{day.year - age}"


# ---- Coming in


def test_it_keeps_the_link_that_somebody_came_through(new: Phone) -> None:
    new.write("/start poster-42")
    assert new.user.source == "poster-42"


def test_it_keeps_the_first_link_when_they_come_through_another(new: Phone) -> None:
    new.write("/start poster-42")
    new.write("/start friend")
    assert new.user.source == "poster-42"


@pytest.mark.parametrize(("telegram", "spoken"), [("es-419", "es"), ("ru", "ru"), ("de", "en"), ("", "en")])
def test_it_speaks_the_language_of_their_telegram(api: FakeBotApi, telegram: str, spoken: str) -> None:
    phone = newcomer(api, language=telegram)
    phone.write("/start")
    assert phone.user.language == spoken
    with override(spoken):
        assert phone.last == texts.account.welcome()


def test_it_changes_the_language_on_the_welcome(new: Phone) -> None:
    new.write("/start")
    new.tap("language:ru")
    assert new.user.language == "ru"
    with override("ru"):
        assert new.last == texts.account.welcome()


def test_it_asks_on_in_the_new_language_while_signing_up(new: Phone) -> None:
    at_birth_date(new)
    new.write("/settings")
    new.tap("Language")
    new.tap("language:es")
    with override("es"):
        assert new.last == texts.profile.ask_birth_date()
    assert new.user.dialogue.step == "birth_date"


def test_it_stores_what_they_agreed_to_and_when(new: Phone) -> None:
    new.write("/start")
    assert new.user.consented_at is None
    new.tap("consent")
    assert new.user.consent_version == CONSENT_VERSION
    assert (timezone.now() - new.user.consented_at).total_seconds() < 5


@pytest.mark.parametrize("attempt", ["Ann", "/profile", "/browse"])
def test_it_takes_nothing_before_they_agreed(new: Phone, attempt: str) -> None:
    new.write("/start")
    new.write(attempt)
    assert new.sees("accept the terms")
    assert "Welcome" in new.last
    assert new.user.profile.name == ""


def test_it_shows_terms_and_privacy_notice_before_they_agree(new: Phone) -> None:
    new.write("/start")
    new.tap("Terms")
    assert "Be kind" in new.last
    new.tap("Privacy")
    assert "never stored" in new.last


def test_it_answers_a_stranger_and_keeps_nothing_of_them(new: Phone) -> None:
    new.write("hello")
    assert "/start" in new.last
    assert not User.objects.exists()
    assert not Delivery.objects.exists()


# ---- Name


def test_it_takes_a_name_in_one_line(new: Phone) -> None:
    new.write("/start")
    new.tap("consent")
    new.write("  Anna \n Lena ")
    assert new.user.profile.name == "Anna Lena"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("123", "in letters"),
        ("🙂", "in letters"),
        ("A" * 41, "too long"),
        ("@ann_here", "Only your name"),
        ("Ann t.me/ann", "Only your name"),
        ("Ann 5551234", "Only your name"),
        ("<b>Ann</b>", "Only your name"),
    ],
)
def test_it_says_what_is_wrong_with_a_name(new: Phone, name: str, complaint: str) -> None:
    new.write("/start")
    new.tap("consent")
    new.write(name)
    assert complaint in new.last
    assert new.user.profile.name == ""
    new.write("Ann")
    assert new.user.profile.name == "Ann"


def test_it_shows_a_name_with_signs_as_it_was_written(new: Phone) -> None:
    sign_up(newcomer(new.api, "Jo & Co"), seeking=("Women",))
    viewer = sign_up(new, seeking=("Women",))
    viewer.write("/browse")
    assert "Jo &amp; Co, " in viewer.last


# ---- Birth date


@pytest.mark.parametrize("text", ["24.08.1998", "24/8/1998", "24-08-1998", "1998-08-24", " 24 08 1998 "])
def test_it_reads_dates_as_people_write_them(new: Phone, text: str) -> None:
    at_birth_date(new).write(text)
    assert new.user.profile.birth_date == date(1998, 8, 24)


@pytest.mark.parametrize("text", ["yesterday", "30.02.1998", "29.02.1999", "13.13.1998", "24.8.98", "0.0.0000"])
def test_it_says_that_it_cannot_read_a_date(new: Phone, text: str) -> None:
    at_birth_date(new).write(text)
    assert "could not read" in new.last
    assert new.user.profile.birth_date is None
    assert new.user.dialogue.step == "birth_date"


@pytest.mark.parametrize("text", ["24.08.2998", "24.08.1850"])
def test_it_says_that_a_date_cannot_be_right(new: Phone, text: str) -> None:
    at_birth_date(new).write(text)
    assert "cannot be right" in new.last
    assert new.user.profile.birth_date is None


def test_it_lets_somebody_in_on_their_eighteenth_birthday(new: Phone) -> None:
    at_birth_date(new).write(birthday(18))
    assert new.user.profile.age == 18
    assert (new.user.preferences.age_min, new.user.preferences.age_max) == (18, 28)


def test_it_lets_the_oldest_in(new: Phone) -> None:
    at_birth_date(new).write(birthday(110))
    assert new.user.profile.age == 110
    assert (new.user.preferences.age_min, new.user.preferences.age_max) == (89, 99)


def test_it_kindly_refuses_a_minor(new: Phone) -> None:
    at_birth_date(new).write(birthday(18, days=1))
    assert "Thank you for being honest" in new.last


def test_it_keeps_nothing_at_all_of_a_minor(new: Phone) -> None:
    at_birth_date(new).write(birthday(17))
    assert not User.objects.exists()
    assert not Delivery.objects.exists()
    assert not Photo.objects.exists()
    assert not AbandonedFile.objects.exists()
    assert set(Update.objects.values_list("payload", "error")) == {("", "")}


def test_it_keeps_nothing_of_a_minor_who_went_back_to_tell_the_truth(new: Phone) -> None:
    at_birth_date(new).write("24.08.1998")
    new.tap("Back")
    new.write(birthday(17))
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("today", "is_in"), [(datetime(2026, 2, 28, 12, tzinfo=UTC), False), (datetime(2026, 3, 1, 12, tzinfo=UTC), True)]
)
def test_it_takes_who_was_born_on_a_leap_day_for_adult_from_the_first_of_march(
    new: Phone, monkeypatch: pytest.MonkeyPatch, today: datetime, is_in: bool
) -> None:
    at_birth_date(new)
    monkeypatch.setattr("django.utils.timezone.now", lambda: today)
    new.write("29.02.2008")
    assert User.objects.exists() is is_in


# ---- Gender and whom to meet


def test_it_takes_the_gender_by_a_tap(new: Phone) -> None:
    at_birth_date(new).write("24.08.1998")
    new.tap("Non-binary")
    assert new.user.profile.gender == "nonbinary"
    assert "Whom do you want to meet" in new.last


def test_it_lets_them_choose_several_genders_and_change_their_mind(new: Phone) -> None:
    at_birth_date(new).write("24.08.1998")
    new.tap("Woman")
    new.tap("Men")
    new.tap("Women")
    assert "✅ Men" in new.buttons()
    new.tap("✅ Women")
    new.tap("Non-binary people")
    assert new.user.preferences.genders == ["man", "nonbinary"]


def test_it_asks_for_at_least_one_gender(new: Phone) -> None:
    at_birth_date(new).write("24.08.1998")
    new.tap("Woman")
    assert "Choose at least one" in new.tap("Go on")
    assert new.user.dialogue.step == "seeking"


def test_it_asks_for_the_buttons_when_they_write_instead(new: Phone) -> None:
    at_birth_date(new).write("24.08.1998")
    new.write("a woman")
    assert new.sees(texts.profile.use_the_buttons())
    assert "You are" in new.last


def test_it_asks_for_words_when_they_send_something_else(new: Phone) -> None:
    new.write("/start")
    new.tap("consent")
    new.send(sticker={"file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1,
                      "is_animated": False, "is_video": False})  # fmt: skip
    assert new.sees(texts.profile.words_please())
    assert "first name" in new.last


# ---- Back, and coming again


def test_it_goes_back_step_by_step_to_the_welcome(new: Phone) -> None:
    sign_up(new).write("/start")  # the last step first
    phone = newcomer(new.api)
    at_birth_date(phone).write("24.08.1998")
    phone.tap("Woman")
    questions = []
    for _ in range(4):
        phone.tap("Back")
        questions.append(phone.last)
    expected = ["You are", "When were you born", "first name", "Welcome"]
    assert [word in text for word, text in zip(expected, questions, strict=True)] == [True] * 4


def test_it_asks_again_where_they_left_off_days_ago(new: Phone) -> None:
    at_birth_date(new)
    wait(new, days=5)
    new.write("/start")
    assert "When were you born" in new.last
    new.write("24.08.1998")
    assert new.user.profile.birth_date


def test_it_does_not_take_a_late_text_for_the_answer(new: Phone) -> None:
    at_birth_date(new)
    wait(new, days=5)
    new.write("24.08.1998")
    assert new.sees(texts.profile.prompt_expired())
    assert new.user.profile.birth_date is None
    assert "When were you born" in new.last


@pytest.mark.parametrize("detour", ["/settings", "/help", "/browse", "/matches", "/nonsense"])
def test_it_keeps_their_place_in_the_sign_up_over_any_detour(new: Phone, detour: str) -> None:
    at_birth_date(new)
    new.write(detour)
    assert new.user.dialogue.step == "birth_date"


def test_it_keeps_their_place_when_they_decide_not_to_leave(new: Phone) -> None:
    at_birth_date(new)
    new.write("/settings")
    new.tap("Delete my account")
    new.tap("Keep my account")
    new.write("/start")
    assert "When were you born" in new.last


def test_it_says_nothing_when_they_correct_an_earlier_message(new: Phone) -> None:
    new.write("/start")
    new.tap("consent")
    message_id = new.write("Anm")
    before = len(api_calls(new))
    new.edit(message_id, text="Ann")
    assert len(api_calls(new)) == before


def api_calls(phone: Phone) -> list[str]:
    return [call.method for call in phone.api.sent_to(phone.telegram_id)]


@pytest.mark.parametrize("shortcut", ["gender:woman", "done:photos", "back:preview", "publish", "done:bio"])
def test_it_never_publishes_who_skipped_a_step_by_a_forged_tap(new: Phone, shortcut: str) -> None:
    at_birth_date(new)
    new.tap_data(shortcut)
    new.send_photo()
    new.tap_data("done:photos")
    new.tap_data("publish")
    assert new.user.profile.published_at is None
    assert not new.sees("went wrong")
    assert new.user.dialogue.step == "birth_date"
