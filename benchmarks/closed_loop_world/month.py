"""A month in the town under one algorithm, which sees what members show and do, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.closed_loop_world.people import MAN, WOMAN, Bools, Floats, Ints, Town

NEVER = -1


@dataclass
class Log:
    """What the service knows on one morning. By pair of the town's, unless said otherwise."""

    day: int
    swiped_on: Ints  # day, or NEVER
    liked: Bools
    position: Ints
    propensity: Floats
    last_active: Floats  # by member, in days
    shown: Ints  # by member: how often their card was shown
    listed: Bools  # by member
    cards: int = 0

    @classmethod
    def of(cls, town: Town) -> "Log":
        pairs, members = len(town.viewer), len(town)
        return cls(
            day=0,
            swiped_on=np.full(pairs, NEVER),
            liked=np.zeros(pairs, dtype=bool),
            position=np.zeros(pairs, dtype=np.int64),
            propensity=np.ones(pairs),
            last_active=town.joined.astype(float),
            shown=np.zeros(members, dtype=np.int64),
            listed=town.joined == 0,
        )

    @property
    def swiped(self) -> Bools:
        result: Bools = self.swiped_on != NEVER
        return result


@dataclass(frozen=True)
class Served:
    """Cards of one day, deck by deck: the pair, its place in the deck, why it stands there and how likely that was."""

    pair: Ints
    position: Ints
    source: Ints
    propensity: Floats


# Of the log, the members who will look today and for how many cards at most: what they are shown.
Algorithm = Callable[[Log, Ints, Ints], Served]


def live(town: Town, likes: Bools, algorithm: Algorithm, seed: int) -> Log:
    """The log after the month. Who looks when, and for how long, is the same under each algorithm."""
    rng, log = np.random.default_rng([seed, 1]), Log.of(town)
    for day in range(town.days):
        log.day, log.listed = day, town.joined <= day
        looks = (rng.random(len(town)) < town.looks) & log.listed
        moment, cards = day + rng.random(len(town)), rng.poisson(town.cards_a_day)
        viewers = np.flatnonzero(looks & (cards > 0))
        served = algorithm(log, viewers, cards[viewers])
        _swipe(town, likes, log, served)
        log.last_active[looks] = moment[looks]
    return log


def _swipe(town: Town, likes: Bools, log: Log, served: Served) -> None:
    assert not log.swiped[served.pair].any()
    assert len(np.unique(served.pair)) == len(served.pair)
    assert log.listed[town.candidate[served.pair]].all()
    log.swiped_on[served.pair] = log.day
    log.liked[served.pair] = likes[served.pair]
    log.position[served.pair], log.propensity[served.pair] = served.position, served.propensity
    log.shown += np.bincount(town.candidate[served.pair], minlength=len(town))
    log.cards += len(served.pair)


def figures(town: Town, log: Log) -> dict[str, float]:
    """Matches per 1,000 cards, matches capped at 10 a member, shares with a match and exposure Gini by side."""
    mutual = log.liked & log.liked[town.back]
    matches = np.bincount(town.viewer, mutual, minlength=len(town))
    result = {
        "matches per 1,000 cards": 1000 * matches.sum() / 2 / log.cards,
        "capped matches": float(np.minimum(matches, 10).sum() / 2),
        "cards": float(log.cards),
    }
    exposure = log.shown / (town.days - town.joined)
    for side, name in ((WOMAN, "women"), (MAN, "men")):
        own = town.shown.gender == side
        result[f"{name} with a match"] = float((matches[own] > 0).mean())
        result[f"Gini of {name}"] = gini(exposure[own])
    return result


def gini(values: Floats) -> float:
    """0: all have the same; near 1: one has everything."""
    ordered = np.sort(values)
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * (ranks * ordered).sum() / (len(ordered) * ordered.sum()) - (len(ordered) + 1) / len(ordered))
