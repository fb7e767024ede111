"""In which order a viewer sees the candidates of a shortlist: the seam between decks and the engine."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from apps import flags
from apps.matching.batches.decks import Built
from apps.matching.engine.eligibility import Ints, distance_km
from apps.matching.engine.history import Column
from apps.matching.engine.ranker import Model, likelihoods
from apps.matching.engine.scoring import score
from apps.matching.learning.facts import Sight, look, to_bytes
from apps.matching.learning.impressions import Placement
from apps.matching.learning.models import Algorithm, Source
from apps.matching.learning.running import running_model
from apps.users.models import User

DEFAULT_ALGORITHM, LIKES_FIRST, MARKET_STRENGTH, TASTE_WEIGHT = "heuristic", 1.0, 1.0, 1.0


@dataclass(frozen=True)
class Ranking:
    """Positions among the candidates of `sight`, best first; the other columns are in the candidates' own order."""

    sight: Sight
    order: Ints
    score: Column
    source: Ints
    propensity: Column
    algorithm: Algorithm
    model: Model

    def placements(self) -> Iterator[Placement]:
        """For the impressions of these candidates' cards, should they be shown in this order."""
        facts = self.sight.numbers(self.model.population)
        for place, position in enumerate(self.order.tolist()):
            yield Placement(
                candidate_id=self.sight.ids[position],
                place=place,
                algorithm=self.algorithm,
                source=Source(int(self.source[position])),
                propensity=float(self.propensity[position]),
                model_version=self.model.version,
                score=float(self.score[position]),
                facts=to_bytes(facts[position]),
            )


def rank(
    viewer: User,
    candidates: Sequence[int],
    *,
    chance: Callable[[], float] = random.random,
) -> Ranking:
    """The candidates of these numbers in the order of the viewer's algorithm; one query.

    Those whose like waits for the viewer's answer come before all others, at the rate of `matching.likes_first`.
    Deterministic but for `chance`, which is asked only where that rate is neither 0 nor 1.
    """
    algorithm = Algorithm(flags.value("matching.algorithm", viewer, DEFAULT_ALGORITHM))
    model = weighed_model(viewer)
    sight = look(viewer.pk, numbers=candidates, population=model.population)
    scores = _score(algorithm, viewer, sight, model)
    likes_first, likelihood = draw_likes_first(viewer, chance)
    plain, with_likes = np.argsort(-scores, kind="stable"), np.lexsort((-scores, ~sight.pairs.likes_giver))
    order, other = (with_likes, plain) if likes_first else (plain, with_likes)
    propensity = np.ones(len(sight), dtype=np.float32)
    propensity[order[order != other]] = likelihood
    is_ahead = sight.pairs.likes_giver & likes_first
    source = np.where(is_ahead, Source.LIKES_YOU, Source.RANKED)
    return Ranking(sight, order, scores, source, propensity, algorithm, model)


def weighed_model(viewer: User | None) -> Model:
    """The running model, with as much of a say for learned tastes as they have now; None: in decks of everybody."""
    return running_model().weighing("affinity", flags.value("matching.taste_weight", viewer, TASTE_WEIGHT))


def draw_likes_first(viewer: User, chance: Callable[[], float] = random.random) -> tuple[bool, float]:
    """Whether those who like the viewer come first this time, and how likely it was to come out so."""
    rate = flags.value("matching.likes_first", viewer, LIKES_FIRST)
    likes_first = rate >= 1 or (rate > 0 and chance() < rate)
    return likes_first, rate if likes_first else 1 - rate


def placements_as_built(viewer: User, built: Sequence[Built]) -> list[Placement]:
    """Of cards that a build of decks has placed, by the algorithm `market`; one query, if there are any."""
    if not built:
        return []
    model = running_model()
    sight = look(viewer.pk, ids=[card.candidate_id for card in built], population=model.population)
    facts = dict(zip(sight.ids, sight.numbers(model.population), strict=True))
    return [
        Placement(
            candidate_id=card.candidate_id,
            place=card.place,
            algorithm=Algorithm.MARKET,
            source=card.source,
            propensity=card.propensity,
            model_version=model.version,
            score=card.score,
            facts=to_bytes(facts[card.candidate_id]),
        )
        for card in built
        if card.candidate_id in facts
    ]


def _score(algorithm: Algorithm, viewer: User, sight: Sight, model: Model) -> Column:
    if algorithm == Algorithm.RECENCY:
        return sight.active_hour.astype(np.float32)
    if algorithm == Algorithm.HEURISTIC:
        return _heuristic(sight)
    value = likelihoods(model, sight.members, sight.pairs).score(sight.pairs.likes_giver)
    if algorithm == Algorithm.RECIPROCAL:
        return value
    return value - np.float32(flags.value("matching.market_strength", viewer, MARKET_STRENGTH)) * _prices(sight)


def _heuristic(sight: Sight) -> Column:
    """Who likes the viewer is put first elsewhere, if at all."""
    people, own, candidates = sight.members.people, sight.pairs.giver, sight.pairs.receiver
    *theirs, mine = sight.interests
    return score(
        shared_interests=np.array([len(set(mine).intersection(each)) for each in theirs], dtype=np.int64),
        distance_km=distance_km(people.where(own), people.where(candidates)),
        inactive_days=sight.members.inactive_days[candidates].astype(np.float64),
        likes_viewer=np.zeros(len(sight), dtype=bool),
    ).astype(np.float32)


def _prices(sight: Sight) -> Column:
    """Whose attention has no price yet counts as the average of the others here; 0 where nobody has one."""
    known = sight.price[~np.isnan(sight.price)]
    return np.where(np.isnan(sight.price), known.mean() if len(known) else np.float32(0), sight.price)
