from collections.abc import Callable, Iterator

import numpy as np
import pytest

from apps.matching.learning import running
from apps.matching.learning.ranking import Ranking, rank
from apps.matching.models import Candidate
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

    def ranked(viewer: User, *candidates: User, liked_by: tuple[User, ...] = (), **options: object) -> Ranking:
        return rank(viewer, numbers(*candidates), likes_viewer=numbers(*liked_by), **options)  # type: ignore[arg-type]

    return ranked


def numbers(*users: User) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    found = Candidate.objects.filter(pk__in=[user.pk for user in users]).values_list("number", flat=True)
    return np.array(list(found), dtype=np.int64)
