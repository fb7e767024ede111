"""What is known of a viewer and of candidates at one moment: read from the tables, kept with impressions as numbers.

Kept are the facts about either member and between the two, not the engine's columns: what is made of counted swipes
depends on what is usual among the members, which changes, and a model is trained on columns of its own population.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.utils import timezone
from h3.api import basic_int as h3
from numpy.typing import NDArray

from apps.core.prepared import ask
from apps.matching.arrays import as_array, some
from apps.matching.candidates import date_number
from apps.matching.engine.eligibility import Floats, Ints, People, full_years
from apps.matching.engine.features import (
    DIRECTED,
    LEARNED,
    MUTUAL,
    Columns,
    Members,
    Pairs,
    directed_columns,
    giver_columns,
    learned_columns,
    mutual_columns,
    receiver_columns,
)
from apps.matching.engine.history import Column, History, Population
from apps.matching.learning.factors import NOTHING, TASTES, factors_of
from apps.users.models import MAX_AGE

Numbers = NDArray[np.float32]  # a row for each impression, a column for each name of LAYOUT

COUNTS = (
    "swipes_given",
    "likes_given",
    "likes_received",
    "likes_expected",
    "messages_due",
    "messages_answered",
)
SETS = ("interests", "languages")
_OF_MEMBER = ("gender", "age", "inactive_days", "completeness", *COUNTS)
_BETWEEN = (*MUTUAL, *(f"shared.{name}" for name in SETS))
_ONE_WAY = (*DIRECTED, *LEARNED)
# Given with every row, and raised whenever the names or their order change: rows of another layout are not read.
LAYOUT_VERSION = 2
LAYOUT = (
    *(f"viewer.{name}" for name in _OF_MEMBER),
    *(f"candidate.{name}" for name in _OF_MEMBER),
    *_BETWEEN,
    *(f"there.{name}" for name in _ONE_WAY),
    *(f"back.{name}" for name in _ONE_WAY),
)
_PLACE = {name: place for place, name in enumerate(LAYOUT)}


@dataclass(frozen=True)
class Sight:
    """One viewer and the candidates there are, as the engine wants them; the viewer is the last of the members."""

    ids: Sequence[UUID]  # of the candidates
    members: Members
    pairs: Pairs  # from the viewer to each candidate
    active_hour: Ints
    price: Column  # of each candidate's attention; NaN where no market has been cleared
    interests: Sequence[Sequence[str]]  # of the candidates, then the viewer

    def __len__(self) -> int:
        return len(self.ids)

    def numbers(self, population: Population) -> Numbers:
        """All facts of each pair, for impressions."""
        members, pairs = self.members, self.pairs
        columns = {
            **_prefixed("viewer", _facts_of(members, pairs.giver)),
            **_prefixed("candidate", _facts_of(members, pairs.receiver)),
            **mutual_columns(members, pairs, population),
            **_prefixed("there", _one_way(members, pairs)),
            **_prefixed("back", _one_way(members, pairs.reversed())),
        }
        return np.column_stack([columns[name] for name in LAYOUT]).astype(np.float32)


def look(viewer: UUID, *, population: Population, ids: Sequence[UUID] = (), numbers: Sequence[int] = ()) -> Sight:
    """What is known now of the viewer, who has been listed, and of candidates by their ids, else numbers; one query.

    Whom the viewer has answered is no candidate: a like of theirs counts as waiting. Who was never listed, or is gone,
    is left out.
    """
    query, chosen = (_WITH_IDS, as_array(ids)) if ids else (_WITH_NUMBERS, as_array(numbers))
    rows = [_Row(*row) for row in ask(query, {"viewer": viewer, "chosen": chosen})]
    *others, _viewer = rows
    ids = [row.id for row in others]
    return Sight(
        ids=ids,
        members=_members(rows, population),
        pairs=Pairs(
            giver=np.full(len(ids), len(ids)),
            receiver=np.arange(len(ids)),
            likes_giver=np.array([row.likes_viewer for row in others], dtype=bool),
            shown_before=np.array([row.times_shown for row in others], dtype=np.int64),
        ),
        active_hour=np.array([row.reach[-1] for row in others], dtype=np.int64),
        price=np.array([row.price for row in others], dtype=np.float32),
        interests=[row.interests for row in rows],
    )


def columns(numbers: Numbers, population: Population, *, back: bool = False) -> Columns:
    """The engine's columns of kept facts: of the viewer who may like, or `back`, of the candidate who may."""
    giver, receiver = ("candidate", "viewer") if back else ("viewer", "candidate")
    way = "back" if back else "there"
    return {
        **giver_columns(_members_of(numbers, giver), population),
        **receiver_columns(_members_of(numbers, receiver), population),
        **{name: numbers[:, _PLACE[name]] for name in _BETWEEN},
        **{name: numbers[:, _PLACE[f"{way}.{name}"]] for name in _ONE_WAY},
    }


def to_bytes(row: Numbers) -> bytes:
    return row.astype("<f4").tobytes()


