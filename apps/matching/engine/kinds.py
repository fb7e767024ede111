"""Affinity in the compiled search of `engine.kernel`: how far two are each other's kind, and how far they can be.

Vectors are rows of `engine.factors`, of no length where tastes have no say. `weight`: coefficient, mean and one by the
scale of the model's column.
"""

import numpy as np
from numba import njit

from apps.matching.engine.market import Float32s
from apps.matching.engine.ranker import STANDARD_LIMIT

_STANDARD, _HALF, _ROUNDING = STANDARD_LIMIT, np.float32(0.5), np.float32(1e-4)


Lengths = tuple[np.float32, np.float32]


@njit(nogil=True)
def affinities(own: Float32s, others: Float32s, place: int, weight: Float32s) -> Lengths:
    """What it adds to log odds, to like and to be liked, that the owner and the one in this place are of a kind.

    own: taste, then looks; the others' rows the other way round. No row is taken out of `others`: it would be counted.
    """
    liking, liked, half = np.float32(0), np.float32(0), len(own) // 2
    for number in range(half):
        liking += own[number] * others[place, number]
        liked += own[half + number] * others[place, half + number]
    return weight[0] * _standard(liking, weight), weight[0] * _standard(liked, weight)


@njit(nogil=True)
def most_alike(own: Lengths, longest: Lengths, weight: Float32s) -> np.float32:
    """Half of what affinity adds both ways at the most (Cauchy and Schwarz). longest: of all candidates in question."""
    if weight[0] == 0:
        return np.float32(0)
    return _HALF * (_most(own[0] * longest[1], weight) + _most(own[1] * longest[0], weight)) + _ROUNDING


@njit(nogil=True)
def lengths(vectors: Float32s) -> Lengths:
    """Of the first and of the second half."""
    half = len(vectors) // 2
    return np.sqrt(np.sum(vectors[:half] ** 2)), np.sqrt(np.sum(vectors[half:] ** 2))


@njit(nogil=True)
def _most(reach: np.float32, weight: Float32s) -> np.float32:
    """Either end: a model may have learned that kinds do not seek each other."""
    most: np.float32 = max(weight[0] * _standard(-reach, weight), weight[0] * _standard(reach, weight))
    return most


@njit(nogil=True)
def _standard(value: np.float32, weight: Float32s) -> np.float32:
    bounded: np.float32 = min(max((value - weight[1]) * weight[2], -_STANDARD), _STANDARD)
    return bounded
