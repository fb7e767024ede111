"""Whom a member's decks leave out and whom they put first, as roaring bitmaps of candidates' numbers.

Good for choosing, not for promising: before a card is shown, the swipes and blocks themselves are asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from pyroaring import BitMap

from apps.matching.models import Swipe, SwipeHistory
from apps.users.models import User

# A swipe may be written with an earlier time than one that is visible already. No transaction lasts this long.
SETTLED_AFTER = timedelta(minutes=5)
LONG_TAIL = 500


@dataclass(frozen=True)
class History:
    """`hidden`: whom the member has swiped, blocked or is blocked by, and the member. `liked_by` may overlap with it."""

    hidden: BitMap
    liked_by: BitMap


def history_of(user: User) -> History:
    """As of now. Two queries; two more when much has come since the bitmaps were written, which are then renewed."""
    swiped, liked_by, until, tail = _stored(user)
    if len(tail.swiped) + len(tail.liked_by) > LONG_TAIL:
        _compact(user, swiped, liked_by, until)
    return History(swiped | BitMap(tail.swiped) | BitMap(tail.apart), liked_by | BitMap(tail.liked_by))


def forget(swipe: Swipe) -> None:
    """This swipe is taken back: bitmaps that may hold it are dropped, and made again when next needed."""
    SwipeHistory.objects.filter(user=swipe.swiper_id, until__gte=swipe.created_at).delete()


@dataclass(frozen=True)
class _Tail:
    swiped: list[int]
    liked_by: list[int]
    apart: list[int]


_BETWEEN = "swipe.created_at > coalesce(%(since)s, '-infinity') AND swipe.created_at <= coalesce(%(until)s, 'infinity')"
_SWIPED = f"""ARRAY(
    SELECT candidate.number FROM matching_swipe AS swipe
    JOIN matching_candidate AS candidate ON candidate.user_id = swipe.target_id
    WHERE swipe.swiper_id = %(me)s AND {_BETWEEN}
)"""  # noqa: S608 constants
_LIKED_BY = f"""ARRAY(
    SELECT candidate.number FROM matching_swipe AS swipe
    JOIN matching_candidate AS candidate ON candidate.user_id = swipe.swiper_id
    WHERE swipe.target_id = %(me)s AND swipe.liked AND {_BETWEEN}
)"""  # noqa: S608 constants
_APART = """ARRAY(
    SELECT number FROM matching_candidate WHERE user_id = %(me)s
    UNION ALL SELECT number FROM matching_candidate JOIN matching_block ON user_id = blocked_id WHERE blocker_id = %(me)s
    UNION ALL SELECT number FROM matching_candidate JOIN matching_block ON user_id = blocker_id WHERE blocked_id = %(me)s
)"""


def _stored(user: User) -> tuple[BitMap, BitMap, datetime | None, _Tail]:
    stored = SwipeHistory.objects.filter(user=user).values_list("swiped", "liked_by", "until").first()
    swiped, liked_by, until = stored or (None, None, None)
    tail = _ask(f"SELECT {_SWIPED}, {_LIKED_BY}, {_APART}", user, since=until, until=None)  # noqa: S608 constants
    return _bitmap(swiped), _bitmap(liked_by), until, _Tail(*tail)


def _compact(user: User, swiped: BitMap, liked_by: BitMap, since: datetime | None) -> None:
    until = timezone.now() - SETTLED_AFTER
    mine, theirs = _ask(f"SELECT {_SWIPED}, {_LIKED_BY}", user, since=since, until=until)  # noqa: S608 constants
    fields = {"swiped": (swiped | BitMap(mine)).serialize(), "liked_by": (liked_by | BitMap(theirs)).serialize()}
    row = SwipeHistory(user=user, until=until, **fields)
    SwipeHistory.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["user"], update_fields=["swiped", "liked_by", "until"]
    )


def _ask(query: str, user: User, *, since: datetime | None, until: datetime | None) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"me": user.pk, "since": since, "until": until})
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _bitmap(stored: bytes | memoryview | None) -> BitMap:
    return BitMap.deserialize(bytes(stored)) if stored else BitMap()
