"""The compiled part of `engine.pairing`: one viewer after the other looks through everybody around them."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.eligibility import EARTH_RADIUS_KM, Floats, Ints
from apps.matching.engine.features import NEAR_SCALE_KM
from apps.matching.engine.market import Float32s, Int32s, Int64s
from apps.matching.engine.ranker import LOG_ODDS_LIMIT, STANDARD_LIMIT

Bits = NDArray[np.uint8]

# As constants of the compiled code.
_LIMIT, _STANDARD, _NONE = LOG_ODDS_LIMIT, STANDARD_LIMIT, np.float32(np.inf)
_HALF, _TWO = np.float32(0.5), np.float32(2)
STEPS = np.float32(256)  # of the table of log σ, by unit of log odds


class Viewers(NamedTuple):
    """As `eligibility.People`."""

    gender: Ints
    age: Ints
    latitude: Floats
    longitude: Floats
    seeks: Ints
    age_min: Ints
    age_max: Ints
    max_km: Floats


class HiddenRows(NamedTuple):
    indptr: Int64s
    member: Int32s


class Crowd(NamedTuple):
    """Candidates by district, gender and age, one after the other in memory, in each such group the most wanted first.

    `standing` orders a group: what of the log odds is the candidate's own, of both directions.
    """

    group_start: Int64s  # and where the last one ends
    group_key: Int64s  # gender and age
    district_start: Int64s  # of its groups
    standing: Float32s
    giving: Float32s
    receiving: Float32s
    bits: Bits
    member: Int32s
    cell: Int32s
    seeks: Int32s
    age_min: Int32s
    age_max: Int32s
    max_km: Floats


class Ground(NamedTuple):
    cell: Int32s
    latitude: Floats
    longitude: Floats
    district_of: Int32s
    district_latitude: Floats
    district_longitude: Floats
    reach_km: Floats


class Terms(NamedTuple):
    """A model taken apart: log odds = giving + receiving + near + gap + shared."""

    giving: Float32s
    receiving: Float32s
    near: Float32s  # coefficient, mean, scale of nearness; a coefficient of 0 where the model has none
    gap: Float32s  # by years between the two
    bits: Bits  # a row of bytes for each member
    shared: Float32s  # by byte and the bits it has in common
    shared_starts: Int64s  # by set: where its bytes begin
    shared_scales: Float32s  # by set: coefficient, mean, scale
    likely: Float32s  # log σ in steps, from the lowest log odds on


class FoundRows(NamedTuple):
    indptr: Int64s
    candidate: Int32s
    value: Float32s


@njit(nogil=True)
def distances(lat1: Floats, lng1: Floats, lat2: Floats, lng2: Floats) -> Floats:
    result = np.empty(len(lat1))
    for i in range(len(lat1)):
        result[i] = _km(lat1[i], lng1[i], lat2[i], lng2[i])
    return result


@njit(nogil=True)
def _km(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """As `eligibility.distance_km`."""
    one, other = np.radians(lat1), np.radians(lat2)
    half_lat, half_lng = (other - one) / 2, np.radians(lng2 - lng1) / 2
    a = np.sin(half_lat) ** 2 + np.cos(one) * np.cos(other) * np.sin(half_lng) ** 2
    return float(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(min(max(a, 0.0), 1.0))))


@njit(nogil=True)
def find_best(
    turns: Ints,
    viewers: Viewers,
    crowd: Crowd,
    ground: Ground,
    terms: Terms,
    hidden: HiddenRows,
    best: int,
    rows: FoundRows,
) -> None:
    around = _Around(
        np.empty(len(ground.reach_km)),
        np.empty(len(ground.reach_km), np.float32),
        np.empty(len(ground.latitude)),
        np.empty(len(ground.latitude), np.float32),
        np.full(len(viewers.gender), -1, np.int64),
    )
    cell, known_to, end = -1, -1.0, 0
    for turn in range(len(turns)):
        viewer = turns[turn]
        if ground.cell[viewer] != cell or viewers.max_km[viewer] > known_to:
            cell, known_to = ground.cell[viewer], viewers.max_km[viewer]
            _look_around(cell, known_to, ground, terms.near, around)
        for place in range(hidden.indptr[turn], hidden.indptr[turn + 1]):
            around.hidden_for[hidden.member[place]] = turn
        around.hidden_for[viewer] = turn
        found = _Found(rows.candidate[end : end + best], rows.value[end : end + best])
        end += _fill(viewer, turn, viewers, crowd, terms, around, found)
        rows.indptr[turn + 1] = end


class _Around(NamedTuple):
    """What is known around the cell of the present viewer."""

    district_km: Floats  # at least
    district_near: Float32s  # at most
    km: Floats  # by cell
    near: Float32s  # by cell: what nearness adds to the log odds
    hidden_for: Int64s  # by member: the last turn in whose viewer's deck they must not be


class _Found(NamedTuple):
    """A heap with the worst on top."""

    candidate: Int32s
    value: Float32s


@njit(nogil=True)
def _look_around(cell: int, max_km: float, ground: Ground, nearness: Float32s, around: _Around) -> None:
    """Distance and what nearness adds, to every cell of the districts that are within the limit."""
    lat, lng = ground.latitude[cell], ground.longitude[cell]
    for district in range(len(ground.reach_km)):
        away = _km(lat, lng, ground.district_latitude[district], ground.district_longitude[district])
        around.district_km[district] = away - ground.reach_km[district] - 1e-6
        nearest = _near(max(around.district_km[district], 0.0), nearness)
        around.district_near[district] = max(nearest, _near(away + ground.reach_km[district], nearness))
    for other in range(len(around.km)):
        if around.district_km[ground.district_of[other]] <= max_km:
            around.km[other] = _km(lat, lng, ground.latitude[other], ground.longitude[other])
            around.near[other] = _near(around.km[other], nearness)


@njit(nogil=True)
def _near(km: float, nearness: Float32s) -> np.float32:
    standard = (np.exp(-km / NEAR_SCALE_KM) - nearness[1]) / nearness[2]
    return np.float32(nearness[0] * min(max(standard, -_STANDARD), _STANDARD))


@njit(nogil=True)
def _fill(viewer: int, turn: int, viewers: Viewers, crowd: Crowd, terms: Terms, around: _Around, found: _Found) -> int:
    """Writes the best of those in reach by log P(match); how many they are."""
    own = _Own(
        turn,
        viewers.gender[viewer],
        viewers.age[viewer],
        viewers.seeks[viewer],
        viewers.age_min[viewer],
        viewers.age_max[viewer],
        viewers.max_km[viewer],
        terms.giving[viewer],
        terms.receiving[viewer],
        terms.bits[viewer],
        _most_shared(viewer, terms),
    )
    count = 0
    for district in range(len(around.district_km)):
        if around.district_km[district] <= own.max_km:
            count = _look_through(district, own, crowd, terms, around, found, count)
    return count


class _Own(NamedTuple):
    """The present viewer's."""

    turn: int
    gender: int
    age: int
    seeks: int
    age_min: int
    age_max: int
    max_km: float
    giving: np.float32
    receiving: np.float32
    bits: Bits
    most_shared: np.float32


