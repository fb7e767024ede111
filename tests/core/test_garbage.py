"""A long-lived process looks for garbage seldom, and still finds it."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from apps.core.garbage import NEW_OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)


class Knot:
    def __init__(self) -> None:
        self.itself = self


def test_a_cycle_goes_in_the_end() -> None:
    collect_seldom()
    gone = weakref.ref(Knot())
    assert gone()
    kept = [[] for _ in range(NEW_OBJECTS + 1)]
    assert gone() is None
    assert kept
