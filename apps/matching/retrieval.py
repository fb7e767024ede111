"""On demand: who is in reach of a viewer and not hidden from them, straight from PostgreSQL, right after any change.

The areas around the viewer are walked ring by ring until enough have been found. In each, the most recently active come
from an index that covers all that reach depends on; who is hidden is taken out afterwards, by a bitmap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from django.utils import timezone
from h3.api import basic_int as h3
from pyroaring import BitMap

from apps.matching.arrays import as_array, some
from apps.matching.candidates import ROW, Rows, date_number, people, read
from apps.matching.engine.eligibility import ANYWHERE_KM, Bools, Ints, People, reach
from apps.matching.histories import contains
from apps.matching.models import DISTRICT_RESOLUTION, GENDER_BIT, REGION_RESOLUTION
from apps.users.models import MAX_AGE

# Steps outwards, in rings of districts (to about 20 and 100 km) and then of regions (250, 500, 1,000 km: members
# cannot set a farther limit, so that beyond it two must both be without one).
NEAR_RINGS, FAR_RINGS = (1, 9), (2, 6, 12)
# Share of `enough` that is taken from one group in one area at first, and how much more if too few of those remain.
AREA_SHARE, DEEPER = 8, 8
# And for one in so many of the hidden, one more.
HIDDEN_SHARE = 64
_RESOLUTION = {"district": DISTRICT_RESOLUTION, "region": REGION_RESOLUTION}
# In place of a column: those who have no limit of distance either, wherever they are.
_ANYWHERE = "anywhere"
OLDEST = 130
NO_NUMBERS = BitMap()


@dataclass(frozen=True)
class Found:
    """Candidates in no order: their rows, and the same as the engine wants them."""

    rows: Rows
    people: People

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def numbers(self) -> Ints:
        return self.rows["number"].astype(np.int64)

    def also(self, others: "Found") -> "Found":
        """These and the others, each once."""
        new = others.where(~np.isin(others.rows["number"], self.rows["number"])) if len(self) else others
        return Found(np.concatenate([self.rows, new.rows]), self.people.and_(new.people)) if len(self) else new

    def where(self, kept: Bools | Ints) -> "Found":
        return Found(self.rows[kept], self.people.where(kept))


_NOBODY = Found(np.empty(0, dtype=ROW), people(np.empty(0, dtype=ROW)))


@dataclass(frozen=True)
class _Step:
    """A column of the table with the cells to walk in one go; nobody nearer than this is left to be found there."""

    column: str
    cells: list[int]
    beyond_km: float


def search(viewer: People, cell: int, *, hidden: BitMap, enough: int, also: BitMap = NO_NUMBERS) -> Found:
    """Those in reach of the one viewer, who is in this cell; all of them where there are fewer than `enough`.

    Where there are more, the nearest areas come first and in them the most recently active. `also` are looked at
    wherever they are, and besides.
    """
    found, enough = _NOBODY, enough + len(also)
    for step in _steps(cell, float(viewer.max_km[0])):
        # a part of them: the hidden are spread over several areas, and not all among the most recently active there
        depth, has_more = max(1, enough // AREA_SHARE) + len(hidden) // HIDDEN_SHARE, True
        while has_more and len(found) < enough:
            rows, also = _walk(viewer, step, depth, also), NO_NUMBERS
            found = found.also(_kept(viewer, rows, hidden))
            depth, has_more = depth * DEEPER, _has_more(rows, step.column, depth)
    return found


def _kept(viewer: People, rows: Rows, hidden: BitMap) -> Found:
    """Each once, without the hidden and those out of reach."""
    numbers, first = np.unique(rows["number"].astype(np.int64), return_index=True)
    rows = rows[first[~contains(hidden, numbers)]]
    found = Found(rows, people(rows))
    return found.where(reach(viewer, found.people))


def _has_more(rows: Rows, column: str, depth: int) -> bool:
    """Did the walk stop at its depth anywhere?"""
    if len(rows) < depth:
        return False
    group = rows["gender"].astype(np.int64) << 16 | rows["born"] // 100_000
    if column in _RESOLUTION:
        group |= rows["cell"].astype(np.int64) & -1 << 3 * (15 - _RESOLUTION[column])
    return bool(np.unique(group, return_counts=True)[1].max() >= depth)


def _steps(cell: int, max_km: float) -> Iterator[_Step]:
    """From the nearest on."""
    near, far = (rings(max_km, resolution) for resolution in _RESOLUTION.values())
    yield from _disks("district", cell, NEAR_RINGS, near)
    if near > NEAR_RINGS[-1]:
        yield from _disks("region", cell, FAR_RINGS, far, beyond_km=_within_km(NEAR_RINGS[-1], DISTRICT_RESOLUTION))
    if max_km >= ANYWHERE_KM:
        yield _Step(_ANYWHERE, [], ANYWHERE_KM)


def rings(km: float, resolution: int) -> int:
    """How many rings of cells around one's own hold everybody within the distance, wherever in their cells they are."""
    return int(km / _ring_km(resolution)) + 2


