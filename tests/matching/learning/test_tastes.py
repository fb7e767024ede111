"""Tastes that no profile names: learned every night from likes, kept where they are better, heeded in decks."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from django.utils import timezone
from h3.api import basic_int as h3
from pytest_django import DjangoAssertNumQueries

from apps.flags import services as flags
from apps.matching.batches import territory
from apps.matching.batches.builds import TERRITORY_RESOLUTION
from apps.matching.batches.reading import read_members
from apps.matching.engine.factors import Factors
from apps.matching.engine.features import DIRECTED, LEARNED
from apps.matching.engine.ranker import starting_model
from apps.matching.engine.training import auc
from apps.matching.learning import running, tastes
from apps.matching.learning.factors import TASTES, stored
from apps.matching.learning.models import RankerModel, Standing, TasteFit
from apps.matching.learning.ranking import Ranking, rank
from apps.matching.learning.reasons import Reason, reasons, stories
from apps.matching.learning.tastes import Outcome
from apps.matching.models import Candidate, Swipe
from apps.matching.selectors import best_of_deck
from apps.matching.tasks import learn_tastes
from apps.users.models import User
from apps.users.services import erase
from tests.factories import TBILISI, member

pytestmark = pytest.mark.django_db
SIDE, GIVEN, JUDGED = 40, 20, 6
Town = list[User]


@pytest.fixture
def town() -> Town:
    """Eighty members of the same age, place and interests, of two kinds that like their own."""
    return [member(f"M{number}", gender="woman" if number % 2 else "man") for number in range(2 * SIDE)]


def is_alike(one: int, other: int) -> bool:
    return one // 2 % 2 == other // 2 % 2


def live(town: Town, *, days_ago: int = 5, each: int = GIVEN, taste: Callable[[int, int], bool] = is_alike) -> None:
    """On one day everybody swipes some of the other side whom they have not swiped before."""
    chance = np.random.default_rng([days_ago, each])
    done = set(Swipe.objects.values_list("swiper", "target"))
    then, made = timezone.now() - timedelta(days=days_ago), []
    for one, viewer in enumerate(town):
        others = [other for other in range((one + 1) % 2, len(town), 2) if (viewer.pk, town[other].pk) not in done]
        for other in chance.permutation(others)[:each].tolist():
            liked = bool(chance.random() < (0.85 if taste(one, other) else 0.15))
            made.append(Swipe(swiper=viewer, target=town[other], liked=liked, created_at=then))
    Swipe.objects.bulk_create(made)


def learn() -> Outcome:
    return tastes.learn_tastes(least=200, least_judged=50)


def weigh_tastes(weight: float = 1.0) -> None:
    """A model of which this much is what tastes are worth; training would have to find out."""
    model = starting_model(running.unlearned_population())
    RankerModel.objects.create(
        number=1,
        state=RankerModel.State.RUNNING,
        figures={},
        why="test",
        model={
            **model.to_json(),
            "version": "r1",
            "features": (*model.features, "affinity"),
            "coefficients": (*model.coefficients, weight),
            "means": (*model.means, 0.1),
            "scales": (*model.scales, 1.0),
        },
    )
    running.forget()


def use(algorithm: str) -> None:
    flags.change("matching.algorithm", by=None, reason="test", everyone=True, value=algorithm)


def ranked(town: Town, viewer: int = 0) -> Ranking:
    """Everybody of the other side, for this one."""
    ids = [user.pk for user in town[(viewer + 1) % 2 :: 2]]
    return rank(town[viewer], list(Candidate.objects.filter(user__in=ids).values_list("number", flat=True)))


def own_kind_first(town: Town, ranking: Ranking, viewer: int = 0) -> float:
    """How often somebody of the viewer's kind comes before somebody of the other, of those who have not liked them."""
    place = {user.pk: number for number, user in enumerate(town)}
    order = ranking.order[~ranking.sight.pairs.likes_giver[ranking.order]]
    alike = np.array([is_alike(viewer, place[ranking.sight.ids[position]]) for position in order.tolist()])
    return auc(-np.arange(len(order), dtype=np.float32), alike)


def kept() -> dict[User, bytes]:
    return dict(Standing.objects.exclude(tastes=None).values_list("user", "tastes"))


def made_up() -> list[bytes]:
    rows = stored(Factors(*np.random.default_rng(5).normal(0, 1, (2, 2 * SIDE, 4)).astype(np.float32)))
    return [row.tobytes() for row in rows]


