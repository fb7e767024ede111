"""A card may say why it is shown, and that it was shown is written down."""

import pytest
from waffle.testutils import override_flag

from apps.flags import services as flags
from apps.matching.learning.models import Impression
from tests.bot.people import join
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(api: FakeBotApi) -> Phone:
    join(api, "Bob", gender="man", age=28, interests=["chess"], photos=2)
    return join(api, "Ann", gender="woman", age=29, interests=["chess"])


def test_it_says_why_a_card_is_shown_when_told_to(viewer: Phone) -> None:
    with override_flag("matching.explain_cards", active=True):
        viewer.write("/browse")
    assert "💡 Why this card: you are near each other, you speak the same language" in viewer.last


def test_it_says_nothing_of_that_otherwise(viewer: Phone) -> None:
    viewer.write("/browse")
    assert "Bob" in viewer.last
    assert "💡" not in viewer.last


def test_it_writes_down_that_a_card_was_shown(viewer: Phone) -> None:
    flags.change("matching.algorithm", by=None, reason="test", everyone=True, value="market")
    viewer.write("/browse")
    shown = Impression.objects.get()
    assert (shown.viewer, shown.candidate.profile.name, shown.times) == (viewer.user, "Bob", 1)
    assert shown.algorithm == "market"


def test_it_counts_no_turn_to_the_next_photo_and_no_card_that_was_taken_back(viewer: Phone) -> None:
    viewer.write("/browse")
    viewer.tap("🖼")
    viewer.tap("pass:")
    viewer.tap_data("undo")
    assert Impression.objects.get().times == 1
    viewer.write("/browse")
    assert Impression.objects.get().times == 2
