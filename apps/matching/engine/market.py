"""What each member's attention is worth: a matching market with transferable utility, cleared on a sparse graph.

Ranked by log p·q alone, everybody is shown the same few, who cannot answer them all. Clearing the market puts a price
on each member's attention, high where it is scarce; a candidate's score is the pair's value less both prices. The model
is Choo and Siow's (2006), its use for rankings that of Tomita, Togashi, Hashizume and Ohsaka ("Fast and
Examination-agnostic Reciprocal Recommendation in Matching Markets", RecSys 2023).

Members are not split into two sides: an edge joins any two in each other's reach, and each member has one price.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

# How much any match is worth beside staying alone. On log p·q, without it nearly nobody matches: prices say nothing.
SHIFT = 2.0
# Measured by benchmarks/closed_loop.py: colder than the papers' 1, at which log p·q loses to the plain product.
TEMPERATURE = 0.1
# What counts beside the price, measured by the same. In log odds of a match, so that 0.3 is a third more likely.
FAIRNESS, PATIENCE = 0.4, 0.4
# Who has liked this many and has no match yet has shown that they want one.
LIKES_OF_THE_WAITING = 3
# Keeps exp() and what is summed of it inside float32; the ranking uses values whole.
_STEEPEST = 40.0


@dataclass(frozen=True)
class Graph:
    """Rows of candidates, as in a CSR matrix: those of `i` are `indices[indptr[i]:indptr[i + 1]]`, in ascending order.

    Symmetric: each edge stands in both members' rows with one value. Nobody is their own candidate.
    """

    indptr: Int64s
    indices: Int32s
    values: Float32s

    def __len__(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True)
class Prices:
    """`price` of each member's attention, in the unit of the graph's values.

    `error`: how far the worst member was from their capacity in the last sweep, as a share of it.
    """

    price: Float32s
    temperature: float
    sweeps: int
    error: float


def union(indptr: Int64s, indices: Int32s, values: Float32s) -> Graph:
    """The symmetric graph of everybody's own best candidates: an edge if either is among the other's.

    Rows in any order, nobody twice in one. Where both name each other with different values the higher one counts.
    """
    graph = _symmetric(
        np.ascontiguousarray(indptr, dtype=np.int64),
        np.ascontiguousarray(indices, dtype=np.int32),
        np.ascontiguousarray(values, dtype=np.float32),
    )
    return Graph(*graph)


def clear(
    graph: Graph,
    capacity: Float32s,
    *,
    shift: float = SHIFT,
    temperature: float = TEMPERATURE,
    tolerance: float = 1e-3,
    most_sweeps: int = 200,
) -> Prices:
    """Prices at which everybody's expected matches, and what is left of their capacity, add up to their capacity.

    capacity: how many matches a member has attention for, above 0. Values are finite; the lower the temperature, the
    more the best pair gets of it. Deterministic. Each sweep solves one member after the other exactly (iterated
    proportional fitting): descent on a convex function of all prices, so it converges whatever the graph's shape.
    """
    exponent = np.clip((graph.values + np.float32(shift)) / np.float32(2 * temperature), -_STEEPEST, _STEEPEST)
    weights = np.exp(exponent, dtype=np.float32)
    capacity = np.ascontiguousarray(capacity, dtype=np.float32)
    potential = np.sqrt(capacity)
    error, sweeps = np.inf, 0
    while error > tolerance and sweeps < most_sweeps:
        error = _sweep(graph.indptr, graph.indices, weights, capacity, potential)
        sweeps += 1
    return Prices((-2 * temperature * np.log(potential)).astype(np.float32), temperature, sweeps, error)


def scores(graph: Graph, prices: Prices, *, strength: float = 1.0) -> Float32s:
    """By edge, in the graph's order: its value less both members' prices; the same from both ends.

    strength: 1 ranks by the expected number of matches of the cleared market (2 · temperature · log μ less the shift),
    0 by the values alone.
    """
    return _discounted(graph.indptr, graph.indices, graph.values, prices.price, np.float32(strength))


def expected_matches(graph: Graph, prices: Prices, *, shift: float = SHIFT) -> Float32s:
    """By edge: μ, the share of a match that the cleared market gives this pair. Sums to no more than the capacity."""
    exponent = (scores(graph, prices) + np.float32(shift)) / np.float32(2 * prices.temperature)
    result: Float32s = np.exp(exponent, dtype=np.float32)
    return result


def asked(
    prices: Prices,
    overexposed: Float32s,
    waiting: Bools,
    *,
    strength: float = 1.0,
    fairness: float = FAIRNESS,
    patience: float = PATIENCE,
) -> Float32s:
    """By member: what their attention asks of whoever looks at them; a candidate's score is the pair's value less this.

    The viewer's own price changes nothing in their deck. Prices spread matches; `fairness` lifts whom they leave unseen
    (times `overexposure`), `patience` those who wait (see `is_waiting`) for their first match.
    """
    return np.float32(strength) * prices.price + np.float32(fairness) * overexposed - np.float32(patience) * waiting


def is_waiting(likes_given: Float32s, matches: Int64s) -> Bools:
    """Who keeps liking without a match. They alone are lifted: whoever likes nobody gains nothing by being shown."""
    result: Bools = (likes_given >= LIKES_OF_THE_WAITING) & (matches == 0)
    return result


def overexposure(shown: Float32s, days: Float32s, group: Int64s) -> Float32s:
    """By member: log of how often their card was shown, against what is usual in their group (gender); 0 is usual.

    days: for how long they have been listed; what is usual is counted a day. Taken from scores it works as a
    proportional controller (Morik, Singh, Hong and Joachims, "Controlling Fairness and Bias in Dynamic
    Learning-to-Rank", SIGIR 2020). One day of the usual is added to both, so that newcomers start at 0.
    """
    _, place = np.unique(group, return_inverse=True)
    usual = (np.bincount(place, shown) + 1) / (np.bincount(place, days) + 1)
    result: Float32s = np.log((shown + usual[place]) / (usual[place] * (days + 1))).astype(np.float32)
    return result


@njit(nogil=True)
def _sweep(indptr: Int64s, indices: Int32s, weights: Float32s, capacity: Float32s, potential: Float32s) -> float:
    """One exact step for each member in turn, in place; the largest gap met, as a share of the member's capacity.

    With h half of what the others offer, the potential a solves a² + 2·a·h = capacity. Written as a quotient: the
    usual √(capacity + h²) - h cancels to 0 in float32 for the popular.
    """
    worst = 0.0
    for member in range(len(capacity)):
        offered = 0.0
        for edge in range(indptr[member], indptr[member + 1]):
            offered += weights[edge] * potential[indices[edge]]
        half, before = offered / 2, potential[member]
        gap = abs(before * before + before * offered - capacity[member]) / capacity[member]
        worst = max(worst, gap)
        potential[member] = capacity[member] / (np.sqrt(capacity[member] + half * half) + half)
    return worst


@njit(nogil=True)
def _discounted(indptr: Int64s, indices: Int32s, values: Float32s, price: Float32s, strength: np.float32) -> Float32s:
    result = np.empty_like(values)
    for member in range(len(price)):
        for edge in range(indptr[member], indptr[member + 1]):
            result[edge] = values[edge] - strength * (price[member] + price[indices[edge]])
    return result


@njit(nogil=True)
def _transposed(indptr: Int64s, indices: Int32s, values: Float32s) -> tuple[Int64s, Int32s, Float32s]:
    """Columns as rows, each in ascending order: a counting sort."""
    members = len(indptr) - 1
    starts = np.zeros(members + 1, np.int64)
    for index in indices:
        starts[index + 1] += 1
    starts = np.cumsum(starts)
    turned, moved, free = np.empty_like(indices), np.empty_like(values), starts[:-1].copy()
    for member in range(members):
        for edge in range(indptr[member], indptr[member + 1]):
            place = free[indices[edge]]
            free[indices[edge]] += 1
            turned[place], moved[place] = member, values[edge]
    return starts, turned, moved


@njit(nogil=True)
def _symmetric(indptr: Int64s, indices: Int32s, values: Float32s) -> tuple[Int64s, Int32s, Float32s]:
    backward = _transposed(indptr, indices, values)
    forward = _transposed(*backward)
    ends = np.zeros(len(indptr), np.int64)
    both, kept = np.empty(2 * len(indices), np.int32), np.empty(2 * len(indices), np.float32)
    end = 0
    for member in range(len(indptr) - 1):
        end = _merge_row(member, forward, backward, both, kept, end)
        ends[member + 1] = end
    return ends, both[:end].copy(), kept[:end].copy()


@njit(nogil=True)
def _merge_row(
    member: int,
    one: tuple[Int64s, Int32s, Float32s],
    other: tuple[Int64s, Int32s, Float32s],
    indices: Int32s,
    values: Float32s,
    end: int,
) -> int:
    """Writes the union of the member's two ascending rows from `end` on; where it ends."""
    left, left_end = one[0][member], one[0][member + 1]
    right, right_end = other[0][member], other[0][member + 1]
    while left < left_end or right < right_end:
        takes_left = right == right_end or (left < left_end and one[1][left] <= other[1][right])
        takes_right = left == left_end or (right < right_end and other[1][right] <= one[1][left])
        indices[end] = one[1][left] if takes_left else other[1][right]
        value = np.float32(-np.inf)
        if takes_left:
            value = one[2][left]
            left += 1
        if takes_right:
            value = max(value, other[2][right])
            right += 1
        values[end] = value
        end += 1
    return end
