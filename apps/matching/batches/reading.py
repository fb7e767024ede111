"""A territory's members as columns, those across its border with them, and what already lies between any two.

A million members must not become Python objects one by one: numbers come over as bytes, in the order of the members'
numbers, and a position is a place in that order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from django.db import connection
from django.utils import timezone
from h3.api import basic_int as h3
from numpy.typing import NDArray

from apps.core.prepared import ask
from apps.matching.arrays import as_array, some
from apps.matching.candidates import ROW, Rows, people
from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.engine.features import Members
from apps.matching.engine.history import Column, History, Population
from apps.matching.engine.pairing import Hidden, Places, places
from apps.matching.learning.factors import NOTHING, TASTES, factors_of
from apps.matching.learning.facts import COUNTS
from apps.matching.models import REGION_RESOLUTION

# One region, at least 100 km, beyond the border: as far as nine members in ten look. The others' decks are topped up
# on demand, where nobody is too far away.
BORDER_REGIONS = 1
Ids = NDArray[np.void]  # of users: 16 bytes each
ID: Final = np.dtype("V16")
_NUMBERS = (*COUNTS, "swipes_received", "price", "completeness", "has_match")
_FACTS: Final = np.dtype([*((name, ">f4") for name in _NUMBERS), ("tastes", TASTES)])
_SWIPE: Final = np.dtype([("viewer", ">i4"), ("other", ID), ("likes", "i1")])


@dataclass(frozen=True)
class Directory:
    """Who is where: members' ids, in the order of their positions."""

    ids: Ids

    def positions(self, ids: Ids) -> Ints:
        """Where these members are; -1 for who is not among them."""
        half, position = self._by_half
        wanted, found = _first_half(ids), np.full(len(ids), -1)
        start, end = (np.searchsorted(half, wanted, side) for side in ("left", "right"))
        for step in range(int((end - start).max(initial=0))):  # once, unless two ids begin alike
            alike = start + step < end
            here = position[start[alike] + step]
            found[alike] = np.where(self.ids[here] == ids[alike], here, found[alike])
        return found

    @cached_property
    def _by_half(self) -> tuple[NDArray[np.uint64], Ints]:
        """The first halves of the ids in ascending order, as numbers, which are found faster; and whose they are."""
        half = _first_half(self.ids)
        order = np.argsort(half)
        return half[order], order


@dataclass(frozen=True)
class Territory:
    """All listed members of a territory and its border, in the order of their numbers."""

    numbers: Ints
    directory: Directory
    members: Members
    where: Places
    is_own: Bools  # of the territory itself
    swipes_received: Column
    listed_days: Column
    has_match: Bools  # or had one
    price: Column  # as their own territory's last build left it; NaN: never

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Between:
    """hidden: of each viewer, who swiped them or was swiped, and blocks. likes: who waits for a viewer's answer."""

    hidden: Hidden
    viewer: Ints  # places among the viewers, ascending
    liker: Ints  # positions


@dataclass(frozen=True)
class Known:
    """Members as they came, in the order of their numbers."""

    rows: Rows
    directory: Directory
    columns: dict[str, Column]  # _NUMBERS
    members: Members


def read_territory(cell: int, population: Population) -> Territory | None:
    """As of now; None when nobody is listed there. One query."""
    own = list(h3.cell_to_children(cell, REGION_RESOLUTION))
    regions = sorted({each for region in own for each in h3.grid_disk(region, BORDER_REGIONS)})
    known = read_members(
        population, "candidate.listed AND candidate.region = ANY(%(regions)s::bigint[])", regions=regions
    )
    rows, columns, who = known.rows, known.columns, known.members.people
    region = rows["cell"].astype(np.int64)
    is_own = np.isin(_parent(region, REGION_RESOLUTION), np.array(own, dtype=np.int64))
    if not is_own.any():
        return None
    hour = timezone.now().timestamp() / 3600
    return Territory(
        numbers=rows["number"].astype(np.int64),
        directory=known.directory,
        members=known.members,
        where=places(region, _parent(region, 5), who.latitude, who.longitude),
        is_own=is_own,
        swipes_received=columns["swipes_received"],
        listed_days=(np.maximum(hour - rows["published_hour"], 0) / 24).astype(np.float32),
        has_match=columns["has_match"] > 0,
        price=columns["price"],
    )


def read_members(population: Population, chosen: str, **parameters: Any) -> Known:
    """Those whom the condition `chosen` names, as of now. One query."""
    with connection.cursor() as cursor:  # planned for these regions: few people live there, or very many
        cursor.execute(_MEMBERS.format(chosen=chosen), parameters)
        packed, ids, facts, interests, languages = cursor.fetchone()
    rows: Rows = np.frombuffer(packed or b"", dtype=ROW)
    known = np.frombuffer(facts or b"", dtype=_FACTS)
    columns = {name: known[name].astype(np.float32) for name in _NUMBERS}
    hour = timezone.now().timestamp() / 3600
    members = Members(
        people=people(rows),
        history=History(**{name: columns[name] for name in COUNTS}),
        inactive_days=(np.maximum(hour - rows["active_hour"], 0) / 24).astype(np.float32),
        completeness=columns["completeness"],
        sets={
            "interests": _bits(interests, population, "interests"),
            "languages": _bits(languages, population, "languages"),
        },
        factors=factors_of(known["tastes"]),
    )
    return Known(rows, Directory(np.frombuffer(ids or b"", dtype=ID)), columns, members)