# ---- From likes to decks


def test_it_puts_a_members_kind_first_though_profiles_are_all_the_same(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    use("reciprocal")
    weigh_tastes()
    assert own_kind_first(town, ranked(town)) < 0.8
    outcome = learn()
    assert outcome.fit
    assert outcome.fit.is_kept
    assert outcome.fit.figures["log_loss_found"] < outcome.fit.figures["log_loss_none"] - 0.02
    for viewer in (0, 1, 2, 3):
        assert own_kind_first(town, ranked(town, viewer), viewer) > 0.9


def test_it_learns_what_they_are_worth_before_they_have_a_say(town: Town) -> None:
    """The starting model knows nothing of tastes; cards that are shown keep them for training all the same."""
    live(town)
    live(town, days_ago=1, each=JUDGED)
    use("reciprocal")
    before = ranked(town).score
    learn()
    after = ranked(town)
    np.testing.assert_array_equal(after.score, before)
    affinity = after.sight.numbers(after.model.population)[:, -len((*DIRECTED, *LEARNED)) - 1]
    assert affinity.any()


@pytest.mark.parametrize("algorithm", ["recency", "heuristic"])
def test_it_leaves_the_plain_orders_alone(town: Town, algorithm: str) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    use(algorithm)
    weigh_tastes()
    before = ranked(town).order
    learn()
    np.testing.assert_array_equal(ranked(town).order, before)


def test_it_gives_todays_order_back_without_a_weight(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    use("reciprocal")
    before = ranked(town).score
    learn()
    weigh_tastes()
    assert not np.allclose(ranked(town).score, before)
    flags.change("matching.taste_weight", by=None, reason="test", everyone=True, value=0.0)
    np.testing.assert_array_equal(ranked(town).score, before)


def test_it_agrees_with_decks_that_are_built_ahead(town: Town) -> None:
    live(town, days_ago=5)
    live(town, days_ago=1, each=JUDGED)
    learn()
    weigh_tastes(3.0)
    use("market")
    flags.change("matching.market_strength", by=None, reason="test", everyone=True, value=0.0)
    cell = int(h3.cell_to_parent(h3.latlng_to_cell(*TBILISI, 7), TERRITORY_RESOLUTION))
    territory.build(cell, lambda built: None)
    viewer = User.objects.select_related("profile", "preferences").get(pk=town[0].pk)
    built = {card.placement.candidate_id: card.placement.score for card in best_of_deck(viewer, 10)}
    use("reciprocal")
    on_demand = {card.placement.candidate_id: card.placement.score for card in best_of_deck(viewer, 100)}
    assert built
    assert built == {each: pytest.approx(on_demand[each], abs=0.02) for each in built}


def test_it_asks_the_database_nothing_more(town: Town, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    use("reciprocal")
    weigh_tastes()
    running.running_model()
    with django_assert_num_queries(2):  # one of them is the test's own
        ranked(town)


# ---- Why a card is shown


def test_it_tells_staff_and_not_the_member(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    use("reciprocal")
    weigh_tastes(9.0)
    best = next(ranked(town).placements())
    model = running.running_model()
    (story,) = stories([best], model)
    first = story.contributions[0]
    assert (first.feature, first.there > 0) == ("affinity", True)
    assert "a taste that likes alone have told" in first.in_words
    assert set(reasons(best, model)) <= set(Reason)
    assert "affinity" not in set(Reason)


# ---- One night after the other


def test_it_does_nothing_the_second_time_on_a_day(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    before = kept()
    again = learn()
    assert (again.fit, "already" in again.why) == (None, True)
    assert kept() == before
    assert TasteFit.objects.count() == 1


def test_it_keeps_yesterdays_where_the_new_ones_are_no_better(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    before = kept()
    TasteFit.objects.update(until=timezone.now() - timedelta(days=9))
    rng = np.random.default_rng(1)
    for worse in (rng.normal(0, 1, (2, 2 * SIDE, 4)), np.full((2, 2 * SIDE, 4), np.nan)):
        found = Factors(*worse.astype(np.float32))
        monkeypatch.setattr(tastes, "fit", lambda *_, found=found, **__: found)
        outcome = learn()
        assert outcome.fit
        assert not outcome.fit.is_kept
        assert "not surely better" in outcome.why
        assert kept() == before
        outcome.fit.delete()


def test_it_learns_nothing_where_members_like_by_chance(town: Town) -> None:
    """Not even where what they have is worse: better than that is not good enough."""
    Standing.objects.bulk_create(Standing(user=each, tastes=wild) for each, wild in zip(town, made_up(), strict=True))
    live(town, taste=lambda one, other: (one * 7 + other * 13) % 5 < 2)
    live(town, days_ago=1, each=JUDGED, taste=lambda one, other: (one * 3 + other * 11) % 7 < 3)
    outcome = learn()
    assert outcome.fit
    assert not outcome.fit.is_kept
    losses = [outcome.fit.figures[f"log_loss_{which}"] for which in ("none", "found", "before")]
    assert losses == sorted(losses)
    assert list(kept().values()) == made_up()


def test_it_follows_a_taste_that_changes(town: Town) -> None:
    live(town, days_ago=150)
    live(town, days_ago=1, each=JUDGED)
    learn()
    Swipe.objects.all().delete()
    TasteFit.objects.update(until=timezone.now() - timedelta(days=9))
    live(town, days_ago=5, taste=lambda one, other: not is_alike(one, other))
    live(town, days_ago=1, each=JUDGED, taste=lambda one, other: not is_alike(one, other))
    learn()
    use("reciprocal")
    weigh_tastes()
    assert own_kind_first(town, ranked(town)) < 0.1


def test_it_changes_nothing_with_too_few_swipes(town: Town) -> None:
    live(town)
    learn_tastes()
    assert tastes.learn_tastes().fit is None
    assert (TasteFit.objects.count(), kept()) == (0, {})


def test_it_looks_at_no_more_swipes_than_it_may_the_newest(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for days_ago in (200, 9, 5):
        live(town, days_ago=days_ago, each=5)
    live(town, days_ago=1, each=JUDGED)
    found = learn()
    assert found.fit
    assert found.fit.figures["swipes"] == 2 * 5 * 2 * SIDE
    found.fit.delete()
    monkeypatch.setattr(tastes, "MOST_SWIPES", 500)
    found = learn()
    assert found.fit
    assert found.fit.figures["swipes"] == 500


def test_it_is_harmless_to_be_killed_while_writing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    TasteFit.objects.update(until=timezone.now() - timedelta(days=9))
    live(town, days_ago=4, each=4)
    monkeypatch.setattr(tastes, "MEMBERS_AT_ONCE", SIDE)
    monkeypatch.setattr(tastes.standings, "wait_for_turn", _dies_at_the_second())
    before = kept()
    with pytest.raises(RuntimeError, match="killed"):
        learn()
    half = kept()
    assert 0 < sum(half[each] != before[each] for each in half) <= SIDE
    use("reciprocal")
    weigh_tastes()
    for viewer in (0, 2):
        assert own_kind_first(town, ranked(town, viewer), viewer) > 0.9
    monkeypatch.undo()
    assert learn().fit


def _dies_at_the_second() -> Callable[[object], None]:
    turns = iter(range(2))

    def wait(cursor: object) -> None:
        if next(turns):
            raise RuntimeError("killed")

    return wait


# ---- Who has none


def test_it_leaves_nothing_of_an_erased_member(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    learn()
    gone, number = town[3].pk, Candidate.objects.get(user=town[3]).number
    assert gone in kept()
    erase(town[3])
    assert gone not in kept()
    everybody = read_members(running.running_model().population, "true")
    assert number not in everybody.rows["number"]


def test_it_forgets_whose_swipes_are_all_too_old(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    newcomer = member("Newcomer")
    Standing.objects.create(user=newcomer, tastes=stored(Factors(*np.ones((2, 1, 4), dtype=np.float32)))[0].tobytes())
    learn()
    assert newcomer.pk not in kept()
    assert len(kept()) == len(town)


def test_it_takes_sixteen_bytes_and_no_other_number() -> None:
    assert TASTES.itemsize == 16
    with pytest.raises(Exception, match="standing_tastes_are_whole"):
        Standing.objects.create(user=member(), tastes=b"too few")


def test_it_learns_until_yesterday_and_is_judged_by_what_came_since(town: Town) -> None:
    live(town)
    live(town, days_ago=1, each=JUDGED)
    live(town, days_ago=0, each=2)
    found = learn().fit
    assert found
    assert found.until == datetime.now(UTC).date() - timedelta(days=1)
    midnight = datetime.combine(found.until, time.min, UTC)
    assert found.figures["judged"] == Swipe.objects.filter(created_at__gte=midnight).count()
