"""The outbox: what is written into it, who may send which row, and what became of it."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from django.db.models.functions import Now

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.core.prepared import PreparedInsert, PreparedPair, models_of
from apps.notifications.models import CHATLESS, Delivery, Priority
from apps.notifications.wake import wake_senders
from apps.users.models import User
from apps.users.services import mark_unreachable

Row = TypeVar("Row", bound=Model)
OutcomeRow = TypeVar("OutcomeRow", bound=tuple[Delivery, object])

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

_WRITE = PreparedInsert(lambda: Delivery)


@dataclass(frozen=True)
class Outgoing:
    """One call of the Bot API to be made for a chat.

    `params` are as in the Bot API, without the chat, and may hold placeholders that are filled in when it is sent
    (see calls.py). Of two with the same `key` only the first is ever written. `user` is None for a chat of no member.
    `broadcast` is the id of the one that this is part of.
    """

    chat_id: int
    method: str
    params: Mapping[str, object]
    user: User | None = None
    priority: Priority = Priority.REPLY
    key: str | None = None
    broadcast: UUID | None = None


def enqueue(outgoing: Sequence[Outgoing]) -> None:
    """Writes the deliveries, to be sent once the caller's transaction is committed, in this order within each chat.

    Not those whose key has been used before.
    """
    if not outgoing:
        return
    with transaction.atomic(savepoint=False):
        for each in outgoing:
            _WRITE.once(_delivery(each))
        _nudge_after_commit()


def enqueue_with(write: PreparedPair[Row, Delivery], row: Row, outgoing: Outgoing) -> None:
    """Writes a delivery without a key along with a row that refers to it; neither when that row is there already.

    In the caller's transaction, at its end at the latest.
    """
    write.once(row, _delivery(outgoing))
    _nudge_after_commit()


def _delivery(outgoing: Outgoing) -> Delivery:
    return Delivery(
        user=outgoing.user,
        chat_id=outgoing.chat_id,
        method=outgoing.method,
        params=dict(outgoing.params),
        priority=outgoing.priority,
        key=outgoing.key,
        broadcast_id=outgoing.broadcast,
    )


def _nudge_after_commit() -> None:
    """One nudge is enough for a transaction, however many calls wrote into it."""
    if wake_senders not in (hook[1] for hook in connection.run_on_commit):
        transaction.on_commit(wake_senders)


def retry_failed(deliveries: QuerySet[Delivery]) -> int:
    """Lets failed deliveries be sent again, with as many attempts as new ones. Returns how many of them there were."""
    count = deliveries.filter(status=Status.FAILED).update(status=Status.PENDING, attempts=0, due_at=Now(), error="")
    transaction.on_commit(wake_senders)
    return count


# ---- Sending

# Only the first unsent row of a chat may be claimed: that is what keeps the order within a chat, across all senders.
# A concurrent claim of the same row makes this one skip it: either it is locked, or, once committed, no longer due.
# Each priority has a lane of its own, so that a claim finds the urgent ones however many others wait. Ids go from one
# step to the next as arrays: by joins PostgreSQL, which cannot know how few they are, would read the whole table. As
# it would for a lane that is empty while a broadcast waits, if the order were by id alone: the primary key has that.
CLAIM = """
    WITH head AS MATERIALIZED (
        SELECT due.id FROM unnest(%(priorities)s::int[], %(rooms)s::int[]) AS lane (priority, room)
        CROSS JOIN LATERAL (
            SELECT id FROM notifications_delivery AS waiting
            WHERE waiting.priority BETWEEN lane.priority AND lane.priority AND status IN ('pending', 'in_flight')
            AND due_at <= statement_timestamp() AND id <> ALL(%(held)s)
            AND NOT EXISTS (
                SELECT FROM notifications_delivery AS earlier
                WHERE earlier.chat_id = waiting.chat_id AND earlier.id < waiting.id
                AND earlier.status IN ('pending', 'in_flight')
            )
            ORDER BY waiting.priority, id LIMIT lane.room FOR UPDATE SKIP LOCKED
        ) AS due
    )
    UPDATE notifications_delivery AS delivery
    SET status = 'in_flight', attempts = attempts + 1, due_at = statement_timestamp() + %(lease)s
    WHERE delivery.id = ANY(ARRAY(SELECT id FROM head))
    RETURNING id, user_id, chat_id, method, params, priority, status, attempts, broadcast_id
"""
# What an urgent delivery has to wait for, because it was written earlier for the same chat, becomes as urgent.
HURRY = """
    WITH hurried AS MATERIALIZED (
        SELECT slow.id, urgent.priority
        FROM (
            SELECT id, chat_id, priority FROM notifications_delivery
            WHERE priority < %(last)s AND status = 'pending' ORDER BY priority, id LIMIT %(most)s
        ) AS urgent
        CROSS JOIN LATERAL (
            SELECT id FROM notifications_delivery AS earlier
            WHERE earlier.chat_id = urgent.chat_id AND earlier.id < urgent.id
            AND earlier.status = 'pending' AND earlier.priority > urgent.priority
            ORDER BY id FOR UPDATE SKIP LOCKED
        ) AS slow
    )
    UPDATE notifications_delivery AS delivery
    SET priority = (SELECT min(hurried.priority) FROM hurried WHERE hurried.id = delivery.id)
    WHERE delivery.id = ANY(ARRAY(SELECT id FROM hurried))
