from collections.abc import Callable
from typing import Any

import pytest

from apps.matching.learning.ranking import Ranking, rank
from apps.matching.models import Candidate, Swipe
from apps.users.models import User


@pytest.fixture
def deck() -> Callable[..., Ranking]:
    """Ranks these candidates for the viewer; `liked_by` are those whose like waits."""

    def ranked(viewer: User, *candidates: User, liked_by: tuple[User, ...] = (), **options: Any) -> Ranking:
        for liker in liked_by:
            Swipe.objects.get_or_create(swiper=liker, target=viewer, defaults={"liked": True})
        numbers = Candidate.objects.filter(user__in=candidates).values_list("number", flat=True)
        return rank(viewer, list(numbers), **options)

    return ranked