def from_bytes(rows: Sequence[bytes]) -> Numbers:
    """Of rows of the present layout."""
    return np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, len(LAYOUT)).astype(np.float32)


# ---- From the tables


class _Row(NamedTuple):
    id: UUID
    reach: list[int]  # as in _REACH
    language: str
    interests: list[str]
    completeness: float
    counts: list[float]  # as in COUNTS
    price: float | None
    tastes: bytes | None
    times_shown: int
    likes_viewer: bool


_REACH = ("cell", "gender", "seeks", "born", "age_min", "age_max", "max_km", "active_hour")
# Not by the ORM: it would take longer to write this than PostgreSQL to answer it. Numbers come as one array a member.
_KNOWN = f"""
    SELECT
        candidate.user_id,
        ARRAY[{", ".join(f"candidate.{name}" for name in _REACH)}]::bigint[],
        member.language,
        profile.interests,
        (
            (profile.bio <> '')::integer + (cardinality(profile.interests) > 0)::integer
            + EXISTS (SELECT FROM users_photo WHERE user_id = candidate.user_id AND position = 1)::integer
        ) / 3.0::float8,
        ARRAY[{", ".join(f"coalesce(standing.{name}, 0)" for name in COUNTS)}]::float8[],
        standing.price,
        standing.tastes,
        coalesce(shown.times, 0),
        candidate.user_id = ANY (ARRAY(
            SELECT swiper_id FROM matching_swipe WHERE target_id = %(viewer)s AND liked
        ))
    FROM matching_candidate AS candidate
    JOIN users_user AS member ON member.id = candidate.user_id
    JOIN users_profile AS profile ON profile.user_id = candidate.user_id
    LEFT JOIN matching_standing AS standing ON standing.user_id = candidate.user_id
    LEFT JOIN matching_impression AS shown
        ON shown.viewer_id = %(viewer)s AND shown.candidate_id = candidate.user_id
    WHERE {{chosen}}
    ORDER BY candidate.user_id = %(viewer)s, candidate.number
"""  # noqa: S608 constants
# One or the other: for either of them PostgreSQL would take longer to plan than to answer.
_WITH_IDS = _KNOWN.format(chosen=f"candidate.user_id = ANY({some('chosen', 'uuid')} || %(viewer)s)")
_WITH_NUMBERS = _KNOWN.format(
    chosen=f"candidate.number = ANY({some('chosen', 'integer')}"  # noqa: S608 constants
    " || (SELECT number FROM matching_candidate WHERE user_id = %(viewer)s))"
)


def _members(rows: Sequence[_Row], population: Population) -> Members:
    cell, gender, seeks, born, age_min, age_max, max_km, active_hour = np.array([row.reach for row in rows]).T
    latitude, longitude = np.array([_centre(each) for each in cell.tolist()]).T
    age = np.minimum(full_years(born, date_number(timezone.localdate())), MAX_AGE)
    hour = int(timezone.now().timestamp() // 3600)
    return Members(
        people=People(gender, age, latitude, longitude, seeks, age_min, age_max, max_km.astype(np.float64)),
        history=History(*np.array([row.counts for row in rows], dtype=np.float32).T),
        inactive_days=((hour - active_hour) / 24).astype(np.float32),
        completeness=np.array([row.completeness for row in rows], dtype=np.float32),
        sets={
            "interests": population.pack("interests", [row.interests for row in rows]),
            "languages": population.pack("languages", [[row.language] for row in rows]),
        },
        factors=factors_of(np.frombuffer(b"".join(row.tastes or NOTHING for row in rows), dtype=TASTES)),
    )


@lru_cache(maxsize=200_000)
def _centre(cell: int) -> tuple[float, float]:
    latitude, longitude = h3.cell_to_latlng(cell)
    return latitude, longitude


# ---- To impressions and back


def _facts_of(members: Members, positions: Ints) -> Columns:
    facts = {
        "gender": members.people.gender,
        "age": members.people.age,
        "inactive_days": members.inactive_days,
        "completeness": members.completeness,
        **vars(members.history),
    }
    return {name: facts[name][positions] for name in _OF_MEMBER}


def _members_of(numbers: Numbers, who: str) -> Members:
    """The members of one side, with what an impression keeps of them: neither places nor preferences."""
    facts = {name: numbers[:, _PLACE[f"{who}.{name}"]] for name in _OF_MEMBER}
    unknown: Floats = np.full(len(numbers), np.nan)
    none: Ints = np.zeros(len(numbers), dtype=np.int64)
    gender, age = facts["gender"].astype(np.int64), facts["age"].astype(np.int64)
    return Members(
        people=People(gender, age, unknown, unknown, none, none, none, unknown),
        history=History(*(facts[name] for name in COUNTS)),
        inactive_days=facts["inactive_days"],
        completeness=facts["completeness"],
    )


def _one_way(members: Members, pairs: Pairs) -> Columns:
    return {**directed_columns(members, pairs), **learned_columns(members, pairs)}


def _prefixed(prefix: str, columns: Columns) -> Columns:
    return {f"{prefix}.{name}": column for name, column in columns.items()}