def read_between(territory: Territory, viewers: Ints) -> Between:
    """What lies between these viewers (positions) and all the others. One query."""
    [(packed,)] = ask(_BETWEEN, {"viewers": as_array(each.hex() for each in territory.directory.ids[viewers].tolist())})
    known = np.frombuffer(packed or b"", dtype=_SWIPE)
    other = territory.directory.positions(known["other"])
    owner, waits = known["viewer"][other >= 0] - 1, known["likes"][other >= 0] != 0  # PostgreSQL counts from 1
    other = other[other >= 0]
    order = np.lexsort((other, owner))
    owner, other, waits = owner[order].astype(np.int64), other[order], waits[order]
    ends = np.searchsorted(owner, np.arange(len(viewers) + 1)).astype(np.int64)
    # a like waits only as long as nothing else lies between the two
    alone = np.ones(len(owner), dtype=bool)
    again = (owner[1:] == owner[:-1]) & (other[1:] == other[:-1])
    alone[1:] &= ~again
    alone[:-1] &= ~again
    waiting = waits & alone
    return Between(Hidden(ends, other.astype(np.int32)), owner[waiting], other[waiting])


_MEMBERS = f"""
    SELECT string_agg(packed, ''), string_agg(uuid_send(user_id), ''), string_agg(facts, ''),
        string_agg(interests, E'\\n'), string_agg(language, E'\\n')
    FROM (
        SELECT
            candidate.packed, candidate.user_id,
            {" || ".join(f"float4send(coalesce(standing.{name}, 0)::float4)" for name in (*COUNTS, "swipes_received"))}
                || float4send(coalesce(standing.price, 'NaN')::float4)
                || float4send(((
                    (profile.bio <> '')::integer + (cardinality(profile.interests) > 0)::integer
                    + EXISTS (SELECT FROM users_photo WHERE user_id = candidate.user_id AND position = 1)::integer
                ) / 3.0)::float4)
                || float4send((
                    EXISTS (SELECT FROM matching_match WHERE low_id = candidate.user_id)
                    OR EXISTS (SELECT FROM matching_match WHERE high_id = candidate.user_id)
                )::integer::float4)
                || coalesce(standing.tastes, '\\x{NOTHING.hex()}') AS facts,
            array_to_string(profile.interests, ',') AS interests,
            member.language
        FROM matching_candidate AS candidate
        JOIN users_user AS member ON member.id = candidate.user_id
        JOIN users_profile AS profile ON profile.user_id = candidate.user_id
        LEFT JOIN matching_standing AS standing ON standing.user_id = candidate.user_id
        WHERE {{chosen}}
        ORDER BY candidate.number
    ) AS known
"""  # noqa: S608 constants
# From indexes alone (swipe_once, swipe_received), and with the ids as they are there: looking up a number for each of
# them took five times as long.
_BETWEEN = f"""
    SELECT string_agg(int4send(viewer.place::integer) || uuid_send(between.id) || boolsend(between.liked), '')
    FROM unnest({some("viewers", "uuid")}) WITH ORDINALITY AS viewer (id, place)
    CROSS JOIN LATERAL (
        SELECT target_id AS id, false AS liked FROM matching_swipe WHERE swiper_id = viewer.id
        UNION ALL SELECT swiper_id, liked FROM matching_swipe WHERE target_id = viewer.id
        UNION ALL SELECT blocked_id, false FROM matching_block WHERE blocker_id = viewer.id
        UNION ALL SELECT blocker_id, false FROM matching_block WHERE blocked_id = viewer.id
    ) AS between
"""  # noqa: S608 constants


def _first_half(ids: Ids) -> NDArray[np.uint64]:
    halves: NDArray[np.uint64] = np.ascontiguousarray(ids).view(">u8").reshape(-1, 2)[:, 0].astype(np.uint64)
    return halves


def _parent(cells: Ints, resolution: int) -> Ints:
    """The coarser H3 cells around them, as `models.Candidate.region` works it out."""
    unused_digits = (1 << 3 * (15 - resolution)) - 1
    return cells & ~(15 << 52) | (resolution << 52 | unused_digits)


def _bits(lines: str | None, population: Population, name: str) -> NDArray[np.uint8]:
    """Packed rows of a set, a line a member; each line that occurs is taken apart once."""
    entries = (lines or "").split("\n")
    distinct: dict[str, int] = {}
    place = np.array([distinct.setdefault(each, len(distinct)) for each in entries])
    packed: NDArray[np.uint8] = population.pack(name, [_split(each) for each in distinct])
    rows: NDArray[np.uint8] = packed[place]
    return rows


def _split(line: str) -> Sequence[str]:
    return line.split(",") if line else []
