"""How decks are filled: the two plain orders, the product's heuristic, and its learned rankings."""

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from apps.matching.engine import market
from apps.matching.engine.composition import Candidates, Mix, compose
from apps.matching.engine.eligibility import People, distance_km
from apps.matching.engine.history import Column
from apps.matching.engine.scoring import score
from closed_loop_world.learner import Learner
from closed_loop_world.month import Log, Served
from closed_loop_world.people import Bools, Floats, Ints, Town

IN_ORDER = Mix(size=1000, likes=0, new_faces=0, explore=0, alike=1000)
NEW_DAYS = 3


@dataclass
class Recency:
    """The most recently active first."""

    def __call__(self, town: Town, log: Log, viewers: Ints, cards: Ints) -> Served:
        return serve(town, log, viewers, cards, log.last_active[town.candidate], may_see(town, log), IN_ORDER)


@dataclass
class Heuristic:
    """`engine.scoring`, with or without what it gives for liking the viewer."""

    likes_first: bool
    fixed: dict[str, Ints] = field(default_factory=dict)

    def __call__(self, town: Town, log: Log, viewers: Ints, cards: Ints) -> Served:
        if not self.fixed:
            one, other = (_people(town, who) for who in (town.viewer, town.candidate))
            shared = town.interests.astype(np.float32) @ town.interests.T.astype(np.float32)
            self.fixed["distance"] = distance_km(one, other)
            self.fixed["shared"] = shared[town.viewer, town.candidate]
        values = score(
            shared_interests=self.fixed["shared"],
            distance_km=self.fixed["distance"],
            inactive_days=np.maximum(log.day - log.last_active, 0)[town.candidate],
            likes_viewer=log.liked[town.back] & self.likes_first,
        )
        return serve(town, log, viewers, cards, values, may_see(town, log), IN_ORDER)


@dataclass
class Reciprocal:
    """log P(match) by the product's ranker; those who have passed on the viewer come last."""

    mix: Mix
    seed: int
    learner: Learner | None = None

    def __call__(self, town: Town, log: Log, viewers: Ints, cards: Ints) -> Served:
        self.learner = self.learner or Learner(town, self.seed)
        likelihood = self.learner.likelihood(log)
        passed = (log.swiped & ~log.liked)[town.back]
        seen = may_see(town, log) & ~passed
        values = self.values(town, log, likelihood, seen)
        return serve(town, log, viewers, cards, values, seen, self.mix, seed=self.seed + log.day)

    def values(self, town: Town, log: Log, likelihood: Column, seen: Bools) -> Column:
        return np.log(likelihood) + np.log(known_back(town, log, likelihood))


@dataclass
class Market(Reciprocal):
    """The same, less the prices of both sides' attention."""

    best: int = 100
    shift: float = market.SHIFT
    temperature: float = market.TEMPERATURE
    strength: float = 1.0
    value: str = "log"
    capacity: str = "one"
    scale: float = 1.0
    fairness: float = 0.0
    report: dict = field(default_factory=dict)

    def values(self, town: Town, log: Log, likelihood: Column, seen: Bools) -> Column:
        p, q = likelihood, known_back(town, log, likelihood)
        value = np.log(p * q) if self.value == "log" else p * q if self.value == "product" else p + q
        value = value.astype(np.float32)
        graph = market.union(*_best(town.indptr, town.candidate, value, seen, self.best))
        prices = market.clear(graph, self.capacities(town, log), shift=self.shift, temperature=self.temperature)
        self.report[log.day] = (prices.sweeps, prices.error)
        s = np.float32(self.strength)
        return (
            value
            - s * (prices.price[town.viewer] + prices.price[town.candidate])
            - self.fair(town, log)[town.candidate]
        )

    def fair(self, town: Town, log: Log) -> Column:
        days = np.maximum(log.day - town.joined, 0)
        out = np.zeros(len(town))
        for side in (1, 2):
            own = (town.shown.gender == side) & log.listed
            rate = log.shown[own].sum() / max(days[own].sum(), 1)
            out[own] = np.log((log.shown[own] + rate + 1e-9) / (rate * (days[own] + 1) + 1e-9))
        return (self.fairness * out).astype(np.float32)

    def capacities(self, town: Town, log: Log) -> Column:
        out = np.ones(len(town))
        if self.capacity in ("exposure", "both"):
            days = np.maximum(log.day - town.joined, 0) + 1
            rate = (log.shown + 3) / (days + 1)
            for side in (1, 2):
                own = town.shown.gender == side
                rate[own] /= np.mean(rate[own & log.listed]) if log.day else 1
            out = out * rate**-self.scale
        return out.astype(np.float32)


def may_see(town: Town, log: Log) -> Bools:
    """By pair: both are listed, and the viewer has not swiped on the candidate."""
    return log.listed[town.viewer] & log.listed[town.candidate] & ~log.swiped


def known_back(town: Town, log: Log, likelihood: Column) -> Column:
    """P(the candidate likes the viewer), 1 where they did."""
    return np.where(log.liked[town.back], np.float32(1), likelihood[town.back])


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
        is_new=log.day - town.joined[candidate] < NEW_DAYS if log.day >= NEW_DAYS else np.zeros(len(pair), dtype=bool),
        kind=(town.shown.age[candidate] // 5 * 50 + np.argmax(town.interests[candidate], axis=1)).astype(np.int32),
    )
    decks = compose(rows, mix, viewer=viewers, seed=seed)
    place = np.arange(len(decks.position)) - np.repeat(decks.indptr[:-1], np.diff(decks.indptr))
    looked = place < np.repeat(cards, np.diff(decks.indptr))
    return Served(pair[decks.position[looked]], place[looked], decks.source[looked], decks.propensity[looked])


def _people(town: Town, who: Ints) -> People:
    return People(**{name: column[who] for name, column in vars(town.shown).items()})


@njit(nogil=True)
def _best(indptr, candidate, value, seen, best):
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
