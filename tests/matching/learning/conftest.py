from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.matching.learning import running
from apps.matching.learning.ranking import Ranking, rank
from apps.users.models import User


@pytest.fixture(autouse=True)
def _nothing_learned_yet() -> Iterator[None]:
    """What another test has made run has been rolled back, and this process must not remember it."""
    running.forget()
    yield
    running.forget()


@pytest.fixture
def deck() -> Callable[..., Ranking]:
    """Ranks these candidates for the viewer; `liked_by` are those whose like waits."""

    def ranked(viewer: User, *candidates: User, liked_by: tuple[User, ...] = (), **options: Any) -> Ranking:
        ids, likes = [user.pk for user in candidates], {user.pk for user in liked_by}
        return rank(viewer, ids, likes_viewer=likes, **options)

    return ranked
