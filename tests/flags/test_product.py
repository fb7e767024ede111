"""What operators can steer now, with each flag on and off."""

import ast
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from apps.flags.catalogue import CATALOGUE
from apps.flags.services import change
from apps.matching.models import Swipe
from apps.moderation.models import Report
from apps.users.models import User
from tests.bot.people import join, newcomer, talking
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db
SIZE = {"file_id": "beach-id", "file_unique_id": "beach-unique", "width": 800, "height": 1000}


@pytest.fixture
def api() -> FakeBotApi:
    return FakeBotApi()


@pytest.fixture
def ann(api: FakeBotApi) -> Phone:
    return join(api, "Ann", gender="woman", seeking=("man",))


@pytest.fixture
def bob(api: FakeBotApi) -> Phone:
    return join(api, "Bob", gender="man", seeking=("woman",))


@pytest.mark.flag_states("bot.notes")
def test_it_offers_a_note_with_a_like_while_notes_are_on(ann: Phone, bob: Phone, flag_state: bool) -> None:
    ann.write("/browse")

    assert ("💌" in ann.buttons()) is flag_state
    assert "❤️" in ann.buttons()


@pytest.mark.flag_states("bot.notes")
def test_it_takes_a_late_tap_on_the_note_button_as_the_flag_says(ann: Phone, bob: Phone, flag_state: bool) -> None:
    toast = ann.tap_data(f"note:{bob.user.pk.hex}")

    assert ("out of date" in toast) is not flag_state


def test_it_sends_no_note_that_was_asked_for_before_notes_went_off(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"note:{bob.user.pk.hex}")
    change("bot.notes", by=None, reason="spam", killed=True)

    ann.write("I like your hat")

    assert not bob.sees("I like your hat")
    assert not Swipe.objects.exists()


@pytest.mark.flag_states("bot.like_notice")
def test_it_tells_of_a_like_while_notices_are_on(ann: Phone, bob: Phone, flag_state: bool) -> None:
    ann.write("/browse")
    ann.tap("❤️")

    assert bool(bob.screen()) is flag_state


@pytest.mark.flag_states("bot.contact_exchange")
def test_it_offers_to_exchange_contacts_while_that_is_on(ann: Phone, bob: Phone, flag_state: bool) -> None:
    match = talking(ann, bob)

    ann.write("⋯ Bob")
    assert any("contacts" in button for button in ann.buttons()) is flag_state
    assert ("cannot be exchanged" in ann.tap_data(f"contact_yes:{match.pk.hex}")) is not flag_state


@pytest.mark.flag_states("signup.open")
def test_it_takes_newcomers_in_while_the_door_is_open(api: FakeBotApi, flag_state: bool) -> None:
    zoe = newcomer(api, "Zoe")

    zoe.write("/start")

    assert User.objects.filter(telegram_id=zoe.telegram_id).exists() is flag_state
    assert zoe.sees("not taking in new members") is not flag_state


@pytest.mark.flag_states("conversations.media")
def test_it_passes_photos_on_while_media_are_on(ann: Phone, bob: Phone, flag_state: bool) -> None:
    talking(ann, bob)

    ann.send_photo(caption="from my window")
    assert bob.sees("from my window") is flag_state
    assert ann.sees("in words") is not flag_state

    ann.write("You should see my window")
    assert bob.sees("You should see my window")


def test_it_changes_no_photo_that_was_passed_on_before_media_went_off(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    photo = ann.send_photo(caption="from my window")
    change("conversations.media", by=None, reason="a wave of bad photos", killed=True)

    ann.edit(photo, photo=[SIZE], caption="look closer")

    assert not bob.sees("look closer")


@pytest.mark.flag_states("moderation.ask_after_block")
def test_it_asks_who_blocks_a_match_for_a_report(ann: Phone, bob: Phone, flag_state: bool) -> None:
    match = talking(ann, bob)

    ann.tap_data(f"block_chat:{match.pk.hex}")
    assert ann.sees("A report helps") is flag_state
    assert not bob.sees("A report helps")
    if flag_state:
        ann.tap("Report")
        ann.tap("Harassment")
        assert Report.objects.get().reported == bob.user


def test_it_lets_members_go_on_while_the_door_is_closed(ann: Phone, bob: Phone) -> None:
    change("signup.open", by=None, reason="a flood of fakes", killed=True)

    ann.write("/start")
    ann.write("/browse")

    assert "Bob" in ann.last


def test_it_looks_at_no_more_candidates_than_the_limit(api: FakeBotApi, ann: Phone) -> None:
    far = {"interests": [], "place": (41.7, 44.8)}
    change("matching.pool_limit", by=None, reason="load", value=50)
    best = join(api, "Best", gender="man", seeking=("woman",), interests=["hiking"])
    User.objects.filter(pk=best.user.pk).update(last_active_at="2020-01-01T00:00Z")
    for number in range(50):
        join(api, f"M{number}", gender="man", seeking=("woman",), **far)

    for _ in range(50):
        ann.write("/browse")
        assert "Best" not in ann.last
        ann.tap("✖️")
    ann.write("/browse")
    assert "Best" in ann.last


def _questions() -> list[tuple[Path, ast.Call]]:
    return [
        (path, call)
        for path in (settings.BASE_DIR / "apps").rglob("*.py")
        if "flags." in path.read_text()
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("flags.value", "flags.is_enabled")
    ]


def test_it_asks_only_for_names_in_the_catalogue_and_with_its_defaults() -> None:
    for path, call in _questions():
        name = call.args[0]
        assert isinstance(name, ast.Constant), f"{path}: a name that can be searched for"
        assert name.value in CATALOGUE
        if ast.unparse(call.func) == "flags.value":
            module = import_module(".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts))
            default = eval(ast.unparse(call.args[2]), vars(module))
            assert default == CATALOGUE[name.value].default
