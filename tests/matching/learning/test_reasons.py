"""Why a card is shown, in a member's words."""

from collections.abc import Callable

import pytest

from apps.matching.learning import running
from apps.matching.learning.ranking import Ranking
from apps.matching.learning.reasons import Reason, reasons, stories
from apps.users.models import User
from tests.factories import member

pytestmark = pytest.mark.django_db
FAR = (42.27, 42.70)
Deck = Callable[..., Ranking]


@pytest.fixture
def ann() -> User:
    return member("Ann", gender="woman", interests=["chess", "hiking"])


def told(deck: Deck, viewer: User, candidate: User, **options: object) -> list[Reason]:
    (placement,) = deck(viewer, candidate, **options).placements()
    return reasons(placement, running.running_model())


def test_it_tells_the_strongest_reasons_first(ann: User, deck: Deck) -> None:
    bob = member("Bob", gender="man", interests=["chess"])
    assert told(deck, ann, bob) == [Reason.NEAR, Reason.LANGUAGE, Reason.INTERESTS]


def test_it_tells_only_what_is_so(ann: User, deck: Deck) -> None:
    bob = member("Bob", gender="man", place=FAR, language="ru")
    assert told(deck, ann, bob) == []


def test_it_never_tells_who_likes_whom_or_how_liked_they_are(ann: User, deck: Deck) -> None:
    bob = member("Bob", gender="man")
    assert told(deck, ann, bob, liked_by=(bob,)) == told(deck, ann, bob)
    assert {"appeal", "generosity", "likes_giver"}.isdisjoint(Reason)


def test_it_accounts_for_the_whole_probability(ann: User, deck: Deck) -> None:
    """What counted adds up to what the model says, in both directions."""
    ranking = deck(ann, member("Bob", gender="man", interests=["chess"]), member("Cid", gender="man", place=FAR))
    model = running.running_model()
    for story in stories(ranking.placements(), model):
        for likelihood, parts in (
            (story.likes, [each.there for each in story.contributions]),
            (story.is_liked, [each.back for each in story.contributions]),
        ):
            odds = likelihood / (1 - likelihood)
            assert pytest.approx(odds, rel=1e-4) == 2.718281828 ** (sum(parts) + model.constant)
