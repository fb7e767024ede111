"""On demand: who is in reach of a viewer and not hidden from them, straight from PostgreSQL, right after any change.

The areas around the viewer are walked ring by ring until enough have been found. In each, the most recently active come
from an index that covers all that reach depends on; who is hidden is taken out afterwards, by a bitmap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils import timezone
from h3.api import basic_int as h3
from pyroaring import BitMap

from apps.matching.candidates import ROW, Rows, date_number, people, read
from apps.matching.engine.eligibility import ANYWHERE_KM, Bools, Ints, People, reach
from apps.matching.histories import contains
from apps.matching.models import DISTRICT_RESOLUTION, GENDER_BIT, REGION_RESOLUTION
from apps.users.models import MAX_AGE

# Steps outwards, in rings of districts (to about 30 and 100 km) and then of regions (250, 500, 1,000 km: members cannot
# set a farther limit, so that beyond it two must both be without one).
NEAR_RINGS, FAR_RINGS = (2, 9), (2, 6, 12)
# Share of `enough` that is taken from one group in one area at first, and how much more if too few of those remain.
AREA_SHARE, DEEPER = 4, 4
_RESOLUTION = {"district": DISTRICT_RESOLUTION, "region": REGION_RESOLUTION}
# In place of a column: those who have no limit of distance either, wherever they are.
_ANYWHERE = "anywhere"
OLDEST = 130
_NOBODY = np.empty(0, dtype=ROW)


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


def search(viewer: People, cell: int, *, hidden: BitMap, enough: int) -> Found:
    """Those in reach of the one viewer, who is in this cell; all of them where there are fewer than `enough`.

    Where there are more, the nearest areas come first and in them the most recently active.
    """
    found = _kept(viewer, _NOBODY, hidden)
    for column, cells in _steps(cell, float(viewer.max_km[0])):
        # a part of them: the hidden are spread over several areas, and not all among the most recently active there
        depth, has_more = max(1, enough // AREA_SHARE) + len(hidden) // 32, True
        while has_more and len(found) < enough:
            rows = _walk(viewer, column, cells, depth)
            found = found.also(_kept(viewer, rows, hidden))
            depth, has_more = depth * DEEPER, _has_more(rows, column, depth)
    return found


def of_numbers(viewer: People, numbers: BitMap) -> Found:
    """Those of them who are listed and in reach of the viewer. No query for nobody."""
    if not numbers:
        return _kept(viewer, _NOBODY, BitMap())
    query = "SELECT packed FROM matching_candidate WHERE listed AND number = ANY(%(numbers)s::integer[])"
    return _kept(viewer, read(query, {"numbers": list(numbers)}), BitMap())


def _kept(viewer: People, rows: Rows, hidden: BitMap) -> Found:
    """Without the hidden and those out of reach."""
    rows = rows[~contains(hidden, rows["number"])]
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


def _steps(cell: int, max_km: float) -> Iterator[tuple[str, list[int]]]:
    """Columns of the table with the cells to walk in one go, from the nearest on."""
    near, far = (rings(max_km, resolution) for resolution in _RESOLUTION.values())
    yield from _disks("district", cell, NEAR_RINGS, near)
    if near > NEAR_RINGS[-1]:
        yield from _disks("region", cell, FAR_RINGS, far)
    if max_km >= ANYWHERE_KM:
        yield _ANYWHERE, []


def rings(km: float, resolution: int) -> int:
    """How many rings of cells around one's own hold everybody within the distance, wherever in their cells they are."""
    spacing_km = h3.average_hexagon_edge_length(resolution, unit="km") * 3**0.5
    return int(km / (spacing_km * 0.75)) + 2


def _disks(column: str, cell: int, steps: tuple[int, ...], last: int) -> Iterator[tuple[str, list[int]]]:
    """The cells of each step that were not in the one before, as far as the ring `last`."""
    own, done = h3.cell_to_parent(cell, _RESOLUTION[column]), set[int]()
    for step in sorted({min(step, last) for step in steps}):
        disk = set(h3.grid_disk(own, step))
        yield column, sorted(disk - done)
        done = disk


def _walk(viewer: People, column: str, cells: list[int], depth: int) -> Rows:
    """Of each sought gender and decade in each area the `depth` most recently active whom all fits but the distance."""
    areas, where = _GROUPS, f"max_km = {ANYWHERE_KM:.0f}"
    if column != _ANYWHERE:
        areas, where = f"unnest(%(cells)s::bigint[]) AS area (cell) CROSS JOIN {_GROUPS}", f"{column} = area.cell"
    query = f"SELECT packed FROM {areas} CROSS JOIN LATERAL ({_FITTING.format(where=where)}) AS fitting"  # noqa: S608
    return read(query, _parameters(viewer, cells, depth))


_GROUPS = (
    "unnest(%(genders)s::smallint[]) AS sought (gender) CROSS JOIN unnest(%(decades)s::integer[]) AS birth (decade)"
)
_FITTING = """
    SELECT packed FROM matching_candidate AS candidate
    WHERE listed AND {where} AND gender = sought.gender AND decade = birth.decade
        AND seeks & %(gender)s <> 0 AND %(age)s BETWEEN age_min AND age_max
        AND born > %(born_after)s AND born <= %(born_until)s
    ORDER BY active_hour DESC LIMIT %(depth)s
"""


def _parameters(viewer: People, cells: list[int], depth: int) -> dict[str, Any]:
    today, oldest = date_number(timezone.localdate()), int(viewer.age_max[0])
    # the top of the range means "and older"
    born_after = today - (oldest + 1 if oldest < MAX_AGE else OLDEST) * 10_000
    born_until = today - int(viewer.age_min[0]) * 10_000
    return {
        "cells": cells,
        "genders": [bit for bit in GENDER_BIT.values() if bit & int(viewer.seeks[0])],
        "decades": list(range(born_after // 100_000, born_until // 100_000 + 1)),
        "gender": int(viewer.gender[0]),
        "age": int(viewer.age[0]),
        "born_after": born_after,
        "born_until": born_until,
        "depth": depth,
    }
