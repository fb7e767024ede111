"""How tastes are learned: the compiled part of `engine.factors`. Pure numpy and numba.

Members and swipes are looked at a slice at a time where anything wider than a few bytes is worked out of them: for a
million members and twenty million swipes there is half a gigabyte besides the swipes themselves.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools
from apps.matching.engine.factors import RANK, Factors
from apps.matching.engine.history import Column, Swipes

Wide = NDArray[np.float64]
Places = NDArray[np.int32]
Starts = NDArray[np.int64]

RIDGE = 4.0  # what a squared number costs; a swipe tells up to a quarter of it
ROUNDS = 3  # from yesterday's numbers
FIRST_ROUNDS = 12  # from nothing
SPARK = 0.1  # deviation of the random numbers to start from: all 0 would stay 0
MEMBERS_AT_ONCE = 50_000


def fit(
    swipes: Swipes,
    log_odds: Column,
    members: int,
    *,
    start: Factors | None = None,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Factors:
    """Factors that explain what `log_odds`, by swipe, leaves unexplained. Deterministic.

    Givers and receivers in turn take one Newton step each on a penalised log loss that is convex in either. `start`:
    yesterday's factors, from which few rounds are enough.
    """
    spark = np.random.default_rng(seed).normal(0, SPARK, (2, members, RANK))
    taste, looks = spark if start is None else (_started(start.taste, spark[0]), _started(start.looks, spark[1]))
    giver, receiver = swipes.giver.astype(np.int32, copy=False), swipes.receiver.astype(np.int32, copy=False)
    by_giver, by_receiver = _grouped(giver, members), _grouped(receiver, members)
    known = np.ascontiguousarray(log_odds, dtype=np.float32)
    for _ in range(rounds):
        _step(by_giver, receiver, known, swipes.liked, taste, looks)
        _step(by_receiver, giver, known, swipes.liked, looks, taste)
    return Factors(_nothing_for_nobody(taste, by_giver), _nothing_for_nobody(looks, by_receiver))


def _started(known: Column, spark: Wide) -> Wide:
    """What is known already, and a spark for those of whom nothing is."""
    return np.where(known.any(axis=1, keepdims=True), known, spark)


def _grouped(owner: Places, members: int) -> tuple[Places, Starts]:
    """Swipes in the order of their owners, and where each owner's begin."""
    order = np.argsort(owner, kind="stable").astype(np.int32)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.bincount(owner, minlength=members))])
    return order, starts


def _nothing_for_nobody(factors: Wide, grouped: tuple[Places, Starts]) -> Column:
    result = factors.astype(np.float32)
    result[np.diff(grouped[1]) == 0] = 0
    return result


def _step(grouped: tuple[Places, Starts], other: Places, known: Column, liked: Bools, own: Wide, fixed: Wide) -> None:
    """Moves `own` in place."""
    order, starts = grouped
    for first in range(0, len(own), MEMBERS_AT_ONCE):
        some = own[first : first + MEMBERS_AT_ONCE]
        ends = starts[first : first + MEMBERS_AT_ONCE + 1]
        curvature, gradient = _normal(order, ends, other, known, liked, some, fixed)
        some += np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]


@njit(nogil=True)
def _normal(
    order: Places, starts: Starts, other: Places, known: Column, liked: Bools, own: Wide, fixed: Wide
) -> tuple[Wide, Wide]:
    """Curvature and gradient of the penalised log loss, by member."""
    members, rank = own.shape
    curvature, gradient = np.zeros((members, rank, rank)), -RIDGE * own
    for member in range(members):
        for one in range(rank):
            curvature[member, one, one] = RIDGE
        for place in range(starts[member], starts[member + 1]):
            swipe = order[place]
            theirs = fixed[other[swipe]]
            odds = known[swipe]
            for one in range(rank):
                odds += own[member, one] * theirs[one]
            predicted = 1 / (1 + np.exp(-odds))
            weight = predicted * (1 - predicted)
            for one in range(rank):
                gradient[member, one] += (liked[swipe] - predicted) * theirs[one]
                for two in range(rank):
                    curvature[member, one, two] += weight * theirs[one] * theirs[two]
    return curvature, gradient