@njit(nogil=True)
def _look_through(
    district: int, own: _Own, crowd: Crowd, terms: Terms, around: _Around, found: _Found, count: int
) -> int:
    """One district, each group until nobody further on can be good enough; how many are found then.

    A sum of log odds being given, log P(match) is at most what it is with both directions alike: log σ is concave.
    Columns have names of their own here: numba counts references each time that a tuple of arrays is passed on.
    """
    keys, group_start = crowd.group_key, crowd.group_start
    standing, giving, receiving, bits, members, cells = crowd[3:9]
    seeks, youngest, oldest, max_km = crowd[9:]
    _, district_near, km, near, hidden_for = around
    gaps, weights, likely = terms.gap, terms.shared, terms.likely
    starts, scales = terms.shared_starts, terms.shared_scales
    turn, gender, age, my_km, my_bits = own.turn, own.gender, own.age, own.max_km, own.bits
    my_giving, my_receiving, candidates, values = own.giving, own.receiving, found.candidate, found.value
    worst = values[0] if count == len(values) else -_NONE
    for group in range(crowd.district_start[district], crowd.district_start[district + 1]):
        years = keys[group] & 0xFF
        if (keys[group] >> 8) & own.seeks == 0 or years < own.age_min or years > own.age_max:
            continue
        gap = gaps[abs(age - years)]
        most = _HALF * (my_giving + my_receiving) + district_near[district] + gap + own.most_shared
        for place in range(group_start[group], group_start[group + 1]):
            if _TWO * _log_sigmoid(_HALF * standing[place] + most, likely) <= worst:
                break
            if seeks[place] & gender == 0 or age < youngest[place] or age > oldest[place]:
                continue
            if km[cells[place]] > min(my_km, max_km[place]) or hidden_for[members[place]] == turn:
                continue
            mutual = near[cells[place]] + gap + _shared(my_bits, bits[place], weights, starts, scales)
            there, back = my_giving + receiving[place] + mutual, giving[place] + my_receiving + mutual
            value = _log_sigmoid(there, likely) + _log_sigmoid(back, likely)
            if value > worst:
                count = _keep(candidates, values, count, members[place], value)
                worst = values[0] if count == len(values) else worst
    return count


