"""From what members do with their cards to a model that ranks, and who has the last word on it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.flags import services as flags
from apps.matching.engine.ranker import starting_model
from apps.matching.engine.training import auc
from apps.matching.learning import facts, impressions, running, trainer
from apps.matching.learning.models import Impression, RankerModel
from apps.matching.learning.ranking import rank
from apps.matching.learning.trainer import Outcome, RankerError
from apps.matching.models import Candidate, Swipe
from apps.matching.services import record_impression, record_swipe
from apps.matching.tasks import refresh_standings, train_ranker
from apps.users.models import User
from tests.factories import member

pytestmark = pytest.mark.django_db
DAYS, LEAST = 10, 200
State = RankerModel.State
Train = Callable[[], Outcome]
Taste = Callable[[User, User], float]


@pytest.fixture
def town() -> list[User]:
    """Forty members of all ages."""
    chance = np.random.default_rng(7)
    people = []
    for number in range(40):
        interests = [slug for slug in ("hiking", "books", "cinema", "yoga") if chance.random() < 0.5]
        gender = "woman" if number % 2 else "man"
        people.append(
            member(f"M{number}", gender=gender, age=int(chance.integers(20, 60)), interests=interests, photos=1)
        )
    return people


def live(town: list[User], *, taste: Taste, days: int = DAYS, seed: int = 3) -> None:
    """For some days everybody is shown some of the others and swipes by taste, through the product's own services."""
    chance = np.random.default_rng(seed)
    for day in range(days):
        for viewer in town:
            seen = set(Swipe.objects.filter(swiper=viewer).values_list("target", flat=True))
            others = {each.pk: each for each in town if each.pk not in seen and each != viewer}
            numbers = Candidate.objects.filter(user__in=list(others)[:3]).values_list("number", flat=True)
            for placement in rank(viewer, list(numbers)).placements():
                target = others[placement.candidate_id]
                record_impression(viewer, placement)
                record_swipe(viewer, target, liked=chance.random() < taste(viewer, target))
        refresh_standings()
        _is_over(day, days)


def _is_over(day: int, days: int) -> None:
    """What was shown today was shown so many days ago."""
    then = timezone.now() - timedelta(days=days - day)
    Impression.objects.filter(shown_at__gt=timezone.now() - timedelta(hours=12)).update(shown_at=then)


@pytest.fixture
def train(django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]) -> Train:
    """One training, committed."""

    def committed() -> Outcome:
        with django_capture_on_commit_callbacks(execute=True):
            return trainer.train_ranker(least=LEAST)

    return committed


def by_age(viewer: User, target: User) -> float:
    """The hidden taste: people of one's own age, which the starting model does not ask for."""
    return 0.05 + 0.85 * (abs(viewer.profile.age - target.profile.age) < 10)


def by_chance(viewer: User, target: User) -> float:
    return 0.3


def test_it_picks_up_what_members_like_and_ranks_by_it(town: list[User], train: Train) -> None:
    live(town, taste=by_age)
    outcome = train()
    assert outcome.ranker
    assert outcome.ranker.state == State.RUNNING
    model = running.running_model()
    assert model.version == outcome.ranker.version == "r1"
    figures = outcome.ranker.figures
    assert figures["running_version"] == "start"
    assert figures["new"]["auc"] > figures["running"]["auc"] + 0.05
    assert figures["new"]["log_loss"] < figures["running"]["log_loss"]
    assert figures["new"]["mutual_in_top_3"] >= figures["running"]["mutual_in_top_3"]


def test_it_ranks_better_what_members_swipe_later(town: list[User], train: Train) -> None:
    live(town, taste=by_age, days=7)
    train()
    learned = running.running_model()
    Impression.objects.all().delete()
    live(town, taste=by_age, days=3, seed=4)
    shown = impressions.labelled(since=timezone.now() - timedelta(days=60), most=10_000)
    start = starting_model(learned.population)
    columns = facts.columns(shown.numbers, learned.population)
    assert auc(learned.predict(columns), shown.liked) > auc(start.predict(columns), shown.liked) + 0.1


def test_it_lets_no_model_rank_that_learned_nothing(town: list[User], train: Train) -> None:
    live(town, taste=by_age)
    first = train().ranker
    again = train().ranker
    assert first
    assert again
    assert again.state == State.REJECTED
    assert "not surely better" in again.why
    assert running.running_model().version == first.version


def test_it_changes_nothing_with_too_few_cards(town: list[User]) -> None:
    live(town[:6], taste=by_chance, days=2)
    train_ranker()
    outcome = trainer.train_ranker()
    assert outcome.ranker is None
    assert "5000 on 5 are needed" in outcome.why
    assert running.running_model().version == "start"
    assert not RankerModel.objects.exists()


def test_it_learns_nothing_where_everything_is_liked(town: list[User], train: Train) -> None:
    live(town, taste=lambda *_: 1.0, days=6)
    outcome = train()
    assert (outcome.ranker, "likes and passes" in outcome.why) == (None, True)


def test_it_leaves_a_better_model_to_a_manager_when_told_so(town: list[User], train: Train) -> None:
    flags.change("matching.new_models", by=None, reason="after a rollback", everyone=False)
    live(town, taste=by_age)
    ranker = train().ranker
    assert ranker
    assert ranker.state == State.CANDIDATE
    assert running.running_model().version == "start"


# ---- Choosing by hand


@pytest.fixture
def versions() -> list[RankerModel]:
    population = running.unlearned_population()
    running.forget()
    return [
        RankerModel.objects.create(
            number=number,
            state=State.RUNNING if number == 2 else State.RETIRED,
            model={**starting_model(population).to_json(), "version": f"r{number}"},
            figures={},
            why="test",
        )
        for number in (1, 2)
    ]


def test_it_goes_back_to_an_earlier_model(versions: list[RankerModel]) -> None:
    assert running.running_model().version == "r2"
    trainer.make_running(versions[0], why="r2 shows the same faces")
    running.forget()
    assert running.running_model().version == "r1"
    assert list(RankerModel.objects.order_by("number").values_list("state", flat=True)) == ["running", "retired"]


def test_it_goes_back_to_the_start(versions: list[RankerModel]) -> None:
    trainer.stop_running(versions[1], why="start over")
    running.forget()
    assert running.running_model().version == "start"


@pytest.mark.parametrize("why", ["", "  "])
def test_it_wants_to_know_why(versions: list[RankerModel], why: str) -> None:
    with pytest.raises(RankerError, match="reason"):
        trainer.make_running(versions[0], why=why)


def test_it_refuses_a_model_of_another_release(versions: list[RankerModel]) -> None:
    versions[0].model["features"] = ["horoscope", *versions[0].model["features"][1:]]
    versions[0].save()
    with pytest.raises(RankerError, match="another release"):
        trainer.make_running(versions[0], why="try it")


def test_it_goes_on_ranking_when_the_model_cannot_be_read(versions: list[RankerModel]) -> None:
    RankerModel.objects.filter(number=2).update(model={**versions[1].model, "features": ["horoscope"]})
    assert running.running_model().version == "start"


def test_it_follows_another_process_within_seconds(
    versions: list[RankerModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    assert running.running_model().version == "r2"
    RankerModel.objects.filter(number=2).update(state=State.RETIRED)
    RankerModel.objects.filter(number=1).update(state=State.RUNNING)
    assert running.running_model().version == "r2"
    now[0] += running.LOOK_AGAIN_SECS
    assert running.running_model().version == "r1"
