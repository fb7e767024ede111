"""The candidates as columns: how thousands of rows come over from PostgreSQL as arrays, and how the table is mended."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from h3.api import basic_int as h3
from numpy.typing import NDArray

from apps.core.prepared import ask
from apps.matching.arrays import as_array, some
from apps.matching.engine.eligibility import Floats, Ints, People, full_years
from apps.users.models import MAX_AGE, User

Rows = NDArray[np.void]

# What `Candidate.packed` holds: integers in network order.
ROW: Final = np.dtype(
    [
        ("number", ">i4"),
        ("cell", ">i8"),
        ("gender", ">i2"),
        ("seeks", ">i2"),
        ("born", ">i4"),
        ("age_min", ">i2"),
        ("age_max", ">i2"),
        ("max_km", ">i2"),
        ("active_hour", ">i4"),
        ("published_hour", ">i4"),
    ]
)


def read(query: str, params: Mapping[str, Any]) -> Rows:
    """The rows of a query that selects `packed`, as one structured array (ROW); read-only.

    They come over as one value. COPY, made for such amounts, sends a message for each row: 17 µs against 0.4.
    """
    [(data,)] = ask(f"SELECT string_agg(packed, '') FROM ({query}) AS candidate", params)  # noqa: S608 a query of ours
    return np.frombuffer(data or b"", dtype=ROW)


def interests_of(numbers: Ints) -> list[Sequence[str]]:
    """Of these candidates, in their order; none of who is gone. One query."""
    known: dict[int, list[str]] = dict(ask(_INTERESTS, {"numbers": as_array(numbers.tolist())}))
    return [known.get(number, ()) for number in numbers.tolist()]


_INTERESTS = f"""
    SELECT candidate.number, profile.interests
    FROM matching_candidate AS candidate JOIN users_profile AS profile ON profile.user_id = candidate.user_id
    WHERE candidate.number = ANY({some("numbers", "integer")})
"""  # noqa: S608 constants


def people(rows: Rows) -> People:
    """What the engine asks of them. Who is older than the top of the age range counts as of that age."""
    latitude, longitude = _centres(rows["cell"])
    return People(
        gender=rows["gender"].astype(np.int64),
        age=np.minimum(full_years(rows["born"].astype(np.int64), date_number(timezone.localdate())), MAX_AGE),
        latitude=latitude,
        longitude=longitude,
        seeks=rows["seeks"].astype(np.int64),
        age_min=rows["age_min"].astype(np.int64),
        age_max=rows["age_max"].astype(np.int64),
        max_km=rows["max_km"].astype(np.float64),
    )


def date_number(day: date) -> int:
    """The day as `Candidate.born` has it: 20261124."""
    return day.year * 10_000 + day.month * 100 + day.day


def rebuild(*, after: UUID | None = None, batch: int = 2000) -> Iterator[tuple[int, UUID]]:
    """Makes every member's row what it has to be, as the triggers would, from this member on in the order of ids.

    Yields after each batch, which is then committed, how many have been looked at and the last of them: who stops can
    go on after that one. Safe to run twice, and while members are busy.
    """
    last, done = after or UUID(int=0), 0
    while batch_ids := list(User.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:batch]):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT matching_refresh_candidate(id) FROM unnest(%s::uuid[]) AS id", [batch_ids])
        last, done = batch_ids[-1], done + len(batch_ids)
        yield done, last


@lru_cache(maxsize=200_000)
def _centre(cell: int) -> tuple[float, float]:
    latitude, longitude = h3.cell_to_latlng(cell)
    return latitude, longitude


def _centres(cells: Ints) -> tuple[Floats, Floats]:
    """Latitudes and longitudes. Few cells for many people, so each is asked for once."""
    distinct, position = np.unique(cells, return_inverse=True)
    centres = np.array([_centre(int(cell)) for cell in distinct]).reshape(-1, 2)
    return centres[position, 0], centres[position, 1]
