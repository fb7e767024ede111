"""Searching on demand: exactly those who may be shown, from next door to the other side of the world."""

from collections.abc import Callable
from math import asin, atan2, cos, degrees, radians, sin
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from h3.api import basic_int as h3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from pytest_django import DjangoAssertNumQueries

from apps.core.errors import RuleError
from apps.flags import services as flags
from apps.matching import histories, selectors, showable
from apps.matching.candidates import people, read
from apps.matching.engine.eligibility import EARTH_RADIUS_KM, reach
from apps.matching.models import Block, Candidate, Match, Swipe, SwipeHistory
from apps.matching.retrieval import rings, search
from apps.matching.selectors import best_of_deck, can_see, next_card, widenings
from apps.matching.services import block, record_swipe, undo_last_swipe
from apps.users import services
from apps.users.models import Gender, User
from tests.factories import TBILISI, member

# next door, 6, 40, 185, 480, 790, 2,500 and 14,000 kilometres from Tbilisi
PLACES = (
    TBILISI,
    (41.75, 44.80),
    (41.98, 44.11),
    (42.27, 42.70),
    (44.6, 40.1),
    (38.4, 37.0),
    (52.5, 13.4),
    (-33.9, 151.2),
)
genders = st.sampled_from(Gender.values)
ages = st.tuples(st.integers(18, 60), st.integers(0, 40)).map(lambda low: (low[0], min(99, sum(low))))
persons = st.fixed_dictionaries(
    {
        "age": st.integers(18, 105),
        "gender": genders,
        "seeking": st.lists(genders, min_size=1, unique=True).map(tuple),
        "ages": ages | st.just((18, 99)),
        "place": st.sampled_from(PLACES),
        "max_distance_km": st.sampled_from([1, 10, 50, 200, 600, 1000, None]),
    }
)
in_the_database = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# ---- Reach


