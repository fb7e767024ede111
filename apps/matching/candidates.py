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

from apps.matching.engine.eligibility import Floats, Ints, People, full_years
from apps.users.models import MAX_AGE, User

Rows = NDArray[np.void]

# PostgreSQL's binary COPY: a header of 19 bytes, for each row the number of its fields and for each field its length
# and value in network order, a trailer of 2 bytes. Integers that are never null make all rows equally long.
_HEADER_BYTES, _TRAILER_BYTES = 19, 2
_TYPES: Final = {
    "number": ">i4",
    "cell": ">i8",
    "gender": ">i2",
    "seeks": ">i2",
    "born": ">i4",
    "age_min": ">i2",
    "age_max": ">i2",
    "max_km": ">i2",
    "active_hour": ">i4",
    "published_hour": ">i4",
}
# What reach depends on, and the order of the walk: the columns of the covering indexes.
COVERED: Final = tuple(name for name in _TYPES if name != "published_hour")


def read(query: str, params: Sequence[Any] | Mapping[str, Any], *, fields: Sequence[str] = COVERED) -> Rows:
    """The rows of a query that selects just these fields of candidates, as one structured array.

    A million rows take about a second. The array is a view of what came over the wire: read-only, big-endian.
    """
    statement = connection.ops.compose_sql(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", params)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        data = b"".join(copy)
    row = row_type(fields)
    count = (len(data) - _HEADER_BYTES - _TRAILER_BYTES) // row.itemsize
    return np.frombuffer(data, dtype=row, count=count, offset=_HEADER_BYTES)


def row_type(fields: Sequence[str]) -> np.dtype[np.void]:
    """How one row of these fields looks on the wire."""
    columns = [part for name in fields for part in ((f"length of {name}", ">i4"), (name, _TYPES[name]))]
    return np.dtype([("number of fields", ">i2"), *columns])


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
