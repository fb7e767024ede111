"""Updates on their way to the bot: put into queues here, and settled when the bot has taken them."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.simulator.models import QUERY_LIFETIME, BotUpdate, Webhook
from apps.simulator.schemas import JsonObject
from apps.simulator.wakeups import wake

MESSAGE_LIFETIME = timedelta(hours=24)
MAX_GAP_SECS = 60
MAX_RETRY_AFTER_SECS = 3600
ENQUEUE_LOCK = 0x6D656574


def enqueue(kind: str, payload: JsonObject, queue: str) -> None:
    """Adds an update, unless the bot asked for other kinds only. Runs inside the transaction that caused it."""
    allowed = Webhook.objects.filter(pk=1).values_list("allowed_updates", flat=True).first()
    if allowed and kind not in allowed:
        return
    lifetime = QUERY_LIFETIME if kind.endswith("_query") else MESSAGE_LIFETIME
    with connection.cursor() as cursor:
        # Ids must become visible in order: getUpdates confirms everything below an offset.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ENQUEUE_LOCK])
    BotUpdate.objects.create(queue=queue, payload={kind: payload}, expires_at=timezone.now() + lifetime)
    wake()


def pending() -> QuerySet[BotUpdate]:
    return BotUpdate.objects.filter(status=BotUpdate.Status.PENDING)


def queue_heads(excluding: Collection[str]) -> list[BotUpdate]:
    """The oldest pending update of each queue, but for the queues named; due ones and waiting ones alike."""
    heads = pending().exclude(queue__in=excluding).order_by("queue", "update_id").distinct("queue")
    return sorted(heads, key=lambda update: update.update_id)


def settle(update: BotUpdate) -> None:
    """Marks an update as received by the bot."""
    BotUpdate.objects.filter(pk=update.pk).update(status=BotUpdate.Status.DELIVERED, attempts=update.attempts + 1)


def postpone(update: BotUpdate, *, retry_after_secs: int = 0) -> datetime:
    """Plans the next attempt and returns its time: at once after a first failure, then with doubling gaps."""
    gap = 0 if update.attempts == 0 else min(2 ** (update.attempts - 1), MAX_GAP_SECS)
    if retry_after_secs > 0:
        gap = min(retry_after_secs, MAX_RETRY_AFTER_SECS)
    at = timezone.now() + timedelta(seconds=gap)
    BotUpdate.objects.filter(pk=update.pk).update(attempts=update.attempts + 1, next_attempt_at=at)
    return at


def drop_expired() -> int:
    return pending().filter(expires_at__lte=timezone.now()).update(status=BotUpdate.Status.EXPIRED)


def drop_pending() -> None:
    pending().update(status=BotUpdate.Status.EXPIRED)