@pytest.mark.django_db
@in_the_database
@given(crowd=st.lists(persons, min_size=2, max_size=7))
def test_it_finds_in_sql_just_whom_the_engine_says_are_in_reach(crowd: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        users = [member(f"M{place}", photos=0, **who) for place, who in enumerate(crowd)]
        rows = read("SELECT packed FROM matching_candidate WHERE listed", {})
        for user in users:
            own = showable.own(user)
            me = showable.people([own])
            expected = set(rows["number"][reach(me, people(rows))].tolist())
            assert set(search(me, own.cell, hidden=BitMap(), enough=1000).numbers.tolist()) == expected
        transaction.set_rollback(True)


@settings(max_examples=300, deadline=None)
@given(
    latitude=st.floats(-85, 85),
    longitude=st.floats(-180, 180),
    km=st.floats(0, 1000),
    direction=st.floats(0, 6.283),
    resolution=st.sampled_from([3, 5]),
)
def test_it_looks_in_as_many_rings_as_the_distance_takes(
    latitude: float, longitude: float, km: float, direction: float, resolution: int
) -> None:
    if resolution == 5:
        km /= 10
    angle, start = km / EARTH_RADIUS_KM, radians(latitude)
    end = asin(sin(start) * cos(angle) + cos(start) * sin(angle) * cos(direction))
    turned = atan2(sin(direction) * sin(angle) * cos(start), cos(angle) - sin(start) * sin(end))
    here = h3.latlng_to_cell(latitude, longitude, resolution)
    there = h3.latlng_to_cell(degrees(end), longitude + degrees(turned), resolution)
    assert there in h3.grid_disk(here, rings(km, resolution))


@pytest.mark.django_db
def test_it_looks_deeper_where_the_most_recent_are_hidden() -> None:
    ann, *others = (member(f"M{place}", photos=0) for place in range(30))
    own, by_activity = showable.own(ann), [Candidate.objects.get(user=other).number for other in others]
    found = search(showable.people([own]), own.cell, hidden=BitMap(by_activity[:25]), enough=3)
    assert set(by_activity[25:]) & set(found.numbers.tolist())


@pytest.mark.django_db
def test_it_goes_on_outwards_until_there_are_enough() -> None:
    ann = member("Ann", max_distance_km=None)
    for place in PLACES[1:]:
        member("Other", place=place, max_distance_km=None, photos=0)
    own = showable.own(ann)
    assert (
        len(search(showable.people([own]), own.cell, hidden=BitMap([Candidate.objects.get(user=ann).number]), enough=1))
        < 4
    )
    assert len(best_of_deck(ann, 10)) == 7


# ---- Who is in the deck


def _swipe(one: User, other: User) -> None:
    record_swipe(one, other, liked=other.pk.int % 2 == 0)


def _undo(one: User, _: User) -> None:
    if Swipe.objects.filter(swiper=one).exists():
        try:
            undo_last_swipe(one)
        except RuleError:
            assert Match.objects.exists()


acts = st.sampled_from(
    [
        _swipe,
        _swipe,
        _undo,
        block,
        lambda one, _: services.set_paused(one, paused=True),
        lambda one, _: services.set_paused(one, paused=False),
        lambda one, _: User.objects.filter(pk=one.pk).update(banned_at=timezone.now()),
        lambda one, _: next_card(one),
    ]
)


@pytest.mark.django_db
@in_the_database
@given(story=st.lists(st.tuples(acts, st.integers(0, 4), st.integers(0, 4)), max_size=14), tail=st.integers(0, 3))
def test_it_shows_all_who_may_be_shown_and_nobody_else(
    story: list[tuple[Callable[[User, User], object], int, int]], tail: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(histories, "LONG_TAIL", tail)
        patch.setattr(histories, "SETTLED_AFTER", timezone.timedelta(0))
        users = [member(f"M{place}", photos=0) for place in range(5)]
        for act, one, other in story:
            if one != other:
                act(users[one], users[other])
        for user in users:
            assert {each.row.user_id for each in best_of_deck(user, 100)} == _may_be_shown(user)
        transaction.set_rollback(True)


def _may_be_shown(viewer: User) -> set[Any]:
    """Of people who all fit each other."""
    apart = Block.objects.filter(Q(blocker=viewer) | Q(blocked=viewer)).values_list("blocker", "blocked")
    gone = {user for pair in apart for user in pair} | {viewer.pk}
    gone |= set(Swipe.objects.filter(swiper=viewer).values_list("target", flat=True))
    listed = User.objects.filter(paused_at=None, banned_at=None, profile__published_at__isnull=False)
    return set(listed.values_list("pk", flat=True)) - gone


@pytest.mark.django_db
@pytest.mark.parametrize("likes_first", [0.0, 1.0])
def test_it_shows_the_same_ones_first_as_if_it_had_read_all_of_everybody(
    likes_first: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags.change("matching.likes_first", by=None, reason="test", everyone=True, value=likes_first)
    tastes = [["chess"], ["hiking", "chess"], ["cooking"], []]
    ann = member("Ann", interests=["chess", "hiking"])
    for number in range(40):
        other = member(f"M{number}", photos=0, interests=tastes[number % 4], place=PLACES[number % 3])
        User.objects.filter(pk=other.pk).update(last_active_at=timezone.now() - timezone.timedelta(hours=number * 7))
        if number % 5 == 4:
            record_swipe(other, ann, liked=True)
    shown = [(each.row.user_id, each.placement.source) for each in best_of_deck(ann, 4)]
    monkeypatch.setattr(selectors, "_may_be_first", lambda viewer, numbers, *_: np.ones(len(numbers), dtype=bool))
    assert [(each.row.user_id, each.placement.source) for each in best_of_deck(ann, 4)] == shown


# ---- Histories


@pytest.fixture
def _short_tails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "LONG_TAIL", 2)
    monkeypatch.setattr(histories, "SETTLED_AFTER", timezone.timedelta(0))


def _number(user: User) -> int:
    return Candidate.objects.get(user=user).number


@pytest.mark.django_db
@pytest.mark.usefixtures("_short_tails")
def test_it_writes_bitmaps_when_much_is_new_and_reads_the_rest_beside_them() -> None:
    ann, *others = (member(f"M{place}", photos=0) for place in range(6))
    for other in others[:3]:
        record_swipe(ann, other, liked=False)
    record_swipe(others[4], ann, liked=True)
    histories.history_of(ann)
    assert SwipeHistory.objects.filter(user=ann).exists()
    record_swipe(ann, others[3], liked=False)
    history = histories.history_of(ann)
    assert history.hidden == BitMap(_number(user) for user in (ann, *others[:4]))
    assert history.liked_by == BitMap([_number(others[4])])


@pytest.mark.django_db
@pytest.mark.usefixtures("_short_tails")
def test_it_shows_again_whom_an_undo_brings_back_out_of_the_bitmap() -> None:
    ann, *others = (member(f"M{place}") for place in range(4))
    for other in others:
        record_swipe(ann, other, liked=False)
    assert next_card(ann) is None
    undo_last_swipe(ann)
    card = next_card(ann)
    assert card
    assert card.user == others[-1]


@pytest.mark.django_db
def test_it_leaves_to_the_tail_what_may_not_have_been_committed_yet() -> None:
    ann, bob = member("Ann"), member("Bob")
    Swipe.objects.create(swiper=ann, target=bob, liked=False)
    SwipeHistory.objects.create(user=ann, swiped=b"", liked_by=b"", until=timezone.now() - histories.SETTLED_AFTER)
    assert _number(bob) in histories.history_of(ann).hidden


@pytest.mark.django_db
@pytest.mark.usefixtures("_short_tails")
def test_it_promises_no_like_that_was_taken_back() -> None:
    ann, *fans = (member(f"M{place}") for place in range(5))
    for fan in fans:
        record_swipe(fan, ann, liked=True)
    next_card(ann)
    for fan in fans:
        undo_last_swipe(fan)
    card = next_card(ann)
    assert card
    assert not card.likes_viewer


# ---- What it costs


@pytest.mark.django_db
def test_it_asks_little(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ann, bob = member("Ann"), member("Bob")
    ann = User.objects.select_related("profile", "preferences").get(pk=ann.pk)
    with django_assert_num_queries(1):
        assert can_see(ann, bob.pk)
    # the history, two steps outwards, the shortlist, the last word on its best; the member and the photos
    with django_assert_num_queries(7):
        assert next_card(ann)
    record_swipe(ann, bob, liked=False)
    # the history, two steps outwards with another age, all steps with another distance
    with django_assert_num_queries(9):
        assert widenings(ann) == []


@pytest.mark.django_db
def test_it_ranks_no_more_than_the_first_shortlist(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """However many more there are, one portion that is good enough is all that is read of them, besides interests."""
    ann = member("Ann")
    for number in range(5):
        member(f"Bob {number}", photos=0)
    ann = User.objects.select_related("profile", "preferences").get(pk=ann.pk)
    flags.change("matching.shortlist", by=None, reason="test", everyone=True, value=20)
    with django_assert_num_queries(5) as few:
        best_of_deck(ann, 1)
    for number in range(30):
        member(f"Jim {number}", photos=0)
    with django_assert_num_queries(len(few) + 1):
        best_of_deck(ann, 1)


def test_it_counts_in_the_bitmap_what_is_in_the_array() -> None:
    assert histories.contains(BitMap([1, 5]), np.array([5, 2, 1])).tolist() == [True, False, True]
