"""Everybody's best candidates among all who are in reach: exact, pair by pair, compiled.

Reach is that of `engine.eligibility` and the value of a pair that of `engine.ranker` (log P(match)), both with the work
that belongs to one member or one pair of cells done once; tests hold them equal. Members who stand in the same cell are
looked at together. Pure numpy and numba.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.eligibility import EARTH_RADIUS_KM, Floats, Ints
from apps.matching.engine.features import (
    NEAR_SCALE_KM,
    Members,
    Pairs,
    directed_columns,
    giver_columns,
    receiver_columns,
)
from apps.matching.engine.market import Float32s, Int32s, Int64s
from apps.matching.engine.ranker import LOG_ODDS_LIMIT, STANDARD_LIMIT, Model

Bits = NDArray[np.uint8]

_OLDEST: Final = 130  # years
# As constants of the compiled code.
_LIMIT, _STANDARD, _NONE = LOG_ODDS_LIMIT, STANDARD_LIMIT, np.float32(np.inf)
_STEPS = np.float32(256)  # of the table of log σ, by unit of log odds


@dataclass(frozen=True)
class Rows:
    """Rows as in a CSR matrix: of each viewer in turn, candidates as positions among the members, in any order."""

    indptr: Int64s
    candidate: Int32s
    value: Float32s
    in_reach: Int32s  # by viewer: how many there are of whom these are the best


@dataclass(frozen=True)
class Hidden:
    """Who is not for whom: of each viewer in their order, positions among the members, in any order."""

    indptr: Int64s
    member: Int32s


@dataclass(frozen=True)
class Places:
    """Where the members are, by position: their cell's and district's place in the lists of centres, in degrees.

    district_of: by cell; ascending, so that the cells of a district follow each other.
    reach_km: by district, from its centre to the farthest centre of one of its cells.
    """

    cell: Int32s
    latitude: Floats
    longitude: Floats
    district_of: Int32s
    district_latitude: Floats
    district_longitude: Floats
    reach_km: Floats


def places(cell: Ints, district: Ints, latitude: Floats, longitude: Floats) -> Places:
    """Of members by their H3 cell, the district it is in, and the centre of the cell."""
    both = np.stack([district, cell], axis=1)
    distinct, first, place = np.unique(both, axis=0, return_index=True, return_inverse=True)
    _, starts, district_of = np.unique(distinct[:, 0], return_index=True, return_inverse=True)
    lat, lng = latitude[first], longitude[first]
    # the middle of a district is one of its cells: nothing outside has to be known
    middle = starts + np.diff(np.append(starts, len(distinct))) // 2
    to_middle = _distances(lat, lng, lat[middle][district_of], lng[middle][district_of])
    reach = np.zeros(len(starts))
    np.maximum.at(reach, district_of, to_middle)
    return Places(
        place.reshape(-1).astype(np.int32), lat, lng, district_of.astype(np.int32), lat[middle], lng[middle], reach
    )


def best_candidates(
    members: Members,
    where: Places,
    model: Model,
    *,
    viewers: Ints,
    hidden: Hidden,
    best: int,
    among: Ints | None = None,
) -> Rows:
    """The `best` candidates of each viewer by log P(match), or all if there are fewer. Deterministic.

    viewers: positions, those of one cell best next to each other. among: positions of the candidates; everybody's by
    default. `shown_before` and pending likes are not known here: who likes the viewer is hidden, and added by whoever
    calls this.
    """
    crowd = _crowd(members, where, np.arange(len(members)) if among is None else among)
    rows = _Rows(
        np.zeros(len(viewers) + 1, np.int64),
        np.empty(len(viewers) * best, np.int32),
        np.empty(len(viewers) * best, np.float32),
        np.zeros(len(viewers), np.int32),
    )
    ground, terms = _Ground(*vars(where).values()), _terms(members, model, crowd.member)
    viewers = np.ascontiguousarray(viewers)  # numba compiles another function for each layout of its arguments
    _best(viewers, _Viewers(*vars(members.people).values()), crowd, ground, terms, _Hidden(**vars(hidden)), best, rows)
    end = rows.indptr[-1]
    return Rows(rows.indptr, rows.candidate[:end].copy(), rows.value[:end].copy(), rows.in_reach)


class _Viewers(NamedTuple):
    """As `eligibility.People`."""

    gender: Ints
    age: Ints
    latitude: Floats
    longitude: Floats
    seeks: Ints
    age_min: Ints
    age_max: Ints
    max_km: Floats


class _Hidden(NamedTuple):
    indptr: Int64s
    member: Int32s


class _Crowd(NamedTuple):
    """Candidates by district, gender and age, one after the other in memory. A group is a district and a gender."""

    group_start: Int64s
    group_end: Int64s
    group_gender: Int64s
    district_start: Int64s  # of its groups
    member: Int32s
    cell: Int32s
    age: Int32s
    seeks: Int32s
    age_min: Int32s
    age_max: Int32s
    max_km: Floats


def _crowd(members: Members, where: Places, chosen: Ints) -> _Crowd:
    people, district = members.people, where.district_of[where.cell]
    order = chosen[np.lexsort((people.age[chosen], people.gender[chosen], district[chosen]))]
    key = district[order].astype(np.int64) << 16 | people.gender[order]
    starts = np.flatnonzero(np.append(np.full(min(1, len(key)), True), key[1:] != key[:-1])).astype(np.int64)
    return _Crowd(
        group_start=starts,
        group_end=np.append(starts, len(key))[1:].astype(np.int64),
        group_gender=(key[starts] & 0xFFFF).astype(np.int64),
        district_start=np.searchsorted(key[starts] >> 16, np.arange(len(where.reach_km) + 1)).astype(np.int64),
        member=order.astype(np.int32),
        cell=where.cell[order],
        age=people.age[order].astype(np.int32),
        seeks=people.seeks[order].astype(np.int32),
        age_min=people.age_min[order].astype(np.int32),
        age_max=people.age_max[order].astype(np.int32),
        max_km=people.max_km[order],
    )


class _Ground(NamedTuple):
    cell: Int32s
    latitude: Floats
    longitude: Floats
    district_of: Int32s
    district_latitude: Floats
    district_longitude: Floats
    reach_km: Floats


class _Terms(NamedTuple):
    """A model taken apart: log odds = giving + receiving + near + gap + shared. `own_…`: in the crowd's order."""

    giving: Float32s
    receiving: Float32s
    own_giving: Float32s
    own_receiving: Float32s
    own_bits: Bits
    near: Float32s  # coefficient, mean, scale of nearness; a coefficient of 0 where the model has none
    gap: Float32s  # by years between the two
    bits: Bits  # a row of bytes for each member
    shared: Float32s  # by byte and the bits it has in common
    shared_starts: Int64s  # by set: where its bytes begin
    shared_scales: Float32s  # by set: coefficient, mean, scale
    likely: Float32s  # log σ in steps, from the lowest log odds on


