"""Everybody's best candidates among all who are in reach: exact, pair by pair, compiled.

Reach is that of `engine.eligibility` and the value of a pair that of `engine.ranker` (log P(match)), both with the work
that belongs to one member or one pair of cells done once; tests hold them equal. Members who stand in the same cell are
looked at together. Pure numpy and numba.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Floats, Ints
from apps.matching.engine.factors import Factors
from apps.matching.engine.features import (
    Members,
    Pairs,
    directed_columns,
    giver_columns,
    receiver_columns,
)
from apps.matching.engine.kernel import (
    STEPS,
    Crowd,
    FoundRows,
    Ground,
    HiddenRows,
    Terms,
    Viewers,
    Words,
    distances,
    find_best,
)
from apps.matching.engine.market import Float32s, Int32s, Int64s
from apps.matching.engine.ranker import LOG_ODDS_LIMIT, Model

Bytes = NDArray[np.uint8]
_OLDEST: Final = 130  # years


@dataclass(frozen=True)
class Rows:
    """Rows as in a CSR matrix: of each viewer in turn, candidates as positions among the members, in any order."""

    indptr: Int64s
    candidate: Int32s
    value: Float32s


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
    to_middle = distances(lat, lng, lat[middle][district_of], lng[middle][district_of])
    reach = np.zeros(len(starts))
    np.maximum.at(reach, district_of, to_middle)
    return Places(
        place.reshape(-1).astype(np.int32), lat, lng, district_of.astype(np.int32), lat[middle], lng[middle], reach
    )


@dataclass(frozen=True)
class Pool:
    """Who may be chosen from, and all that is worked out beforehand for any number of viewers."""

    viewers: Viewers
    crowd: Crowd
    ground: Ground
    terms: Terms


def pool(members: Members, where: Places, model: Model, among: Ints | None = None) -> Pool:
    """Of the candidates at these positions; of all members by default."""
    terms = _terms(members, model)
    chosen = np.arange(len(members)) if among is None else among
    crowd, ground = _crowd(members, where, terms, chosen), Ground(*vars(where).values())
    return Pool(Viewers(*vars(members.people).values()), crowd, ground, terms)


def best_candidates(pool: Pool, *, viewers: Ints, hidden: Hidden, best: int) -> Rows:
    """The `best` of the pool for each viewer by log P(match), or all if there are fewer. Deterministic.

    viewers: positions, those of one cell best next to each other. `shown_before` and pending likes are not known here:
    who likes the viewer is hidden, and added by whoever calls this.
    """
    rows = FoundRows(
        np.zeros(len(viewers) + 1, np.int64),
        np.empty(len(viewers) * best, np.int32),
        np.empty(len(viewers) * best, np.float32),
    )
    viewers = np.ascontiguousarray(viewers)  # numba compiles another function for each layout of its arguments
    find_best(viewers, pool.viewers, pool.crowd, pool.ground, pool.terms, HiddenRows(**vars(hidden)), best, rows)
    end = rows.indptr[-1]
    return Rows(rows.indptr, rows.candidate[:end].copy(), rows.value[:end].copy())


def _crowd(members: Members, where: Places, terms: Terms, chosen: Ints) -> Crowd:
    people, district = members.people, where.district_of[where.cell]
    standing, key = terms.giving + terms.receiving, people.gender << 8 | people.age
    order = chosen[np.lexsort((-standing[chosen], key[chosen], district[chosen]))]
    group = district[order].astype(np.int64) << 32 | key[order]
    starts = np.flatnonzero(np.append(np.full(min(1, len(group)), True), group[1:] != group[:-1])).astype(np.int64)
    districts = np.arange(len(where.reach_km) + 1)
    taste, looks = np.split(terms.taste_looks[order], 2, axis=1)
    return Crowd(
        group_start=np.append(starts, len(group)).astype(np.int64),
        group_key=group[starts] & 0xFFFF_FFFF,
        group_taste=_longest(taste, starts),
        group_looks=_longest(looks, starts),
        district_start=np.searchsorted(group[starts] >> 32, districts).astype(np.int64),
        standing=standing[order],
        giving=terms.giving[order],
        receiving=terms.receiving[order],
        words=terms.words[order],
        member=order.astype(np.int32),
        cell=where.cell[order],
        seeks=people.seeks[order].astype(np.uint8),
        age_min=people.age_min[order].astype(np.uint8),
        age_max=people.age_max[order].astype(np.uint8),
        max_km=people.max_km[order].astype(np.float32),
        looks_taste=np.concatenate([looks, taste], axis=1),
    )


def _longest(vectors: Float32s, starts: Int64s) -> Float32s:
    """The length of the longest vector of each group; a group begins where the one before ends."""
    squares = (vectors**2).sum(axis=1)
    return np.sqrt(np.maximum.reduceat(squares, starts) if len(starts) else squares[:0])


def _terms(members: Members, model: Model) -> Terms:
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
    shared = [scaled[f"shared.{name}"] for name in names]
    words = [_words(members.sets[name]) for name in names]
    starts = np.cumsum([0, *(each.shape[1] for each in words)]).astype(np.int64)
    receiving = model.log_odds(receiver_columns(members, population))
    c, mean, scale = scaled.get("affinity", (0.0, 0.0, 1.0))
    nothing = Factors(*np.zeros((2, len(members), 0), dtype=np.float32))
    tastes = members.factors or nothing if c else nothing
    return Terms(
        giving,
        receiving,
        np.array(scaled.get("nearness", (0, 0, 1)), dtype=np.float32),
        gap,
        np.ascontiguousarray(np.concatenate([np.zeros((len(members), 0), np.uint64), *words], axis=1)),
        _bit_weights([population.weights(name) for name in names], starts),
        starts,
        np.array([(c, mean, 1 / scale) for c, mean, scale in shared], dtype=np.float32).reshape(-1, 3),
        _log_sigmoids(),
        np.concatenate([tastes.taste, tastes.looks], axis=1, dtype=np.float32),
        np.array((c if members.factors else 0, mean, 1 / scale), dtype=np.float32),
    )


def _in_range(members: Members) -> Members:
    first = members.people.where(np.zeros(1, dtype=np.int64))
    people = first.with_preferences(age_min=np.zeros(1, dtype=np.int64), age_max=np.full(1, _OLDEST))
    return Members(people, members.history, members.inactive_days[:1], members.completeness[:1])


def _log_sigmoids() -> Float32s:
    limit, steps = float(LOG_ODDS_LIMIT), int(STEPS)
    log_odds = np.arange(2 * limit * steps + 2) / steps - limit
    return (-np.log1p(np.exp(-log_odds))).astype(np.float32)


def _words(packed: Bytes) -> Words:
    """Rows of `Population.pack` as rows of 64 bits, the first entry in the lowest."""
    bits = np.unpackbits(packed, axis=1)
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 64)))
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def _bit_weights(weights: list[Float32s], starts: Int64s) -> Float32s:
    """What each bit of a row weighs."""
    table = np.zeros(64 * int(starts[-1]), dtype=np.float32)
    for own, start in zip(weights, starts, strict=False):
        table[64 * start : 64 * start + len(own)] = own
    return table
