"""A long-lived process looks for garbage seldom, and still looks."""

import gc
from collections.abc import Iterator

import pytest

from apps.core.garbage import NEW_OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    usual, was_on = gc.get_threshold(), gc.isenabled()
    gc.enable()
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)
    if not was_on:
        gc.disable()


def test_it_looks_after_many_new_objects_and_no_more_at_the_old_ones() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > 10_000  # all that was imported
    before = looks()
    few = [[] for _ in range(NEW_OBJECTS // 2)]
    assert looks() == before
    many = [[] for _ in range(NEW_OBJECTS)]
    assert looks() > before
    assert len(few) < len(many)


def looks() -> int:
    """How often the youngest have been looked at."""
    return gc.get_stats()[0]["collections"]
