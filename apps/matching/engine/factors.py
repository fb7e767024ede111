"""Tastes that no column names: a few numbers for what each member looks for and for what each is, learned from swipes.

Log odds of a like = what a ranker says of the two + taste of the giver · looks of the receiver: logistic matrix
factorisation (Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", 2014), here of likes and passes, and
only of what the ranker leaves unexplained. Pure numpy and numba. Without swipes a member's numbers are 0 and say
nothing.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.engine.history import Column, Swipes

Wide = NDArray[np.float64]

RANK = 4
RIDGE = 4.0  # what a squared number costs; a swipe tells up to a quarter of it
ROUNDS = 3  # from yesterday's numbers; a first fit takes a few nights to settle
SPARK = 0.1  # deviation of the random numbers to start from: all 0 would stay 0


@dataclass(frozen=True)
class Factors:
    """Rows of RANK numbers, one a member."""

    taste: Column
    looks: Column

    @classmethod
    def none(cls, members: int) -> "Factors":
        return cls(*np.zeros((2, members, RANK), dtype=np.float32))

    def affinity(self, giver: Ints, receiver: Ints) -> Column:
        """By pair: by how much the receiver is the giver's kind, in log odds of a like; 0 where nothing is known."""
        result: Column = np.einsum("ij,ij->i", self.taste[giver], self.looks[receiver])
        return result


def fit(swipes: Swipes, log_odds: Column, members: int, *, start: Factors | None = None, seed: int = 0) -> Factors:
    """Factors that explain what `log_odds`, by swipe, leaves unexplained. Deterministic.

    Givers and receivers in turn take one Newton step each on a penalised log loss that is convex in either. `start`:
    yesterday's factors, from which few rounds are enough.
    """
    spark = np.random.default_rng(seed).normal(0, SPARK, (2, members, RANK))
    taste, looks = spark if start is None else (_started(start.taste, spark[0]), _started(start.looks, spark[1]))
    by_giver, by_receiver = _grouped(swipes.giver, members), _grouped(swipes.receiver, members)
    known = np.ascontiguousarray(log_odds, dtype=np.float64)
    for _ in range(ROUNDS):
        _step(by_giver, swipes.receiver, known, swipes.liked, taste, looks)
        _step(by_receiver, swipes.giver, known, swipes.liked, looks, taste)
    return Factors(_nothing_for_nobody(taste, by_giver), _nothing_for_nobody(looks, by_receiver))


def _started(known: Column, spark: Wide) -> Wide:
    """What is known already, and a spark for those of whom nothing is."""
    return np.where(known.any(axis=1, keepdims=True), known, spark)


def _grouped(owner: Ints, members: int) -> tuple[Ints, Ints]:
    """Swipes in the order of their owners, and where each owner's begin."""
    order = np.argsort(owner, kind="stable")
    return order, np.searchsorted(owner[order], np.arange(members + 1))


def _nothing_for_nobody(factors: Wide, grouped: tuple[Ints, Ints]) -> Column:
    result = factors.astype(np.float32)
    result[np.diff(grouped[1]) == 0] = 0
    return result


def _step(grouped: tuple[Ints, Ints], other: Ints, known: Wide, liked: Bools, own: Wide, fixed: Wide) -> None:
    """Moves `own` in place."""
    curvature, gradient = _normal(*grouped, other, known, liked, own, fixed)
    own += np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]


@njit(nogil=True)
def _normal(
    order: Ints, starts: Ints, other: Ints, known: Wide, liked: Bools, own: Wide, fixed: Wide
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
