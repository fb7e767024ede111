"""A process looks for garbage seldom, and still looks."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from apps.core.garbage import NEW_OBJECTS, collect_seldom, spare_what_started


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
    gc.set_threshold(700)
    collect_seldom()
    spare_what_started()
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


def test_every_process_does_so_from_the_start() -> None:
    code = "import gc, meetsmatch; print(gc.get_threshold()[0])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout.split() == [str(NEW_OBJECTS)]
