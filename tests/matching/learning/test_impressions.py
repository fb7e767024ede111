"""What is written down of a card that was shown."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.matching.learning import impressions
from apps.matching.learning.facts import LAYOUT
from apps.matching.learning.impressions import RETENTION, labelled
from apps.matching.learning.models import Impression, Source
from apps.matching.learning.ranking import Ranking
from apps.matching.services import record_impression, record_swipe, undo_last_swipe
from apps.matching.tasks import purge_impressions
from apps.users.models import User
from apps.users.services import erase
from tests.factories import member

pytestmark = pytest.mark.django_db
Deck = Callable[..., Ranking]


@pytest.fixture
def ann() -> User:
    return member("Ann", gender="woman")


@pytest.fixture
def bob() -> User:
    return member("Bob", gender="man")


def show(deck: Deck, viewer: User, candidate: User, **options: object) -> None:
    (placement,) = deck(viewer, candidate, **options).placements()
    record_impression(viewer, placement)


def read() -> impressions.Labelled:
    return labelled(since=timezone.now() - timedelta(days=1), most=10)


def test_it_keeps_one_row_however_often_a_card_is_shown(ann: User, bob: User, deck: Deck) -> None:
    show(deck, ann, bob)
    first = Impression.objects.get()
    show(deck, ann, bob, liked_by=(bob,))
    again = Impression.objects.get()
    assert (first.times, again.times) == (1, 2)
    assert again.first_shown_at == first.first_shown_at < again.shown_at
    assert (first.source, again.source) == (Source.RANKED, Source.LIKES_YOU)
    assert (again.place, again.algorithm, again.model_version, again.propensity) == (0, "heuristic", "start", 1)


def test_it_costs_one_query(
    ann: User, bob: User, deck: Deck, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    (placement,) = deck(ann, bob).placements()
    with django_assert_num_queries(1):
        record_impression(ann, placement)


def test_it_counts_how_often_a_card_was_shown_in_vain(ann: User, bob: User, deck: Deck) -> None:
    for _ in range(2):
        show(deck, ann, bob)
    assert deck(ann, bob).sight.pairs.shown_before.tolist() == [2]


def test_it_writes_nothing_of_somebody_who_was_just_erased(ann: User, bob: User, deck: Deck) -> None:
    (placement,) = deck(ann, bob).placements()
    erase(bob)
    record_impression(ann, placement)
    assert not Impression.objects.exists()


@pytest.mark.parametrize("liked", [True, False])
def test_it_learns_what_came_of_a_card(ann: User, bob: User, deck: Deck, liked: bool) -> None:
    record_swipe(bob, ann, liked=True)
    show(deck, ann, bob, liked_by=(bob,))
    assert len(read()) == 0
    record_swipe(ann, bob, liked=liked)
    assert (read().liked.tolist(), read().liked_back.tolist(), read().place.tolist()) == ([liked], [True], [0])


def test_it_learns_nothing_from_a_swipe_that_was_taken_back(ann: User, bob: User, deck: Deck) -> None:
    show(deck, ann, bob)
    record_swipe(ann, bob, liked=True)
    undo_last_swipe(ann)
    assert len(read()) == 0


def test_it_knows_what_was_known_then_and_not_what_came_later(ann: User, bob: User, deck: Deck) -> None:
    show(deck, ann, bob)
    record_swipe(bob, ann, liked=True)
    record_swipe(ann, bob, liked=True)
    assert read().numbers[0, LAYOUT.index("there.likes_giver")] == 0


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_it_forgets_who_is_erased(ann: User, bob: User, deck: Deck, who: str) -> None:
    show(deck, ann, bob)
    erase({"ann": ann, "bob": bob}[who])
    assert not Impression.objects.exists()


def test_it_forgets_what_is_old(ann: User, bob: User, deck: Deck) -> None:
    show(deck, ann, bob)
    show(deck, bob, ann)
    too_old = timezone.now() - RETENTION - timedelta(hours=1)
    Impression.objects.filter(viewer=ann).update(shown_at=too_old)
    purge_impressions()
    assert [each.viewer_id for each in Impression.objects.all()] == [bob.pk]
