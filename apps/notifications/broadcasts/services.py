"""The life of a broadcast: drafted, previewed, started by somebody who has seen its head count, paused, stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.core.errors import MeetsMatchError
from apps.notifications import texts
from apps.notifications.broadcasts.models import Broadcast, NewsOptOut
from apps.notifications.broadcasts.selectors import audience, fingerprint, headcount, progress
from apps.notifications.models import Delivery, Priority
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import Member, User

Status = Broadcast.Status
BATCH = 1000
# So many seconds' worth of calls may wait in the outbox: enough for the sender until the task comes again.
AHEAD_SECS = 30
LONGEST_CATCH_UP = timedelta(minutes=1)


class BroadcastError(MeetsMatchError):
    """It cannot be done, and the words say why: staff read them."""


# ---- What members choose


def set_news(user: User, *, wanted: bool) -> None:
    if wanted:
        NewsOptOut.objects.filter(user=user).delete()
    else:
        NewsOptOut.objects.get_or_create(user=user)


# ---- What product managers do


def preview(key: UUID, *, by: Any, telegram_id: str) -> None:
    """Sends it as it is now, in each language, to one member: whoever asks, by their own number in Telegram."""
    broadcast = Broadcast.objects.get(pk=key)
    member = Member.objects.filter(telegram_id=int(telegram_id)).first() if telegram_id.strip().isdecimal() else None
    if member is None:
        raise BroadcastError(_("No member has this Telegram number: say /start to the bot first."))
    written = [language for language, _name in settings.LANGUAGES if getattr(broadcast, f"text_{language}")]
    enqueue([_call(broadcast, member, language, priority=Priority.REPLY) for language in written])


def start(key: UUID, *, by: Any, seen: str) -> None:
    """Starts it, now or at its time. `seen` is the fingerprint of what was confirmed."""
    with _locked(key) as broadcast:
        _must_be(broadcast, Status.DRAFT)
        if seen != fingerprint(broadcast):
            raise BroadcastError(_("It was changed since you looked at it: look again."))
        if not headcount(broadcast):
            raise BroadcastError(_("Nobody is in this segment."))
        broadcast.started_by = by
        if broadcast.starts_at and broadcast.starts_at > timezone.now():
            broadcast.status = Status.SCHEDULED
        else:
            _run(broadcast)
        broadcast.save()


def pause(key: UUID, *, by: Any) -> None:
    """Nothing more of it leaves but what is in flight. What was made and not sent is made anew when it goes on."""
    with _locked(key) as broadcast:
        _must_be(broadcast, Status.RUNNING)
        _take_back(broadcast)
        broadcast.status = Status.PAUSED
        broadcast.save()


def resume(key: UUID, *, by: Any) -> None:
    with _locked(key) as broadcast:
        _must_be(broadcast, Status.PAUSED)
        broadcast.status, broadcast.advanced_at = Status.RUNNING, timezone.now()
        broadcast.save()


def stop(key: UUID, *, by: Any) -> None:
    """For good; what is in flight still arrives."""
    with _locked(key) as broadcast:
        _must_be(broadcast, Status.SCHEDULED, Status.RUNNING, Status.PAUSED)
        _take_back(broadcast)
        broadcast.status, broadcast.ended_at = Status.STOPPED, timezone.now()
        broadcast.save()


# ---- What the task does


def advance(now: datetime) -> None:
    """Goes on with all that are due. Safe to run twice, and at once: rows are locked, deliveries have keys."""
    due = Broadcast.objects.filter(status=Status.SCHEDULED, starts_at__lte=now)
    for key in [*due.values_list("pk", flat=True), *_running().values_list("pk", flat=True)]:
        while _advance_one(key, now):
            pass


def _advance_one(key: UUID, now: datetime) -> bool:
    """One batch, in a transaction of its own; True when there is more to do at once. A pause holds between two."""
    with transaction.atomic():
        broadcast = Broadcast.objects.select_for_update(skip_locked=True).filter(pk=key).first()
        if broadcast is None:
            return False
        if broadcast.status == Status.SCHEDULED:
            _run(broadcast)
        if broadcast.status != Status.RUNNING:
            return False
        room = _room(broadcast, now)
        made = 0 if broadcast.is_all_made or not room else _make(broadcast, min(room, BATCH))
        if broadcast.is_all_made and not progress(broadcast).waiting:
            _finish(broadcast)
        broadcast.save()
    return made == BATCH


def _room(broadcast: Broadcast, now: datetime) -> int:
    """How many deliveries may be made now, by its pace and by how many wait."""
    waiting = broadcast.deliveries.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.IN_FLIGHT]).count()
    room = settings.TELEGRAM_CALLS_PER_SEC * AHEAD_SECS - waiting
    if broadcast.per_minute:
        since = min(now - (broadcast.advanced_at or now), LONGEST_CATCH_UP)
        room = min(room, int(broadcast.per_minute * since / timedelta(minutes=1)))
    return max(0, room)


def _make(broadcast: Broadcast, count: int) -> int:
    """Deliveries for the next members; how many there were."""
    members = audience(broadcast).order_by("pk")
    if broadcast.reached:
        members = members.filter(pk__gt=broadcast.reached)
    batch = list(members[:count])
    enqueue(
        [_call(broadcast, member, member.language, key=f"broadcast:{broadcast.pk}:{member.pk}") for member in batch]
    )
    broadcast.advanced_at = timezone.now()
    broadcast.is_all_made = len(batch) < count
    if batch:
        broadcast.reached = batch[-1].pk
    return len(batch)


def _call(
    broadcast: Broadcast, member: User, language: str, *, key: str | None = None, priority: Priority = Priority.DIGEST
) -> Outgoing:
    assert member.telegram_id is not None
    with override(language):
        text = f"{broadcast.text_in(language)}\n\n{texts.how_to_switch_news_off()}"
    params = {"text": text, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    batch = broadcast.pk if key else None
    return Outgoing(member.telegram_id, "sendMessage", params, user=member, priority=priority, key=key, broadcast=batch)


def _run(broadcast: Broadcast) -> None:
    broadcast.status = Status.RUNNING
    broadcast.total = headcount(broadcast)
    broadcast.started_at = broadcast.advanced_at = timezone.now()


def _finish(broadcast: Broadcast) -> None:
    found = progress(broadcast)
    broadcast.results = {"delivered": found.delivered, "blocked": found.blocked, "failed": found.failed}
    broadcast.status, broadcast.ended_at = Status.FINISHED, timezone.now()


def _take_back(broadcast: Broadcast) -> None:
    """Deletes what no sender has claimed, and goes back to before the first of these. Those who got it have its key."""
    rows = broadcast.deliveries.filter(status=Delivery.Status.PENDING, attempts=0)
    rows = Delivery.objects.filter(pk__in=list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)))
    first = rows.order_by("user_id").values_list("user_id", flat=True).first()
    if first is None:
        return
    rows.delete()
    broadcast.reached = UUID(int=first.int - 1) if first.int else None
    broadcast.is_all_made = False


def _running() -> QuerySet[Broadcast]:
    return Broadcast.objects.filter(status=Status.RUNNING).order_by("started_at")


@contextmanager
def _locked(key: UUID) -> Iterator[Broadcast]:
    """The broadcast's row, locked until the block ends."""
    with transaction.atomic():
        yield Broadcast.objects.select_for_update().get(pk=key)


def _must_be(broadcast: Broadcast, *allowed: str) -> None:
    if broadcast.status not in allowed:
        raise BroadcastError(_("It is “%s” now: this cannot be done any more.") % broadcast.get_status_display())