@njit(nogil=True)
def _log_sigmoid(log_odds: np.float32, likely: Float32s) -> np.float32:
    """From a table, between two entries; 4e-7 from the function itself."""
    bounded: np.float32 = min(max(log_odds, -_LIMIT), _LIMIT)
    place = (bounded + _LIMIT) * STEPS
    low = int(place)
    result: np.float32 = likely[low] + (place - np.float32(low)) * (likely[low + 1] - likely[low])
    return result


@njit(nogil=True)
def _most_shared(viewer: int, terms: Terms) -> np.float32:
    """Nobody shares more than all of the viewer's own entries, or less than none; with a little for rounding."""
    bits, none, total = terms.bits[viewer], np.zeros_like(terms.bits[viewer]), np.float32(1e-3)
    for kind in range(len(terms.shared_scales)):
        starts, scales = terms.shared_starts[kind : kind + 2], terms.shared_scales[kind : kind + 1]
        total += max(
            _shared(bits, bits, terms.shared, starts, scales), _shared(bits, none, terms.shared, starts, scales)
        )
    return total


@njit(nogil=True)
def _shared(one: Bits, other: Bits, weights: Float32s, starts: Int64s, scales: Float32s) -> np.float32:
    """What the entries add that both have, of all sets."""
    total = np.float32(0)
    for kind in range(len(scales)):
        weight = np.float32(0)
        for byte in range(starts[kind], starts[kind + 1]):
            weight += weights[byte, one[byte] & other[byte]]
        standard = (weight - scales[kind, 1]) / scales[kind, 2]
        total += scales[kind, 0] * min(max(standard, -_STANDARD), _STANDARD)
    return total


@njit(nogil=True)
def _keep(candidates: Int32s, values: Float32s, count: int, candidate: int, value: np.float32) -> int:
    """Puts one more into the heap, in place of the worst if it is full; how many there are then."""
    if count < len(values):
        place = count
        while place and values[(place - 1) // 2] > value:
            above = (place - 1) // 2
            values[place], candidates[place] = values[above], candidates[above]
            place = above
        values[place], candidates[place] = value, candidate
        return count + 1
    place = 0
    while 2 * place + 1 < count:
        below = 2 * place + 1
        below += below + 1 < count and values[below + 1] < values[below]
        if values[below] >= value:
            break
        values[place], candidates[place] = values[below], candidates[below]
        place = below
    values[place], candidates[place] = value, candidate
    return count
