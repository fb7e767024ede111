"""Who stands in whose deck, in which order, and why a deck is empty."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.matching.models import Block, Swipe
from apps.matching.selectors import can_see, card_of, next_card, widenings
from apps.matching.services import record_swipe
from apps.users import services
from apps.users.models import User
from tests.factories import member

pytestmark = pytest.mark.django_db
NEAR, FAR = (41.75, 44.80), (42.27, 42.70)  # 6 and 185 kilometres from the others


@pytest.fixture
def ann() -> User:
    return member("Ann", gender="woman", seeking=("man",), ages=(25, 35))


def man(name: str = "Bob", **who: Any) -> User:
    return member(name, **{"gender": "man", "seeking": ("woman",), **who})


def deck(viewer: User) -> list[str]:
    """The names in the viewer's deck, best first, by passing one after the other."""
    names = []
    while card := next_card(viewer):
        names.append(card.user.profile.name)
        record_swipe(viewer, card.user, liked=False)
    return names


def test_it_shows_who_fits_both_ways(ann: User) -> None:
    bob = man()
    assert deck(ann) == ["Bob"]
    assert deck(bob) == ["Ann"]


@pytest.mark.parametrize(
    "who",
    [
        {"gender": "woman"},
        {"seeking": ("man",)},
        {"age": 36},
        {"age": 24},
        {"ages": (30, 40)},
        {"place": FAR, "max_distance_km": None},
    ],
)
def test_it_shows_neither_to_the_other_when_one_does_not_fit(ann: User, who: dict[str, Any]) -> None:
    bob = man(**who)
    assert deck(ann) == []
    assert deck(bob) == []


def test_it_respects_the_distance_of_the_one_who_is_shown(ann: User) -> None:
    services.set_max_distance(ann, None)
    man("Near", place=NEAR, max_distance_km=5)
    man("Far", place=FAR, max_distance_km=100)
    man("Open", place=FAR, max_distance_km=None)
    assert deck(ann) == ["Open"]


@pytest.mark.parametrize("state", ["paused_at", "banned_at", "suspended_until", "photoless_at", "unreachable_at"])
def test_it_shows_nobody_who_is_out(ann: User, state: str) -> None:
    bob = man()
    User.objects.filter(pk=bob.pk).update(**{state: timezone.now()})
    assert deck(ann) == []
    bob.refresh_from_db()
    assert not can_see(bob, ann.pk)


def test_it_shows_no_draft(ann: User) -> None:
    man(published_at=None)
    assert deck(ann) == []


@pytest.mark.parametrize("blocker", ["ann", "bob"])
def test_it_shows_nobody_who_is_blocked_on_either_side(ann: User, blocker: str) -> None:
    bob = man()
    pair = (ann, bob) if blocker == "ann" else (bob, ann)
    Block.objects.create(blocker=pair[0], blocked=pair[1])
    assert deck(ann) == []
    assert deck(bob) == []


def test_it_shows_nobody_twice_and_never_oneself() -> None:
    everyone = [member(name, gender="woman") for name in ("Ann", "Eve", "Dot")]
    names = deck(everyone[0])
    assert sorted(names) == ["Dot", "Eve"]
    assert card_of(everyone[0], everyone[0].pk) is None


def test_it_shows_the_oldest_to_who_looks_up_to_the_top(ann: User) -> None:
    services.set_age_range(ann, 18, 99)
    man(age=104)
    assert deck(ann) == ["Bob"]


def test_it_shows_first_who_likes_the_viewer(ann: User) -> None:
    man("Near", interests=["chess"])
    fan = man("Fan", place=NEAR)
    record_swipe(fan, ann, liked=True, note="Hi")
    card = next_card(ann)
    assert card
    assert (card.user.profile.name, card.note, card.likes_viewer) == ("Fan", "Hi", True)


def test_it_shows_nobody_first_for_a_pass(ann: User) -> None:
    passer = man("Passer", place=NEAR)
    man("Other")
    record_swipe(passer, ann, liked=False)
    assert deck(ann) == ["Other", "Passer"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [({}, {"place": NEAR}), ({"interests": ["chess"]}, {"interests": ["yoga"]})],
)
def test_it_shows_the_nearer_and_the_more_alike_first(ann: User, better: Any, worse: Any) -> None:
    ann.profile.interests = ["chess"]
    ann.profile.save()
    man("Worse", **worse)
    man("Better", **better)
    assert deck(ann) == ["Better", "Worse"]


def test_it_shows_the_more_recently_active_first(ann: User) -> None:
    old, _ = man("Old"), man("New")
    User.objects.filter(pk=old.pk).update(last_active_at=timezone.now() - timedelta(days=20))
    assert deck(ann) == ["New", "Old"]


# ---- Why a deck is empty


def test_it_offers_the_smallest_step_that_brings_somebody(ann: User) -> None:
    man(age=38)
    man(age=60)
    (widening,) = widenings(ann)
    assert (widening.criterion, widening.kept_out, widening.would_add) == ("age", 2, 1)
    assert widening.age_range == (20, 40)


def test_it_offers_both_age_and_distance_where_each_keeps_somebody_out(ann: User) -> None:
    man(age=38)
    man(place=FAR, max_distance_km=None)
    found = {widening.criterion: widening for widening in widenings(ann)}
    assert found["distance"].max_km == 250
    assert found["age"].would_add == 1


def test_it_counts_nobody_who_was_swiped_or_is_kept_out_by_both(ann: User) -> None:
    record_swipe(ann, man(age=38), liked=False)
    man(age=38, place=FAR, max_distance_km=None)
    assert widenings(ann) == []


def test_it_counts_no_swipe_of_others(ann: User) -> None:
    bob = man()
    Swipe.objects.create(swiper=bob, target=ann, liked=True)
    assert deck(ann) == ["Bob"]