"""
HURRIED_AT_ONCE = 1000


def claim(limits: Mapping[int, int], *, held: Collection[int]) -> list[Delivery]:
    """Takes deliveries that are due for sending, one of each chat, at most so many of each priority.

    In order of priority and writing. `held` are the ids that the caller is still sending: it may have failed to renew
    their leases in time.
    """
    lanes = {"priorities": list(limits), "rooms": list(limits.values())}
    asked: dict[str, Any] = {**lanes, "held": list(held), "lease": LEASE}
    with connection.cursor() as cursor:
        cursor.execute(HURRY, {"last": max(Priority), "most": HURRIED_AT_ONCE})
        # planned each time: how much waits changes within seconds
        cursor.execute(CLAIM, asked)
        claimed = models_of(Delivery, cursor)
    return sorted(claimed, key=lambda delivery: (delivery.priority, delivery.pk))


def postpone(waits: Mapping[int, float]) -> None:
    """Gives back claimed deliveries, by id, to be sent in so many seconds at the soonest: as if never claimed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_delivery SET status = 'pending', attempts = attempts - 1,"
            " due_at = statement_timestamp() + secs * interval '1 second'"
            " FROM unnest(%s::bigint[], %s::float[]) AS wait (pk, secs) WHERE id = pk AND status = 'in_flight'",
            [list(waits), list(waits.values())],
        )


def renew_leases(ids: Collection[int]) -> None:
    """Says that the caller is alive and still sending these."""
    Delivery.objects.filter(pk__in=ids, status=Status.IN_FLIGHT).update(due_at=Now() + LEASE)


@dataclass(frozen=True)
class HeldUp:
    """It has not been tried, for its chat's limit did not let it: after so many seconds it may be."""

    secs: float


# A delivery and what became of it: the id of the message that it is now (None: it is none), or why it is none.
Outcome = tuple[Delivery, int | HeldUp | GatewayError | None]


def record(outcomes: Sequence[Outcome]) -> set[int]:
    """Writes down what became of claimed deliveries; the ids of those of which it could not be.

    Safe to run twice, as after a connection that broke half way: what is recorded is not in flight any more.
    """
    sent = [(delivery, what) for delivery, what in outcomes if what is None or isinstance(what, int)]
    failed = [(delivery, what) for delivery, what in outcomes if isinstance(what, GatewayError)]
    postponed = {delivery.pk: what.secs for delivery, what in outcomes if isinstance(what, HeldUp)}
    unrecorded: set[int] = set()
    if sent:
        unrecorded |= _attempt(record_sent, sent)
    for delivery, error in failed:
        unrecorded |= _attempt(lambda rows: record_failure(*rows[0]), [(delivery, error)])
    if postponed:
        postpone(postponed)
    return unrecorded


def _attempt(write: Callable[[Sequence[OutcomeRow]], None], rows: Sequence[OutcomeRow]) -> set[int]:
    """Writes them together or, where that fails, one by one; the ids of those that cannot be written."""
    try:
        write(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 one that cannot be written must not cost the others
        if len(rows) > 1:
            return set().union(*(_attempt(write, [row]) for row in rows))
        log.error("delivery_not_recorded", delivery=rows[0][0].pk, error=type(error).__name__)
        return {rows[0][0].pk}
    return set()


def record_sent(sent: Sequence[tuple[Delivery, int | None]]) -> None:
    """These have arrived, as these messages where they were one. What they said is forgotten; all if for no member.

    Counts also when the lease has run out meanwhile: better not sent again by whoever claimed it then.
    """
    for_members = [(delivery.pk, message_id) for delivery, message_id in sent if delivery.user_id]
    for_strangers = [delivery.pk for delivery, _ in sent if not delivery.user_id]
    if for_members:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET status = 'sent', message_id = message, params = '', error = '',"
                " sent_at = statement_timestamp() FROM unnest(%s::bigint[], %s::bigint[]) AS sent (pk, message)"
                " WHERE id = pk AND status IN ('pending', 'in_flight')",
                [list(column) for column in zip(*for_members, strict=True)],
            )
    if for_strangers:
        with connection.cursor() as cursor:  # nothing refers to these, which Django would look for
            cursor.execute(
                "DELETE FROM notifications_delivery WHERE id = ANY(%s) AND status IN ('pending', 'in_flight')",
                [for_strangers],
            )


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
        waiting = Delivery.objects.filter(chat_id=delivery.chat_id, status=Status.PENDING)
        _fail(waiting.exclude(method__in=CHATLESS), error)


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
