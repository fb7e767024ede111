"""Swipes, matches and blocks, below the bot; two at once on real connections."""

from functools import partial

import pytest
from django.db import transaction

from apps.core.errors import RuleError
from apps.matching.models import Match, Swipe
from apps.matching.services import SwipeOutcome, block, end_match, record_swipe, undo_last_swipe
from apps.users.models import User
from tests.concurrency import at_once
from tests.factories import member


@pytest.fixture
def ann(db: None) -> User:
    return member("Ann")


@pytest.fixture
def bob(db: None) -> User:
    return member("Bob")


def test_it_makes_a_match_of_two_likes(ann: User, bob: User) -> None:
    assert record_swipe(ann, bob, liked=True).match is None
    assert record_swipe(bob, ann, liked=True).match == Match.objects.get()


def test_it_makes_no_match_of_a_like_and_a_pass(ann: User, bob: User) -> None:
    record_swipe(ann, bob, liked=True)
    assert record_swipe(bob, ann, liked=False).match is None


def test_it_keeps_the_first_of_two_swipes(ann: User, bob: User) -> None:
    record_swipe(bob, ann, liked=True)
    record_swipe(ann, bob, liked=False)
    assert record_swipe(ann, bob, liked=True).match is None
    assert not Swipe.objects.get(swiper=ann).liked


def test_it_is_news_to_the_target_until_they_have_decided(ann: User, bob: User) -> None:
    assert record_swipe(ann, bob, liked=True).is_news
    assert not record_swipe(ann, bob, liked=True).is_news
    assert not record_swipe(bob, ann, liked=False).is_news


def test_it_cuts_no_note_but_refuses_a_long_one(ann: User, bob: User) -> None:
    with pytest.raises(RuleError, match="note_too_long"), transaction.atomic():
        record_swipe(ann, bob, liked=True, note="x" * 201)
    assert not Swipe.objects.exists()


def test_it_takes_back_the_latest_swipe_only(ann: User, bob: User) -> None:
    eve = member("Eve")
    record_swipe(ann, bob, liked=True)
    record_swipe(ann, eve, liked=False)
    undone = undo_last_swipe(ann)
    assert undone
    assert undone.target == eve
    assert Swipe.objects.get().target == bob


def test_it_takes_no_match_back(ann: User, bob: User) -> None:
    record_swipe(ann, bob, liked=True)
    record_swipe(bob, ann, liked=True)
    with pytest.raises(RuleError, match="undo_matched"):
        undo_last_swipe(ann)


def test_it_ends_a_match_once(ann: User, bob: User) -> None:
    record_swipe(ann, bob, liked=True)
    match = record_swipe(bob, ann, liked=True).match
    assert match
    assert end_match(match, by=ann)
    assert not end_match(match, by=bob)
    match.refresh_from_db()
    assert match.ended_by == ann


def test_it_ends_the_match_with_whom_it_blocks_and_says_which(ann: User, bob: User) -> None:
    record_swipe(ann, bob, liked=True)
    match = record_swipe(bob, ann, liked=True).match
    assert block(ann, bob) == match
    assert block(ann, bob) is None


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_match_of_two_likes_at_once() -> None:
    outcomes: list[SwipeOutcome] = []

    def like(swiper: User, target: User) -> None:
        outcomes.append(record_swipe(swiper, target, liked=True))

    for number in range(5):
        ann, bob = member(f"Ann{number}"), member(f"Bob{number}")
        at_once(partial(like, ann, bob), partial(like, bob, ann))
    assert Match.objects.count() == 5
    assert sum(outcome.match is not None for outcome in outcomes) == 5
