from collections.abc import Iterator

import pytest

from apps.matching.learning import running


@pytest.fixture(autouse=True)
def _nothing_learned_yet() -> Iterator[None]:
    """What another test has made run has been rolled back, and this process must not remember it."""
    running.forget()
    yield
    running.forget()
