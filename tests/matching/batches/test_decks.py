"""Decks that are built ahead: whom they hold, and what becomes of a card before it is shown."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from django.utils import timezone
from h3.api import basic_int as h3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from apps.flags import services as flags
from apps.matching import showable
from apps.matching.batches import territory
from apps.matching.batches.builds import TERRITORY_RESOLUTION
from apps.matching.batches.decks import CARD
from apps.matching.batches.models import Deck
from apps.matching.engine.eligibility import reach
from apps.matching.learning.models import Algorithm, Source, Standing
from apps.matching.models import Candidate
from apps.matching.selectors import best_of_deck, next_card
from apps.matching.services import block, record_swipe
from apps.users.models import Profile, User
from tests.factories import TBILISI, member

pytestmark = pytest.mark.django_db


def territory_of(place: tuple[float, float]) -> int:
    """By way of the cell that is stored: at the border H3's finer cells reach out of the coarser one."""
    return int(h3.cell_to_parent(h3.latlng_to_cell(*place, 7), TERRITORY_RESOLUTION))


CELL = territory_of(TBILISI)


def man(name: str = "Bob", **who: object) -> User:
    return member(name, **{"gender": "man", "seeking": ("woman",), **who})  # type: ignore[arg-type]


def woman(name: str = "Ann", **who: object) -> User:
    return member(name, **{"gender": "woman", "seeking": ("man",), **who})  # type: ignore[arg-type]


def build(cell: int = CELL) -> int:
    return territory.build(cell, lambda built: None)


def use_market() -> None:
    flags.change("matching.algorithm", by=None, reason="test", everyone=True, value="market")


def of(user: User) -> list[str]:
    """Names in the order of the built deck."""
    numbers = Deck.objects.get(user=user).numbers
    named = dict(Candidate.objects.filter(number__in=numbers).values_list("number", "user__profile__name"))
    return [named[number] for number in numbers]


def fresh(user: User) -> User:
    return User.objects.select_related("profile", "preferences").get(pk=user.pk)


def test_it_builds_a_deck_for_everybody() -> None:
    ann, bob = woman("Ann"), man("Bob")
    assert build() == 2
    assert (of(ann), of(bob)) == (["Bob"], ["Ann"])


def test_it_builds_decks_where_nobody_is_new() -> None:
    ann, bob = woman("Ann"), man("Bob")
    Profile.objects.update(published_at=timezone.now() - timedelta(days=365))
    assert build() == 2
    assert (of(ann), of(bob)) == (["Bob"], ["Ann"])


def test_it_leaves_out_whom_nothing_may_bring_together() -> None:
    ann = woman("Ann")
    for name in ("Passed", "Liked", "Passed Ann", "Blocked", "Blocked Ann"):
        man(name)
    named = {user.profile.name: user for user in User.objects.select_related("profile")}
    record_swipe(ann, named["Passed"], liked=False)
    record_swipe(ann, named["Liked"], liked=True)
    record_swipe(named["Passed Ann"], ann, liked=False)
    block(ann, named["Blocked"])
    block(named["Blocked Ann"], ann)
    User.objects.filter(pk=man("Paused").pk).update(paused_at=timezone.now())
    man("Looks for others", ages=(40, 50))
    build()
    assert of(ann) == []


def test_it_puts_first_who_waits_for_an_answer() -> None:
    ann = woman("Ann", interests=["chess"])
    for number in range(4):
        man(f"Bob {number}", interests=["chess"])
    fan = man("Fan", place=(41.9, 44.6))
    record_swipe(fan, ann, liked=True)
    build()
    deck = Deck.objects.get(user=ann)
    assert of(ann)[0] == "Fan"
    assert np.frombuffer(deck.cards, dtype=CARD)["source"][0] == Source.LIKES_YOU
    assert of(fan) == []


def test_it_prices_attention() -> None:
    """Two women whom nobody else wants pay with nothing; the one man both look at is dear."""
    ann, eve, bob = woman("Ann"), woman("Eve"), man("Bob")
    build()
    price = dict(Standing.objects.values_list("user", "price"))
    assert price[bob.pk] > price[ann.pk] == pytest.approx(price[eve.pk], abs=1e-4)


def test_it_makes_the_same_decks_when_it_is_run_twice() -> None:
    ann = woman("Ann")
    for number in range(8):
        man(f"Bob {number}")
    build()
    before = Deck.objects.get(user=ann).numbers
    build()
    assert Deck.objects.get(user=ann).numbers == before
    assert Deck.objects.count() == 9


def test_it_sees_across_the_border_of_a_territory() -> None:
    """Two who live a few kilometres apart, in two territories."""
    path = [(TBILISI[0] + step * 0.02, TBILISI[1] + step * 0.02) for step in range(400)]
    inside, outside = next((one, other) for one, other in pairwise(path) if territory_of(other) != CELL)
    ann, bob = woman("Ann", place=inside), man("Bob", place=outside)
    assert build() == 1
    assert build(territory_of(outside)) == 1
    assert (of(ann), of(bob)) == (["Bob"], ["Ann"])


