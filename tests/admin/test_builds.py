"""Product managers see how the market does and how far builds of decks have come, and begin and stop them."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from apps.matching.batches import builds
from apps.matching.batches.health import market_health
from apps.matching.batches.models import DeckBuild
from apps.matching.learning.models import Impression
from apps.matching.models import Match
from apps.users.models import User
from tests.admin.conftest import SignIn
from tests.factories import member

pytestmark = pytest.mark.django_db
LIST = "admin:matching_deckbuild_changelist"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.delete("matching.health")


@pytest.fixture
def town() -> list[User]:
    return [member(f"M{number}", gender=("woman", "man")[number % 2], photos=0) for number in range(4)]


def shown(viewer: User, candidate: User) -> None:
    now = timezone.now()
    Impression.objects.create(
        viewer=viewer,
        candidate=candidate,
        first_shown_at=now,
        shown_at=now,
        times=1,
        place=0,
        algorithm="market",
        source=0,
        propensity=1,
        model_version="start",
        layout=1,
        facts=b"",
    )


def test_it_shows_how_fair_the_market_is_and_whether_it_works(town: list[User]) -> None:
    """Both women are shown alike often; of the men only one is."""
    ann, bob, eve, jim = town
    for viewer, candidate in ((bob, ann), (bob, eve), (ann, bob), (eve, bob)):
        shown(viewer, candidate)
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    Match.objects.create(low=low, high=high)
    women, men = market_health()
    assert (women.members, women.with_match, women.exposure_gini) == (2, 0.5, 0.0)
    assert (men.members, men.with_match, men.exposure_gini) == (2, 0.5, 0.5)
    assert jim.pk


def test_it_begins_a_build_with_a_reason_and_shows_how_far_it_is(sign_in: SignIn, town: list[User]) -> None:
    client = sign_in("Product manager")
    response = client.post(reverse("admin:matching_deckbuild_begin"), {"reason": "new model"}, follow=True)
    build = DeckBuild.objects.get()
    territory = builds.take(build)
    assert territory
    builds._renewer(territory)(3)
    page = client.get(reverse(LIST)).content.decode()
    assert "3 / 4" in page
    assert "0.750" in page
    assert "new model" in page
    assert "The market, over the last seven days" in response.content.decode()
    assert LogEntry.objects.filter(object_id=str(build.pk)).exists()


def test_it_stops_a_build(sign_in: SignIn, town: list[User]) -> None:
    build = builds.start(why="test")
    sign_in("Product manager").post(reverse("admin:matching_deckbuild_stop", args=[build.pk]))
    build.refresh_from_db()
    assert build.state == DeckBuild.State.STOPPED


@pytest.mark.parametrize(("role", "expected"), [(None, 302), ("Moderator", 403), ("Product manager", 302)])
def test_it_lets_only_product_managers_begin_and_stop(
    sign_in: SignIn, town: list[User], role: str | None, expected: int
) -> None:
    build = builds.start(why="test")
    client = sign_in(role) if role else sign_in()
    assert client.post(reverse("admin:matching_deckbuild_begin"), {"reason": "x"}).status_code == expected
    assert client.post(reverse("admin:matching_deckbuild_stop", args=[build.pk])).status_code == expected
