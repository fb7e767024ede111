"""How decks are filled: the two plain orders, the product's heuristic, and its learned rankings."""

import numpy as np
from numba import njit

from apps.matching.engine import market
from apps.matching.engine.composition import Candidates, Mix, compose
from apps.matching.engine.eligibility import distance_km
from apps.matching.engine.history import Column
from apps.matching.engine.scoring import score
from benchmarks.closed_loop_world.learner import Learner
from benchmarks.closed_loop_world.month import Log, Served
from benchmarks.closed_loop_world.people import Bools, Floats, Ints, Town

SIZE = 150  # more than anybody looks at on one day
IN_ORDER = Mix(size=SIZE, likes=0, new_faces=0, explore=0, alike=SIZE)
MIXED = Mix(size=SIZE)
NEW_DAYS = 3
BEST = 100  # of each member's candidates stand on the market


class Recency:
    """The most recently active first."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def __call__(self, log: Log, viewers: Ints, cards: Ints) -> Served:
        values = log.last_active[self.town.candidate]
        return serve(self.town, log, viewers, cards, values, may_see(self.town, log), IN_ORDER)


class Heuristic:
    """`engine.scoring`, with or without what it gives for liking the viewer, and for having passed on them."""

    def __init__(self, town: Town, *, likes_first: bool = False, without_passes: bool = False) -> None:
        self.town, self.likes_first, self.without_passes = town, likes_first, without_passes
        shared = town.interests.astype(np.float32) @ town.interests.T.astype(np.float32)
        self.shared = shared[town.viewer, town.candidate]
        self.distance_km = distance_km(town.shown.where(town.viewer), town.shown.where(town.candidate))

    def __call__(self, log: Log, viewers: Ints, cards: Ints) -> Served:
        town = self.town
        values = score(
            shared_interests=self.shared,
            distance_km=self.distance_km,
            inactive_days=np.maximum(log.day - log.last_active, 0)[town.candidate],
            likes_viewer=log.liked[town.back] & self.likes_first,
        )
        seen = may_see(town, log)
        if self.without_passes:
            seen &= ~passed_on_viewer(town, log)
        return serve(town, log, viewers, cards, values, seen, IN_ORDER)


class Reciprocal:
    """log P(match) by the product's ranker, without those who have passed on the viewer."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.seed, self.learner = town, seed, Learner(town, seed)

    def __call__(self, log: Log, viewers: Ints, cards: Ints) -> Served:
        town = self.town
        there = self.learner.likelihood(log)
        back = np.where(log.liked[town.back], np.float32(1), there[town.back])
        seen = may_see(town, log) & ~passed_on_viewer(town, log)
        values = np.log(there) + np.log(back)
        return serve(town, log, viewers, cards, self.priced(log, values, seen), seen, MIXED, seed=self.seed + log.day)

    def priced(self, log: Log, values: Column, seen: Bools) -> Column:
        return values


class Market(Reciprocal):
    """The same, less what the candidate's attention asks."""

    def priced(self, log: Log, values: Column, seen: Bools) -> Column:
        town = self.town
        graph = market.union(*_best(town.indptr, town.candidate, values, seen, BEST))
        prices = market.clear(graph, np.ones(len(town), dtype=np.float32))
        days = np.maximum(log.day - town.joined, 0).astype(np.float32)
        overexposed = market.overexposure(log.shown.astype(np.float32), days, town.shown.gender)
        likes = np.bincount(town.viewer, log.liked, minlength=len(town)).astype(np.float32)
        matches = np.bincount(town.viewer[log.liked & log.liked[town.back]], minlength=len(town))
        return values - market.asked(prices, overexposed, market.is_waiting(likes, matches))[town.candidate]


def may_see(town: Town, log: Log) -> Bools:
    """By pair: both are listed, and the viewer has not swiped on the candidate."""
    return log.listed[town.viewer] & log.listed[town.candidate] & ~log.swiped


def passed_on_viewer(town: Town, log: Log) -> Bools:
    """By pair: the candidate has seen the viewer and passed, so that no match can come of the card."""
    return (log.swiped & ~log.liked)[town.back]


def serve(
    town: Town, log: Log, viewers: Ints, cards: Ints, values: Floats, seen: Bools, mix: Mix, seed: int = 0
) -> Served:
    """A deck for each viewer, composed by the product's engine and looked at from the top."""
    looks = np.zeros(len(town), dtype=bool)
    looks[viewers] = True
    pair = np.flatnonzero(seen & looks[town.viewer])
    candidate = town.candidate[pair]
    rows = Candidates(
        indptr=np.concatenate([[0], np.cumsum(np.bincount(town.viewer[pair], minlength=len(town))[viewers])]),
        score=values[pair].astype(np.float32),
        likes_viewer=log.liked[town.back[pair]],
        # on the first days all are new
        is_new=(log.day - town.joined[candidate] < NEW_DAYS) & (log.day >= NEW_DAYS),
        kind=(town.shown.age[candidate] // 5 * 50 + np.argmax(town.interests, axis=1)[candidate]).astype(np.int32),
    )
    decks = compose(rows, mix, viewer=viewers, seed=seed)
    place = np.arange(len(decks.position)) - np.repeat(decks.indptr[:-1], np.diff(decks.indptr))
    looked = place < np.repeat(cards, np.diff(decks.indptr))
    return Served(pair[decks.position[looked]], place[looked], decks.source[looked], decks.propensity[looked])


@njit(nogil=True)
def _best(indptr, candidate, value, seen, best):
    """Each member's best candidates, as rows."""
    ends = np.zeros(len(indptr), dtype=np.int64)
    indices, values = np.empty((len(indptr) - 1) * best, np.int32), np.empty((len(indptr) - 1) * best, np.float32)
    end = 0
    for member in range(len(indptr) - 1):
        row = indptr[member] + np.flatnonzero(seen[indptr[member] : indptr[member + 1]])
        for pair in row[np.argsort(-value[row])[:best]]:
            indices[end], values[end] = candidate[pair], value[pair]
            end += 1
        ends[member + 1] = end
    return ends, indices[:end], values[:end]
