"""The outbox: what is written into it, who may send which row, and what became of it."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.notifications.models import Delivery, Priority
from apps.notifications.wake import wake_senders
from apps.users.models import User
from apps.users.services import mark_unreachable

log = structlog.get_logger(__name__)
Status = Delivery.Status

# A claimed row belongs to its sender for this long. The sender renews the lease while it sends (see sender.py), so a
# row whose sender was killed is free again when the lease runs out.
LEASE = timedelta(seconds=3)
FIRST_PAUSE_SECS = 0.5
LONGEST_PAUSE_SECS = 60.0
# The pauses up to here come to about 24 hours.
MAX_ATTEMPTS = 24 * 60


# ---- Writing


@dataclass(frozen=True)
class Outgoing:
    """One call of the Bot API to be made for a chat.

    `params` are as in the Bot API, without the chat, and may hold placeholders that are filled in when it is sent
    (see calls.py). Of two with the same `key` only the first is ever written. `user` is None for a chat of no member.
    """

    chat_id: int
    method: str
    params: Mapping[str, object]
    user: User | None = None
    priority: Priority = Priority.REPLY
    key: str | None = None


def enqueue(outgoing: Sequence[Outgoing]) -> list[Delivery | None]:
    """Writes the deliveries, to be sent once the caller's transaction is committed, in this order within each chat.

    Returns them in the same order; None for one whose key has been used before.
    """
    if not outgoing:
        return []
    rows = [
        Delivery(user=o.user, chat_id=o.chat_id, method=o.method, params=dict(o.params), priority=o.priority, key=o.key)
        for o in outgoing
    ]
    with transaction.atomic():
        written = _insert(rows)
        # One nudge is enough for a transaction, however many calls wrote into it.
        if wake_senders not in (hook[1] for hook in connection.run_on_commit):
            transaction.on_commit(wake_senders)
    return written


def retry_failed(deliveries: QuerySet[Delivery]) -> int:
    """Lets failed deliveries be sent again, with as many attempts as new ones. Returns how many of them there were."""
    count = deliveries.filter(status=Status.FAILED).update(status=Status.PENDING, attempts=0, due_at=Now(), error="")
    transaction.on_commit(wake_senders)
    return count


def _insert(rows: list[Delivery]) -> list[Delivery | None]:
    if not any(row.key for row in rows):
        return list(Delivery.objects.bulk_create(rows))
    # An insert that skips rows does not say which: number the rows first, and look which numbers have arrived.
    for row, number in zip(rows, _next_ids(len(rows)), strict=True):
        row.pk = number
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    written = set(Delivery.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    return [row if row.pk in written else None for row in rows]


def _next_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", ["notifications_delivery_id_seq", count])
        return [row[0] for row in cursor.fetchall()]


# ---- Sending

# Only the first unsent row of a chat may be claimed: that is what keeps the order within a chat, across all senders.
# A concurrent claim of the same row makes this one skip it: either it is locked, or, once committed, no longer due.
CLAIM = """
    WITH head AS MATERIALIZED (
        SELECT id FROM notifications_delivery AS waiting
        WHERE status IN ('pending', 'in_flight') AND due_at <= statement_timestamp() AND id <> ALL(%(held)s)
        AND NOT EXISTS (
            SELECT FROM notifications_delivery AS earlier
            WHERE earlier.chat_id = waiting.chat_id AND earlier.id < waiting.id
            AND earlier.status IN ('pending', 'in_flight')
        )
        ORDER BY priority, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE notifications_delivery AS delivery
    SET status = 'in_flight', attempts = attempts + 1, due_at = statement_timestamp() + %(lease)s
    FROM head WHERE delivery.id = head.id
    RETURNING delivery.*
"""


def claim(limit: int, *, held: Collection[int]) -> list[Delivery]:
    """Takes at most `limit` deliveries that are due for sending, the most urgent first, one of each chat.

    `held` are the ids that the caller is still sending: it may have failed to renew their leases in time.
    """
    claimed = Delivery.objects.raw(CLAIM, {"limit": limit, "held": list(held), "lease": LEASE})
    return sorted(claimed, key=lambda delivery: (delivery.priority, delivery.pk))


def renew_leases(ids: Collection[int]) -> None:
    """Says that the caller is alive and still sending these."""
    Delivery.objects.filter(pk__in=ids, status=Status.IN_FLIGHT).update(due_at=Now() + LEASE)


def record_sent(delivery: Delivery, message_id: int | None) -> None:
    """It has arrived, as this message if it was one. What it said is forgotten; all of it if it was for no member.

    Counts also when the lease has run out meanwhile: better not sent again by whoever claimed it then.
    """
    row = Delivery.objects.filter(pk=delivery.pk, status__in=[Status.PENDING, Status.IN_FLIGHT])
    if delivery.user_id is None:
        row.delete()
    else:
        row.update(status=Status.SENT, message_id=message_id, sent_at=Now(), params={}, error="")


def record_failure(delivery: Delivery, error: GatewayError) -> None:
    """It has not arrived. Where that may help it is tried again later and the rest of its chat waits; else it failed.

    When the chat cannot be reached, all that waits for it has failed.
    """
    log.warning(
        "delivery_failed",
        delivery=delivery.pk,
        method=delivery.method,
        attempt=delivery.attempts,
        error=type(error).__name__,
        permanent=error.permanent,
    )
    if isinstance(error, UnreachableError):
        _give_up_chat(delivery, error)
    elif error.permanent or delivery.attempts >= MAX_ATTEMPTS:
        _fail(_still_mine(delivery), error)
    else:
        pause = timedelta(seconds=_pause_secs(delivery, error))
        _still_mine(delivery).update(status=Status.PENDING, due_at=Now() + pause, error=_reason(error))


def _still_mine(delivery: Delivery) -> QuerySet[Delivery]:
    """The row, unless the lease ran out and another sender has claimed it since, or its member is erased."""
    return Delivery.objects.filter(pk=delivery.pk, status=Status.IN_FLIGHT, attempts=delivery.attempts)


def _give_up_chat(delivery: Delivery, error: UnreachableError) -> None:
    with transaction.atomic():
        for user in User.objects.filter(deliveries=delivery):
            mark_unreachable(user)
        _fail(_still_mine(delivery), error)
        _fail(Delivery.objects.filter(chat_id=delivery.chat_id, status=Status.PENDING), error)


def _fail(rows: QuerySet[Delivery], error: GatewayError) -> None:
    rows.filter(user=None).delete()
    rows.update(status=Status.FAILED, error=_reason(error))


def _pause_secs(delivery: Delivery, error: GatewayError) -> float:
    if isinstance(error, RateLimitedError):
        return error.retry_after_secs
    doublings = min(delivery.attempts - 1, 10)
    return min(LONGEST_PAUSE_SECS, FIRST_PAUSE_SECS * 2.0**doublings) * random.uniform(0.5, 1)  # noqa: S311 spreads load


def _reason(error: GatewayError) -> str:
    return str(error)[:200]
