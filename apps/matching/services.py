"""Swipes, matches, blocks: the rules of how two members find each other and part."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps import flags
from apps.core.errors import RuleError
from apps.flags.experiments.models import Metric
from apps.matching.histories import forget
from apps.matching.learning import impressions
from apps.matching.learning.impressions import Placement
from apps.matching.models import MAX_NOTE, Block, Match, Swipe
from apps.matching.selectors import last_swipe, matches_of
from apps.payments.selectors import has_plus
from apps.users.models import User
from apps.users.restrictions import check_may_write
from apps.users.services import clean_text

LIKES_WITHIN = timedelta(hours=24)
DAILY_LIKES, PLUS_DAILY_LIKES = 100, 500


@dataclass(frozen=True)
class SwipeOutcome:
    """`is_news`: the target has yet to decide on the swiper. `match` is set when this very swipe made one."""

    is_news: bool = False
    match: Match | None = None


@transaction.atomic(savepoint=False)
def record_swipe(swiper: User, target: User, *, liked: bool, note: str = "") -> SwipeOutcome:
    """One like or pass; the second of two likes makes the match, exactly once however the two race.

    Whether the swiper may see the target is for the caller to ask (`selectors.can_see`).
    Raises RuleError: note_too_long; limited, for a note of somebody who may not write; likes_used_up.
    """
    note = clean_text(note)
    if note:
        check_may_write(swiper)
    if len(note) > MAX_NOTE:
        raise RuleError("note_too_long", max=MAX_NOTE, length=len(note))
    _lock_pair(swiper.pk, target.pk)
    before = _before(swiper, target, liked=liked)
    if before["made"]:
        return SwipeOutcome()
    if liked and before["given"] >= (most := likes_a_day(swiper, with_plus=has_plus(swiper))):
        raise RuleError("likes_used_up", max=most, until=_likes_again_at(swiper, most))
    Swipe.objects.create(swiper=swiper, target=target, liked=liked, note=note)
    if liked:
        flags.record(Metric.LIKE, swiper)
    if swiper.is_shadowed:
        return SwipeOutcome()  # kept, for `join_mutual_likes`
    if not liked or not before["liked_back"]:
        return SwipeOutcome(is_news=not before["answered"])
    low, high = sorted((swiper, target), key=lambda user: user.pk)
    match, is_first = Match.objects.get_or_create(low=low, high=high)
    if not is_first:
        return SwipeOutcome()
    flags.record(Metric.MATCH, low, high)
    return SwipeOutcome(match=match)


def likes_a_day(user: User, *, with_plus: bool) -> int:
    """How many likes they can give within 24 hours. No query."""
    without = flags.value("matching.daily_likes", user, DAILY_LIKES)
    return max(without, flags.value("plus.daily_likes", user, PLUS_DAILY_LIKES)) if with_plus else without


def _before(swiper: User, target: User, *, liked: bool) -> dict[str, int]:
    """What stands between the two, and for a like how many the swiper gave lately. One query, however much they ask."""
    made, answered = Q(swiper=swiper, target=target), Q(swiper=target, target=swiper)
    given = Q(swiper=swiper, liked=True, created_at__gt=timezone.now() - LIKES_WITHIN)
    return Swipe.objects.filter(made | answered | given if liked else made | answered).aggregate(
        made=Count("pk", filter=made),
        answered=Count("pk", filter=answered),
        liked_back=Count("pk", filter=answered & Q(liked=True)),
        given=Count("pk", filter=given),
    )


def _likes_again_at(swiper: User, most: int) -> datetime:
    """When the oldest of so many latest likes is a day old."""
    latest = Swipe.objects.filter(swiper=swiper, liked=True).order_by("-created_at")
    return latest.values_list("created_at", flat=True)[most - 1] + LIKES_WITHIN


@transaction.atomic
def join_mutual_likes(user: User) -> int:
    """Makes the matches that the member's likes have not made while a shadow limit held them back; how many."""
    back = Swipe.objects.filter(swiper=OuterRef("target"), target=user, liked=True)
    blocks = Block.objects.filter(
        Q(blocker=user, blocked=OuterRef("target")) | Q(blocked=user, blocker=OuterRef("target"))
    )
    mutual = Swipe.objects.filter(Exists(back), ~Exists(blocks), swiper=user, liked=True)
    made = 0
    for other in mutual.values_list("target", flat=True):
        _lock_pair(user.pk, other)
        low, high = sorted((user.pk, other))
        made += Match.objects.get_or_create(low_id=low, high_id=high)[1]
    return made


def record_impression(viewer: User, placement: Placement) -> None:
    """The viewer is shown this card now, perhaps again. One query."""
    impressions.record(viewer.pk, placement)


@transaction.atomic
def undo_last_swipe(user: User) -> Swipe | None:
    """Takes the latest swipe back and returns it; None when there is none. Raises RuleError: undo_matched."""
    swipe = last_swipe(user)
    if swipe is None:
        return None
    _lock_pair(user.pk, swipe.target_id)
    if _match_between(user.pk, swipe.target_id).exists():
        raise RuleError("undo_matched")
    forget(swipe)
    swipe.delete()
    return swipe


@transaction.atomic
def end_match(match: Match, *, by: User) -> bool:
    """The match and its conversation are over for both. False when they were already."""
    ended = Match.objects.filter(pk=match.pk, ended_at=None).update(ended_at=timezone.now(), ended_by=by)
    return bool(ended)


@transaction.atomic
def block(blocker: User, blocked: User) -> Match | None:
    """Neither sees the other from now on. Safe to call twice.

    The match that this ended, with both sides' profiles; None when there was none.
    """
    _lock_pair(blocker.pk, blocked.pk)
    if Block.objects.get_or_create(blocker=blocker, blocked=blocked)[1]:
        flags.record(Metric.BLOCK, blocker)
    match = matches_of(blocker).filter(Q(low=blocked) | Q(high=blocked)).first()
    return match if match and end_match(match, by=blocker) else None


def note_message(match: Match, sender: User) -> None:
    """Keeps who of the two wrote first, and when the other answered. Later messages change nothing, without a query."""
    is_low = sender.pk == match.low_id
    if match.opened_by_low is None:
        Match.objects.filter(pk=match.pk, opened_by_low=None).update(opened_by_low=is_low)
    elif match.opened_by_low != is_low and match.answered_at is None:
        Match.objects.filter(pk=match.pk, answered_at=None).update(answered_at=timezone.now())


def _match_between(one: UUID, other: UUID) -> QuerySet[Match]:
    return Match.objects.filter(Q(low=one, high=other) | Q(low=other, high=one))


def _lock_pair(one: UUID, other: UUID) -> None:
    """Makes what concerns these two happen one after the other, until the transaction ends.

    An advisory lock and not row locks: both members hold their own row already and would wait for each other's.
    """
    low, high = sorted((one, other))
    key = (low.int ^ (high.int << 1)) & 0x7FFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