def _within_km(rings: int, resolution: int) -> float:
    """Who is outside of so many rings is farther away than this."""
    return (rings - 1) * _ring_km(resolution)


@cache
def _ring_km(resolution: int) -> float:
    """What a ring adds at the least: the spacing of cells, less what they differ over the globe."""
    return float(h3.average_hexagon_edge_length(resolution, unit="km") * 3**0.5 * 0.75)


def _disks(column: str, cell: int, steps: tuple[int, ...], last: int, beyond_km: float = 0) -> Iterator[_Step]:
    """The cells of each step that were not in the one before, as far as the ring `last`."""
    own, done = h3.cell_to_parent(cell, _RESOLUTION[column]), set[int]()
    for step in sorted({min(step, last) for step in steps}):
        disk = set(h3.grid_disk(own, step))
        yield _Step(column, sorted(disk - done), beyond_km)
        done, beyond_km = disk, max(beyond_km, _within_km(step, _RESOLUTION[column]))


def _walk(viewer: People, step: _Step, depth: int, also: BitMap) -> Rows:
    """Of each sought gender and decade in each area the `depth` most recently active whom all fits but the distance.

    And the listed ones of these numbers, whoever they are.
    """
    areas, where = _GROUPS, f"max_km = {ANYWHERE_KM:.0f}"  # in the text, as the index has it
    if step.column != _ANYWHERE:
        areas, where = f"{_CELLS} CROSS JOIN {_GROUPS}", f"{step.column} = area.cell"
    if step.column == "region":  # whose own limit is nearer than that cannot be in reach
        where += " AND max_km >= %(beyond_km)s"
    query = f"SELECT packed FROM {areas} CROSS JOIN LATERAL ({_FITTING.format(where=where)}) AS fitting"  # noqa: S608
    return read(query + _ALSO if also else query, _parameters(viewer, step, depth) | {"also": as_array(also)})


_CELLS = f"unnest({some('cells', 'bigint')}) AS area (cell)"
_GROUPS = (
    f"unnest({some('genders', 'smallint')}) AS sought (gender)"
    f" CROSS JOIN unnest({some('decades', 'integer')}) AS birth (decade)"
)
_ALSO = (
    " UNION ALL SELECT packed FROM matching_candidate"  # noqa: S608 constants
    f" WHERE listed AND number = ANY({some('also', 'integer')})"
)
_FITTING = """
    SELECT packed FROM matching_candidate AS candidate
    WHERE listed AND {where} AND gender = sought.gender AND decade = birth.decade
        AND seeks & %(gender)s <> 0 AND %(age)s BETWEEN age_min AND age_max
        AND born > %(born_after)s AND born <= %(born_until)s
    ORDER BY active_hour DESC LIMIT %(depth)s
"""


def _parameters(viewer: People, step: _Step, depth: int) -> dict[str, Any]:
    today, oldest = date_number(timezone.localdate()), int(viewer.age_max[0])
    # the top of the range means "and older"
    born_after = today - (oldest + 1 if oldest < MAX_AGE else OLDEST) * 10_000
    born_until = today - int(viewer.age_min[0]) * 10_000
    return {
        "cells": as_array(step.cells),
        "beyond_km": int(step.beyond_km),
        "genders": as_array(bit for bit in GENDER_BIT.values() if bit & int(viewer.seeks[0])),
        "decades": as_array(range(born_after // 100_000, born_until // 100_000 + 1)),
        "gender": int(viewer.gender[0]),
        "age": int(viewer.age[0]),
        "born_after": born_after,
        "born_until": born_until,
        "depth": depth,
    }