class _Rows(NamedTuple):
    indptr: Int64s
    candidate: Int32s
    value: Float32s
    in_reach: Int32s


def _terms(members: Members, model: Model, crowd: Int32s) -> _Terms:
    """What is one member's is summed; what is a pair's becomes tables."""
    population = model.population
    # all pairs here are in each other's age range, without a like or a card between them: one pair tells for all
    someone = np.zeros(1, dtype=np.int64)
    same = directed_columns(_in_range(members), Pairs.of(someone, someone)) if len(members) else {}
    own = model.log_odds(same)[0] if same else np.float32(0)
    giving = model.log_odds(giver_columns(members, population)) + np.float32(model.constant) + own
    scaled = {name: (c * model.slope, mean, scale) for name, c, mean, scale in model._terms()}
    years = np.arange(_OLDEST, dtype=np.float32)
    gap = model.contributions({"age_gap": years}).get("age_gap", np.zeros(_OLDEST, np.float32))
    names = [name for name in members.sets if f"shared.{name}" in scaled]
    bits = [members.sets[name] for name in names]
    starts = np.cumsum([0, *(each.shape[1] for each in bits)]).astype(np.int64)
    receiving = model.log_odds(receiver_columns(members, population))
    packed = np.ascontiguousarray(np.concatenate([np.zeros((len(members), 0), np.uint8), *bits], axis=1))
    return _Terms(
        giving,
        receiving,
        giving[crowd],
        receiving[crowd],
        packed[crowd],
        np.array(scaled.get("nearness", (0, 0, 1)), dtype=np.float32),
        gap,
        packed,
        _byte_weights([population.weights(name) for name in names], starts),
        starts,
        np.array([scaled[f"shared.{name}"] for name in names], dtype=np.float32).reshape(-1, 3),
        _log_sigmoids(),
    )


