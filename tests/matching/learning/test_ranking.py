"""In which order a viewer sees a shortlist, under each algorithm."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.flags import services as flags
from apps.matching.engine.features import features
from apps.matching.learning import facts, running
from apps.matching.learning.models import Algorithm, Source, Standing
from apps.matching.learning.ranking import Ranking
from apps.matching.services import record_swipe
from apps.users.models import User
from tests.factories import member

pytestmark = pytest.mark.django_db
NEAR, FAR = (41.75, 44.80), (42.27, 42.70)  # 6 and 185 kilometres from the others
Deck = Callable[..., Ranking]


@pytest.fixture
def ann() -> User:
    return member("Ann", gender="woman", seeking=("man",), interests=["chess", "hiking"])


def man(name: str = "Bob", **who: object) -> User:
    return member(name, **{"gender": "man", "seeking": ("woman",), **who})  # type: ignore[arg-type]


def names(ranking: Ranking) -> list[str]:
    found = User.objects.select_related("profile").in_bulk(list(ranking.sight.ids))
    return [found[ranking.sight.ids[position]].profile.name for position in ranking.order]


def use(algorithm: str) -> None:
    flags.change("matching.algorithm", by=None, reason="test", everyone=True, value=algorithm)


def active(user: User, *, hours_ago: int) -> None:
    User.objects.filter(pk=user.pk).update(last_active_at=timezone.now() - timedelta(hours=hours_ago))


def standing(user: User, **counts: float) -> None:
    Standing.objects.create(user=user, **counts)


def test_it_orders_by_the_heuristic_until_somebody_says_otherwise(ann: User, deck: Deck) -> None:
    ranking = deck(ann, man("Far", place=FAR), man("Near"), man("Alike", interests=["chess", "hiking"]))
    assert names(ranking) == ["Alike", "Near", "Far"]
    assert ranking.algorithm == Algorithm.HEURISTIC


def test_it_orders_by_who_was_here_last(ann: User, deck: Deck) -> None:
    use("recency")
    late, early = man("Late", place=FAR), man("Early", interests=["chess"])
    active(early, hours_ago=5)
    active(late, hours_ago=1)
    assert names(deck(ann, early, late)) == ["Late", "Early"]


def test_it_puts_those_ahead_who_are_liked_and_would_like_back(ann: User, deck: Deck) -> None:
    use("reciprocal")
    picky, open_minded, disliked = man("Picky"), man("Open"), man("Disliked")
    for each, given, received in ((picky, 5, 20), (open_minded, 80, 20), (disliked, 80, 2)):
        standing(each, swipes_given=100, likes_given=given, likes_received=received, likes_expected=20)
    assert names(deck(ann, disliked, picky, open_minded)) == ["Open", "Disliked", "Picky"]


def test_it_spreads_attention_by_its_price(ann: User, deck: Deck) -> None:
    use("market")
    star, other, unpriced = man("Star"), man("Other"), man("Unpriced")
    standing(star, price=3.0)
    standing(other, price=-1.0)
    assert names(deck(ann, star, other, unpriced)) == ["Other", "Unpriced", "Star"]


def test_it_heeds_no_price_when_the_market_has_no_strength(ann: User, deck: Deck) -> None:
    use("market")
    flags.change("matching.market_strength", by=None, reason="test", everyone=True, value=0.0)
    first, second = man("First"), man("Second")
    standing(first, price=3.0)
    scores = deck(ann, first, second).score
    assert scores[0] == pytest.approx(scores[1])


@pytest.mark.parametrize("algorithm", Algorithm.values)
def test_it_puts_those_first_who_like_the_viewer(ann: User, deck: Deck, algorithm: str) -> None:
    use(algorithm)
    near, fan = man("Near", interests=["chess"]), man("Fan", place=FAR)
    active(fan, hours_ago=200)
    standing(near, price=-9.0)
    ranking = deck(ann, near, fan, liked_by=(fan,))
    assert names(ranking) == ["Fan", "Near"]
    assert [ranking.source[position] for position in ranking.order] == [Source.LIKES_YOU, Source.RANKED]


@pytest.mark.parametrize(("draw", "first", "propensity"), [(0.69, "Fan", 0.7), (0.71, "Near", 0.3)])
def test_it_puts_them_first_as_often_as_it_was_told_and_keeps_how_likely_that_was(
    ann: User, deck: Deck, draw: float, first: str, propensity: float
) -> None:
    flags.change("matching.likes_first", by=None, reason="test", everyone=True, value=0.7)
    near, fan = man("Near"), man("Fan", place=FAR)
    ranking = deck(ann, near, fan, liked_by=(fan,), chance=lambda: draw)
    assert names(ranking)[0] == first
    assert ranking.propensity[ranking.order[0]] == pytest.approx(propensity)


def test_it_asks_one_question_however_many_candidates_there_are(
    ann: User, deck: Deck, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    use("market")
    men = [man(f"Man {number}") for number in range(12)]
    running.running_model()  # last, for it is remembered for a moment only
    # and one of the test's own, for the candidates' numbers
    with django_assert_num_queries(2):
        assert len(deck(ann, *men[:2]).order) == 2
    with django_assert_num_queries(2):
        assert len(deck(ann, *men).order) == 12


def test_it_has_no_order_of_nobody(ann: User, deck: Deck) -> None:
    for algorithm in Algorithm.values:
        use(algorithm)
        assert len(deck(ann).order) == 0


def test_it_keeps_all_that_the_engine_knew(ann: User, deck: Deck) -> None:
    """What training reads from impressions are the very columns that ranked, in both directions."""
    bob, eve = man("Bob", place=NEAR, interests=["chess"], bio="Hi"), man("Eve", age=60, ages=(30, 99))
    standing(ann, swipes_given=9, likes_given=4, likes_received=3, likes_expected=2.5, messages_due=2)
    standing(bob, swipes_given=5, likes_given=1, messages_due=3, messages_answered=1)
    record_swipe(bob, ann, liked=True)
    sight = deck(ann, bob, eve, liked_by=(bob,)).sight
    population = running.running_model().population
    numbers = facts.from_bytes([facts.to_bytes(row) for row in sight.numbers(population)])
    for back, pairs in ((False, sight.pairs), (True, sight.pairs.reversed())):
        known = features(sight.members, pairs, population)
        kept = facts.columns(numbers, population, back=back)
        assert kept.keys() == known.keys()
        for name in known:
            np.testing.assert_allclose(kept[name], known[name], rtol=1e-6, err_msg=name)
