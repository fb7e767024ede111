"""Members of a territory by their ids."""

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.batches.reading import ID, Directory

# Few halves, so that many ids begin alike.
ids = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12)


def _as_ids(halves: list[tuple[int, int]]) -> np.ndarray:
    return np.frombuffer(b"".join(UUID(int=one << 64 | other).bytes for one, other in halves), dtype=ID)


@given(members=ids.map(lambda pairs: list(dict.fromkeys(pairs))), asked=ids)
def test_it_finds_each_member_where_they_are_and_nobody_else(
    members: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    where = {each: place for place, each in enumerate(members)}
    found = Directory(_as_ids(members)).positions(_as_ids(asked))
    assert found.tolist() == [where.get(each, -1) for each in asked]
