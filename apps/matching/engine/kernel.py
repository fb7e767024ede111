"""The compiled part of `engine.pairing`: one viewer after the other looks through everybody around them."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.eligibility import EARTH_RADIUS_KM, Floats, Ints
from apps.matching.engine.features import NEAR_SCALE_KM
from apps.matching.engine.kinds import Lengths, affinities, lengths, most_alike
from apps.matching.engine.market import Float32s, Int32s, Int64s
from apps.matching.engine.ranker import LOG_ODDS_LIMIT, STANDARD_LIMIT

Words = NDArray[np.uint64]
Small = NDArray[np.uint8]

# As constants of the compiled code.
_LIMIT, _STANDARD, _NONE = LOG_ODDS_LIMIT, STANDARD_LIMIT, np.float32(np.inf)
_NO_AFFINITIES = (np.float32(0), np.float32(0))
_HALF, _ROUNDING = np.float32(0.5), np.float32(1e-4)
# Where the only bit of a word is set: its product with the sequence begins with another six bits for each place.
_DE_BRUIJN, _ONE, _TOP = np.uint64(0x03F79D71B4CB0A89), np.uint64(1), np.uint64(58)
_PLACE = np.zeros(64, dtype=np.int64)
_PLACE[[((0x03F79D71B4CB0A89 << place) & 0xFFFF_FFFF_FFFF_FFFF) >> 58 for place in range(64)]] = np.arange(64)
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
    group_taste: Float32s  # the longest vector of the group
    group_looks: Float32s
    district_start: Int64s  # of its groups
    standing: Float32s
    giving: Float32s
    receiving: Float32s
    words: Words
    member: Int32s
    cell: Int32s
    seeks: Small
    age_min: Small
    age_max: Small
    max_km: Float32s
    looks_taste: Float32s  # rows


class Ground(NamedTuple):
    cell: Int32s
    latitude: Floats
    longitude: Floats
    district_of: Int32s
    district_latitude: Floats
    district_longitude: Floats
    reach_km: Floats


class Terms(NamedTuple):
    """A model taken apart: log odds = giving + receiving + near + gap + shared + affinity."""

    giving: Float32s
    receiving: Float32s
    near: Float32s  # coefficient, mean, scale of nearness; a coefficient of 0 where the model has none
    gap: Float32s  # by years between the two
    words: Words  # a row for each member: a bit for each entry of a set
    shared: Float32s  # by bit of a row
    shared_starts: Int64s  # by set: where its words begin
    shared_scales: Float32s  # by set: coefficient, mean, one by its scale
    likely: Float32s  # log σ in steps, from the lowest log odds on
    taste_looks: Float32s  # a row for each member, of no length where tastes have no say
    affinity: Float32s  # coefficient, mean, one by its scale


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
        np.empty(len(ground.reach_km), np.int64),
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
    nearest_first: Int64s  # districts


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
    around.nearest_first[:] = np.argsort(around.district_km)
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
        terms.words[viewer],
        _most_shared(viewer, terms),
        terms.taste_looks[viewer],
        lengths(terms.taste_looks[viewer]),
    )
    count = 0
    for district in around.nearest_first:
        if around.district_km[district] > own.max_km:
            break
        count = _look_in(district, own, crowd, terms, around, found, count)
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
    words: Words
    most_shared: np.float32
    taste_looks: Float32s
    lengths: Lengths


@njit(nogil=True)
def _look_in(district: int, own: _Own, crowd: Crowd, terms: Terms, around: _Around, found: _Found, count: int) -> int:
    """One district, each group until nobody further on can be good enough; how many are found then."""
    # Columns have names of their own: numba counts references each time that a tuple of arrays is passed on.
    group_start, keys, longest_taste, longest_looks, group_of = crowd[:5]
    standing, giving, receiving, words, members, cells = crowd[5:11]
    seeks, youngest, oldest, max_km, looks_taste = crowd[11:]
    _, district_near, km, near, hidden_for, _ = around
    gaps, _, weights, starts, scales, likely, _, kind = terms[3:]
    turn, gender, age, my_km, my_words = own.turn, own.gender, own.age, own.max_km, own.words
    my_giving, my_receiving, candidates, values = own.giving, own.receiving, found.candidate, found.value
    half_mine, (worst, needed) = _HALF * (my_giving + my_receiving), _bar(values, count)
    my_tastes, have_a_say = own.taste_looks, len(own.taste_looks) > 0
    for group in range(group_of[district], group_of[district + 1]):
        years = keys[group] & 0xFF
        if (keys[group] >> 8) & own.seeks == 0 or years < own.age_min or years > own.age_max:
            continue
        alike = most_alike(own.lengths, (longest_taste[group], longest_looks[group]), kind)
        gap = gaps[abs(age - years)]
        mine = half_mine + gap + own.most_shared
        most = mine + district_near[district] + alike
        for place in range(group_start[group], group_start[group + 1]):
            half_standing = _HALF * standing[place]
            if half_standing + most <= needed:
                break
            if seeks[place] & gender == 0 or age < youngest[place] or age > oldest[place]:
                continue
            cell = cells[place]
            if km[cell] > min(my_km, max_km[place]) or half_standing + mine + near[cell] + alike <= needed:
                continue
            liking, liked = affinities(my_tastes, looks_taste, place, kind) if have_a_say else _NO_AFFINITIES
            if half_standing + mine + near[cell] + _HALF * (liking + liked) <= needed:
                continue
            mutual = near[cell] + gap + _shared(my_words, words, place, weights, starts, scales)
            there, back = my_giving + receiving[place] + liking, giving[place] + my_receiving + liked
            value = _value(there + mutual, back + mutual, needed, likely)
            if value > worst and hidden_for[members[place]] != turn:  # far away in memory: asked last
                count = _keep(candidates, values, count, members[place], value)
                worst, needed = _bar(values, count)
    return count


@njit(nogil=True)
def _bar(values: Float32s, count: int) -> tuple[np.float32, np.float32]:
    """What another one must surpass: a value, and the log odds that this takes at the least.

    For a given sum of both directions' log odds the sum of log σ is highest where they are alike: log σ is concave,
    but not below the lowest log odds that count, where nothing can be said.
    """
    if count < len(values):
        return -_NONE, -_NONE
    if values[0] <= -_LIMIT:
        return values[0], -_NONE
    return values[0], np.float32(-np.log(np.expm1(-_HALF * values[0])) - _ROUNDING)


@njit(nogil=True)
def _value(there: np.float32, back: np.float32, needed: np.float32, likely: Float32s) -> np.float32:
    """log P(match), or nothing if the log odds are not enough."""
    if _HALF * (there + back) < needed:
        return -_NONE
    return _log_sigmoid(there, likely) + _log_sigmoid(back, likely)


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
    none, total = np.zeros_like(terms.words[:1]), np.float32(1e-3)
    for kind in range(len(terms.shared_scales)):
        starts, scales = terms.shared_starts[kind : kind + 2], terms.shared_scales[kind : kind + 1]
        total += max(
            _shared(terms.words[viewer], terms.words, viewer, terms.shared, starts, scales),
            _shared(terms.words[viewer], none, 0, terms.shared, starts, scales),
        )
    return total


@njit(nogil=True)
def _shared(own: Words, words: Words, place: int, weights: Float32s, starts: Int64s, scales: Float32s) -> np.float32:
    """What the entries add that both have, of all sets. No row is taken out of `words`: each would be counted."""
    total = np.float32(0)
    for kind in range(len(scales)):
        weight = np.float32(0)
        for word in range(starts[kind], starts[kind + 1]):
            common = own[word] & words[place, word]
            while common:
                lowest = common & (~common + _ONE)
                weight += weights[64 * word + _PLACE[(lowest * _DE_BRUIJN) >> _TOP]]
                common ^= lowest
        standard = (weight - scales[kind, 1]) * scales[kind, 2]
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
