"""Where members are: by a shared location or by the name of a city, kept as a cell only."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from django.utils.translation import override
from h3.api import basic_int as h3

from apps.bot import texts
from apps.users.models import CELL_RESOLUTION, Profile
from tests.bot.people import asked_for_the_place, keyboard, newcomer, talking, wait
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db
HERE = {"latitude": 41.71234567, "longitude": 44.79876543}
CELL = h3.latlng_to_cell(HERE["latitude"], HERE["longitude"], CELL_RESOLUTION)


@pytest.fixture
def new(api: FakeBotApi) -> Phone:
    """Is asked for the place while signing up."""
    return asked_for_the_place(newcomer(api))


def everything_stored() -> str:
    """Every value of every column of every table, as text."""
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows += cursor.fetchall()
    return repr(rows)


def test_it_keeps_the_cell_of_a_shared_location(new: Phone) -> None:
    new.send(location=HERE)
    assert new.user.profile.cell == CELL
    assert new.user.profile.country == "GE"
    assert new.sees("📍 Tbilisi, Georgia")
    assert "What do you like" in new.last


def test_it_keeps_nothing_finer_than_the_cell_anywhere(new: Phone) -> None:
    new.send(location=HERE)
    stored = everything_stored()
    assert str(CELL) in stored
    assert "41.7" not in stored
    assert "44.7" not in stored
    cells = Profile.objects.values_list("cell", "area").get()
    assert max(h3.get_resolution(cell) for cell in cells) == CELL_RESOLUTION


def test_it_keeps_nothing_finer_when_the_update_fails(new: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(HERE["latitude"])

    monkeypatch.setattr("apps.users.services.set_place", fail)
    new.send(location=HERE)
    assert "41.712" not in everything_stored()
    assert "Something went wrong" in new.last


def test_it_takes_a_city_of_one_meaning_at_once(new: Phone) -> None:
    new.write("Tbilisi")
    assert new.user.profile.place == "Tbilisi, Georgia"
    assert new.user.profile.country == "GE"
    assert "What do you like" in new.last


def test_it_lets_them_choose_among_cities_of_one_name(new: Phone) -> None:
    new.write("Springfield")
    assert texts.profile.place_ambiguous() in new.last
    assert new.user.profile.cell is None
    new.tap("Missouri")
    assert "Missouri" in new.user.profile.place
    assert "What do you like" in new.last


def test_it_says_that_it_does_not_know_a_place(new: Phone) -> None:
    new.write("Qwertzuiop")
    assert texts.profile.place_unknown() in new.last
    assert new.user.dialogue.step == "place"


def test_it_does_not_take_a_forged_city(new: Phone) -> None:
    assert new.tap_data("place:999999999") == texts.profile.place_unknown()
    assert new.user.profile.cell is None


def test_it_offers_a_button_for_the_location_and_takes_it_away_again(new: Phone) -> None:
    assert keyboard(new) == [texts.profile.share_location_label(), texts.profile.back_label()]
    new.write("Tbilisi")
    assert keyboard(new) == []


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_it_goes_back_by_the_keyboard_in_any_language(new: Phone, language: str) -> None:
    with override(language):
        label = texts.profile.back_label()
    new.write(label)
    assert texts.profile.ask_seeking() in new.last
    assert keyboard(new) == []


def test_it_goes_back_from_the_choice_of_cities(new: Phone) -> None:
    new.write("Springfield")
    new.tap("back:place")
    assert texts.profile.ask_seeking() in new.last
    assert keyboard(new) == []


def test_it_takes_a_location_after_days_while_signing_up(new: Phone) -> None:
    wait(new, days=3)
    new.send(location=HERE)
    assert new.user.profile.cell == CELL


def test_it_asks_the_open_question_again_when_a_location_answers_none(new: Phone) -> None:
    new.write("Tbilisi")
    new.send(location=HERE)
    assert "What do you like" in new.last
    assert new.user.profile.cell != CELL


# ---- Moving, once the profile is online


def moved_long_ago(phone: Phone) -> None:
    Profile.objects.filter(user=phone.user).update(place_changed_at=timezone.now() - timedelta(hours=7))


def test_it_moves_a_member_and_returns_to_the_profile(ann: Phone) -> None:
    moved_long_ago(ann)
    ann.write("/profile")
    ann.tap("Place")
    ann.write("Kutaisi")
    assert ann.user.profile.place == "Kutaisi, Georgia"
    assert texts.profile.what_to_change() in ann.last


def test_it_lets_nobody_measure_distances_by_moving_about(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Place")
    ann.write("Kutaisi")
    assert "6 hours" in ann.last
    assert ann.user.profile.place == "Tbilisi, Georgia"


def test_it_brings_the_keyboard_of_the_open_chat_back_after_a_move(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    moved_long_ago(ann)
    ann.write("/profile")
    ann.tap("Place")
    ann.write("Kutaisi")
    assert keyboard(ann)[0] == texts.meeting.chat_menu_label("Bob")


def test_it_does_not_move_a_member_by_a_location_sent_much_later(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    moved_long_ago(ann)
    ann.write("/profile")
    ann.tap("Place")
    wait(ann, hours=1)
    ann.send(location=HERE)
    assert ann.user.profile.cell != CELL
    assert texts.meeting.contact_not_relayed() in ann.last


@pytest.mark.parametrize("elsewhere", ["/browse", "/matches", "/profile", "/preferences", "/settings"])
def test_it_shows_the_open_chat_again_when_they_turn_away_from_the_question(
    ann: Phone, bob: Phone, elsewhere: str
) -> None:
    talking(ann, bob)
    ann.write("/profile")
    ann.tap("Place")
    ann.write(elsewhere)
    assert keyboard(ann)[0] == texts.meeting.chat_menu_label("Bob")
    assert ann.user.profile.place == "Tbilisi, Georgia"


def test_it_never_passes_a_late_back_on_to_the_partner(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    ann.write("/profile")
    ann.tap("Place")
    ann.write("/browse")
    ann.write(texts.profile.back_label())
    assert not bob.sees(texts.profile.back_label())
    assert keyboard(ann)[0] == texts.meeting.chat_menu_label("Bob")