def _in_range(members: Members) -> Members:
    first = members.people.where(np.zeros(1, dtype=np.int64))
    people = first.with_preferences(age_min=np.zeros(1, dtype=np.int64), age_max=np.full(1, _OLDEST))
    return Members(people, members.history, members.inactive_days[:1], members.completeness[:1])


def _log_sigmoids() -> Float32s:
    limit, steps = float(LOG_ODDS_LIMIT), int(_STEPS)
    log_odds = np.arange(2 * limit * steps + 2) / steps - limit
    return (-np.log1p(np.exp(-log_odds))).astype(np.float32)


def _byte_weights(weights: list[Float32s], starts: Int64s) -> Float32s:
    """What each byte of a row weighs, for each of its 256 values."""
    table = np.zeros((int(starts[-1]), 256), dtype=np.float32)
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)
    for own, start in zip(weights, starts, strict=False):
        for byte in range((len(own) + 7) // 8):
            part = own[8 * byte : 8 * byte + 8]
            table[start + byte] = bits[:, : len(part)] @ part
    return table


@njit(nogil=True)
def _distances(lat1: Floats, lng1: Floats, lat2: Floats, lng2: Floats) -> Floats:
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
def _best(
    turns: Ints,
    viewers: _Viewers,
    crowd: _Crowd,
    ground: _Ground,
    terms: _Terms,
    hidden: _Hidden,
    best: int,
    rows: _Rows,
) -> None:
    km, near = np.empty(len(ground.latitude)), np.empty(len(ground.latitude), np.float32)
    hidden_for = np.full(len(viewers.gender), -1, np.int64)  # by member: the last viewer of whom they are hidden
    district_km, in_reach = np.empty(len(ground.reach_km)), np.empty(len(crowd.member), np.int32)
    cell, known_to, end = -1, -1.0, 0
    for turn in range(len(turns)):
        viewer = turns[turn]
        if ground.cell[viewer] != cell or viewers.max_km[viewer] > known_to:
            cell, known_to = ground.cell[viewer], viewers.max_km[viewer]
            _look_around(cell, known_to, ground, terms.near, district_km, km, near)
        for place in range(hidden.indptr[turn], hidden.indptr[turn + 1]):
            hidden_for[hidden.member[place]] = turn
        hidden_for[viewer] = turn
        count = _in_reach(viewer, turn, viewers, crowd, district_km, km, hidden_for, in_reach)
        found = _Found(rows.candidate[end : end + best], rows.value[end : end + best])
        end += _fill(viewer, viewers.age[viewer], crowd, terms, near, in_reach[:count], found)
        rows.indptr[turn + 1], rows.in_reach[turn] = end, count


class _Found(NamedTuple):
    """A heap with the worst on top."""

    candidate: Int32s
    value: Float32s


@njit(nogil=True)
def _look_around(
    cell: int, max_km: float, ground: _Ground, nearness: Float32s, district_km: Floats, km: Floats, near: Float32s
) -> None:
    """Distance and what nearness adds, to every cell of the districts that are within the limit."""
    lat, lng = ground.latitude[cell], ground.longitude[cell]
    for district in range(len(ground.reach_km)):
        away = _km(lat, lng, ground.district_latitude[district], ground.district_longitude[district])
        district_km[district] = away - ground.reach_km[district] - 1e-6
    for other in range(len(km)):
        if district_km[ground.district_of[other]] <= max_km:
            km[other] = _km(lat, lng, ground.latitude[other], ground.longitude[other])
            standard = (np.exp(-km[other] / NEAR_SCALE_KM) - nearness[1]) / nearness[2]
            near[other] = nearness[0] * min(max(standard, -_STANDARD), _STANDARD)


@njit(nogil=True)
def _in_reach(
    viewer: int,
    turn: int,
    viewers: _Viewers,
    crowd: _Crowd,
    district_km: Floats,
    km: Floats,
    hidden_for: Int64s,
    found: Int32s,
) -> int:
    """Writes the places in the crowd of who may be shown to the viewer; how many they are. As `eligibility.reach`."""
    gender, age, most_km, oldest = (
        viewers.gender[viewer],
        viewers.age[viewer],
        viewers.max_km[viewer],
        viewers.age_max[viewer],
    )
    ages, seeks, age_min, age_max, max_km = crowd.age, crowd.seeks, crowd.age_min, crowd.age_max, crowd.max_km
    cells, members, count = crowd.cell, crowd.member, 0
    for district in range(len(district_km)):
        if district_km[district] > most_km:
            continue
        for group in range(crowd.district_start[district], crowd.district_start[district + 1]):
            if crowd.group_gender[group] & viewers.seeks[viewer] == 0:
                continue
            end = crowd.group_end[group]
            start = _first_of_age(ages, crowd.group_start[group], end, viewers.age_min[viewer])
            for place in range(start, end):
                if ages[place] > oldest:
                    break
                if seeks[place] & gender == 0 or age < age_min[place] or age > age_max[place]:
                    continue
                away = km[cells[place]]
                if away <= most_km and away <= max_km[place] and hidden_for[members[place]] != turn:
                    found[count] = place
                    count += 1
    return count


@njit(nogil=True)
def _first_of_age(ages: Int32s, start: int, end: int, age: int) -> int:
    while start < end:
        middle = (start + end) // 2
        if ages[middle] < age:
            start = middle + 1
        else:
            end = middle
    return start


@njit(nogil=True)
def _fill(viewer: int, age: int, crowd: _Crowd, terms: _Terms, near: Float32s, in_reach: Int32s, found: _Found) -> int:
    """Writes the best of those in reach by log P(match); how many they are."""
    givings, receivings, cells, ages = terms.own_giving, terms.own_receiving, crowd.cell, crowd.age
    giving, receiving, gap, likely = terms.giving[viewer], terms.receiving[viewer], terms.gap, terms.likely
    own_bits, bits = terms.bits[viewer], terms.own_bits
    weights, starts, scales = terms.shared, terms.shared_starts, terms.shared_scales
    values, candidates, members = found.value, found.candidate, crowd.member
    count, worst, most_shared = 0, -_NONE, _most_shared(viewer, terms)
    for place in in_reach:
        mutual = near[cells[place]] + gap[abs(age - ages[place])]
        there, back = giving + receivings[place] + mutual, givings[place] + receiving + mutual
        # most need no look at what the two share
        if _log_sigmoid(there + most_shared, likely) + _log_sigmoid(back + most_shared, likely) <= worst:
            continue
        shared = _shared(own_bits, bits[place], weights, starts, scales)
        value = _log_sigmoid(there + shared, likely) + _log_sigmoid(back + shared, likely)
        if value > worst:
            count = _keep(candidates, values, count, members[place], value)
            worst = values[0] if count == len(values) else worst
    return count


@njit(nogil=True)
def _log_sigmoid(log_odds: np.float32, likely: Float32s) -> np.float32:
    """From a table, between two entries; 4e-7 from the function itself."""
    bounded: np.float32 = min(max(log_odds, -_LIMIT), _LIMIT)
    place = (bounded + _LIMIT) * _STEPS
    low = int(place)
    result: np.float32 = likely[low] + (place - np.float32(low)) * (likely[low + 1] - likely[low])
    return result


@njit(nogil=True)
def _most_shared(viewer: int, terms: _Terms) -> np.float32:
    """Nobody shares more than all of the viewer's own entries, or less than none; with a little for rounding."""
    bits, none, total = terms.bits[viewer], np.zeros_like(terms.bits[viewer]), np.float32(1e-4)
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