people = st.lists(
    st.fixed_dictionaries(
        {
            "gender": st.sampled_from(["woman", "man", "nonbinary"]),
            "seeking": st.sets(st.sampled_from(["woman", "man", "nonbinary"]), min_size=1).map(tuple),
            "age": st.integers(18, 50),
            "ages": st.tuples(st.integers(18, 40), st.integers(0, 40)).map(lambda age: (age[0], sum(age))),
            "max_distance_km": st.sampled_from([1, 10, 50, None]),
            "place": st.sampled_from([TBILISI, (41.75, 44.80), (41.98, 44.11)]),
        }
    ),
    min_size=2,
    max_size=7,
)
swipes = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people, swipes)
def test_it_holds_exactly_those_in_reach_without_a_swipe_or_with_a_like_that_waits(
    who: list[dict[str, object]], swiped: list[tuple[int, int, bool]]
) -> None:
    User.objects.all().delete()
    users = [fresh(member(f"M{place}", **each)) for place, each in enumerate(who)]  # type: ignore[arg-type]
    done: dict[tuple[int, int], bool] = {}
    for one, other, liked in swiped:
        one, other = one % len(users), other % len(users)
        if one != other and (one, other) not in done:
            done[one, other] = liked
            record_swipe(users[one], users[other], liked=liked)
    build()
    for place, viewer in enumerate(users):
        me = showable.people([showable.own(viewer)])
        expected = {
            f"M{other}"
            for other, candidate in enumerate(users)
            if other != place
            and reach(me, showable.people([showable.own(candidate)]))[0]
            and (place, other) not in done
            and done.get((other, place)) is not False
        }
        assert set(of(viewer)) == expected
        assert len(of(viewer)) == len(expected)


# ---- When a card is shown


def test_it_shows_a_built_deck_in_its_order_with_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    use_market()
    ann = woman("Ann")
    for number in range(5):
        man(f"Bob {number}", interests=["chess"][: number % 2])
    build()
    viewer = fresh(ann)
    best_of_deck(viewer, 1)  # which model runs is asked every few seconds
    # the deck, who may be shown, what is known of the two; the member and the photos
    with django_assert_num_queries(5):
        card = next_card(viewer)
    assert card
    assert card.user.profile.name == of(ann)[0]
    assert card.placement
    assert card.placement.algorithm == Algorithm.MARKET
    record_swipe(ann, card.user, liked=False)
    following = next_card(viewer)
    assert following
    assert following.user.profile.name == of(ann)[1]
    assert following.placement
    assert following.placement.place == 1


def test_it_asks_again_who_may_be_shown() -> None:
    use_market()
    ann = woman("Ann")
    paused, picky, blocked, left = man("Paused"), man("Picky"), man("Blocked"), man("Left")
    build()
    User.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    picky.preferences.age_min = picky.preferences.age_max = 90
    picky.preferences.save()
    block(blocked, ann)
    shown = best_of_deck(fresh(ann), 4)
    assert [ranked.row.user_id for ranked in shown] == [left.pk]


def test_it_shows_at_once_who_has_come_to_like_the_viewer() -> None:
    use_market()
    ann = woman("Ann")
    for number in range(3):
        man(f"Bob {number}", interests=["chess"])
    build()
    fan = man("Fan", place=(41.75, 44.80))
    record_swipe(fan, ann, liked=True)
    card = next_card(fresh(ann))
    assert card
    assert (card.user.pk, card.likes_viewer) == (fan.pk, True)
    assert card.placement
    assert card.placement.source == Source.LIKES_YOU


def test_it_goes_on_without_a_build_when_the_deck_is_at_its_end() -> None:
    use_market()
    ann, bob = woman("Ann"), man("Bob")
    build()
    record_swipe(ann, bob, liked=False)
    newcomer = man("Newcomer")
    card = next_card(fresh(ann))
    assert card
    assert card.user.pk == newcomer.pk


def test_it_leaves_members_of_other_algorithms_their_own_order() -> None:
    ann, bob = woman("Ann"), man("Bob")
    build()
    card = next_card(fresh(ann))
    assert card
    assert card.user.pk == bob.pk
    assert card.placement
    assert card.placement.algorithm == Algorithm.HEURISTIC


def test_it_takes_the_deck_along_when_a_member_goes() -> None:
    ann, bob = woman("Ann"), man("Bob")
    build()
    bob.delete()
    assert not Deck.objects.filter(user=bob.pk).exists()
    use_market()
    assert next_card(fresh(ann)) is None


def test_it_keeps_no_more_cards_than_a_deck_has() -> None:
    ann = woman("Ann")
    for number in range(territory.BEST + 5):
        man(f"Bob {number}", photos=0)
    build()
    deck = Deck.objects.get(user=ann)
    assert len(deck.numbers) == territory.CARDS
    assert deck.built_at > timezone.now() - timedelta(minutes=1)
