"""Whom a member's decks leave out and whom they put first, as roaring bitmaps of candidates' numbers.

Good for choosing, not for promising: before a card is shown, the swipes and blocks themselves are asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from pyroaring import BitMap

from apps.core.prepared import ask
from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.models import Swipe, SwipeHistory
from apps.users.models import User

# A swipe may be written with an earlier time than one that is visible already. No transaction lasts this long.
SETTLED_AFTER = timedelta(minutes=5)
LONG_TAIL = 500


@dataclass(frozen=True)
class History:
    """`hidden`: the member, whom they swiped, whom they blocked, who blocked them. `liked_by` may overlap with it."""

    hidden: BitMap
    liked_by: BitMap


def history_of(user: User) -> History:
    """As of now. One query; two more when much has come since the bitmaps were written, which are then renewed."""
    swiped, liked_by, until, new_swiped, new_liked_by, apart = _ask(_HISTORY, user)
    stored = _Stored(_bitmap(swiped), _bitmap(liked_by), until)
    if len(new_swiped) + len(new_liked_by) > LONG_TAIL:
        _compact(user, stored)
    return History(stored.swiped | BitMap(new_swiped) | BitMap(apart), stored.liked_by | BitMap(new_liked_by))


def contains(bitmap: BitMap, numbers: Ints) -> Bools:
    """For each number, whether it is in the bitmap."""
    inside = np.frombuffer(bitmap.to_array(), dtype=np.uint32)  # in order
    if not len(inside):
        return np.zeros(len(numbers), dtype=bool)
    place = np.searchsorted(inside, numbers.astype(np.uint32))
    found: Bools = inside[np.minimum(place, len(inside) - 1)] == numbers
    return found


def forget(swipe: Swipe) -> None:
    """This swipe is taken back: bitmaps that may hold it are dropped, and made again when next needed."""
    SwipeHistory.objects.filter(user=swipe.swiper_id, until__gte=swipe.created_at).delete()


@dataclass(frozen=True)
class _Stored:
    swiped: BitMap
    liked_by: BitMap
    until: datetime | None


# Each number is looked up by itself: how few swipes are new PostgreSQL cannot know beforehand, and for as many as the
# member has in all it would join the whole table of candidates. Who was never listed has none.
_NUMBER = "(SELECT number FROM matching_candidate WHERE user_id = {of})"
_SWIPED = f"""
    SELECT {_NUMBER.format(of="swipe.target_id")} FROM matching_swipe AS swipe
    WHERE swipe.swiper_id = %(me)s
"""  # noqa: S608 constants
_LIKED_BY = f"""
    SELECT {_NUMBER.format(of="swipe.swiper_id")} FROM matching_swipe AS swipe
    WHERE swipe.target_id = %(me)s AND swipe.liked
"""  # noqa: S608 constants
_NEW = "AND swipe.created_at > coalesce(history.until, '-infinity')"
_HISTORY = f"""
SELECT swiped, liked_by, until,
    array_remove(ARRAY({_SWIPED} {_NEW}), NULL), array_remove(ARRAY({_LIKED_BY} {_NEW}), NULL), ARRAY(
    SELECT number FROM matching_candidate WHERE user_id = %(me)s
    UNION ALL
    SELECT number FROM matching_candidate JOIN matching_block ON user_id = blocked_id WHERE blocker_id = %(me)s
    UNION ALL
    SELECT number FROM matching_candidate JOIN matching_block ON user_id = blocker_id WHERE blocked_id = %(me)s
)
FROM (SELECT) AS always LEFT JOIN matching_swipehistory AS history ON history.user_id = %(me)s
"""  # noqa: S608 constants
_SETTLED = "AND swipe.created_at > coalesce(%(since)s::timestamptz, '-infinity') AND swipe.created_at <= %(until)s"
_TO_COMPACT = f"""
SELECT array_remove(ARRAY({_SWIPED} {_SETTLED}), NULL), array_remove(ARRAY({_LIKED_BY} {_SETTLED}), NULL)
"""


def _compact(user: User, stored: _Stored) -> None:
    until = timezone.now() - SETTLED_AFTER
    swiped, liked_by = _ask(_TO_COMPACT, user, since=stored.until, until=until)
    row = SwipeHistory(
        user=user,
        swiped=(stored.swiped | BitMap(swiped)).serialize(),
        liked_by=(stored.liked_by | BitMap(liked_by)).serialize(),
        until=until,
    )
    SwipeHistory.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["user"], update_fields=["swiped", "liked_by", "until"]
    )


def _ask(query: str, user: User, **moments: datetime | None) -> tuple[Any, ...]:
    [row] = ask(query, {"me": user.pk, **moments})
    return row


def _bitmap(stored: bytes | memoryview | None) -> BitMap:
    return BitMap.deserialize(bytes(stored)) if stored else BitMap()
