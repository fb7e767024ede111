"""The process that makes the calls of the outbox: many chats at once, one delivery of each chat at a time.

Four loops, which work in batches. One claims rows (services.claim) into lanes, one for each priority. One asks the
limits which of them may go now and starts their calls. One records what became of them. One renews the leases of all
that is held: a sender that was killed renews nothing, so what it held is claimed again within the lease plus a sweep
(under five seconds), by another sender or by itself restarted. No lock depends on a connection, so pgbouncer may stand
between. A chat's next row can only be claimed once the one before is recorded: a kill doubles at most the one call in
flight of each chat.

The order within chats and pauses of one chat are decided in the claim (services.py), whose turn it is among what is
held in lanes.py, how many may go in limits.py.
"""

import asyncio
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections
from redis import RedisError

from apps.core.errors import AwayError, GatewayError, RateLimitedError
from apps.core.gateways.telegram import JSON, BotApi
from apps.core.resilience.policies import TELEGRAM
from apps.notifications import calls, services
from apps.notifications.calls import Call
from apps.notifications.lanes import Held, Lanes
from apps.notifications.limits import GO, Ask, Limits, Wait
from apps.notifications.models import Delivery
from apps.notifications.services import HeldUp, Outcome
from apps.notifications.wake import count_senders, nudges
from apps.users.models import Photo

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_AWAY = (OperationalError, InterfaceError)

log = structlog.get_logger(__name__)
CONCURRENCY = 192
# Of that, what all but replies may take: they find room even while Telegram is slow.
COMMON_SHARE = 0.75
# Deliveries asked for in one round trip to the limits.
BATCH = 64
SWEEP_SECS = 1.0
# Nobody wakes the sender while Redis is away.
SWEEP_WITHOUT_REDIS_SECS = 0.2
RENEWAL_SECS = services.LEASE.total_seconds() / 3
STOP_TIMEOUT_SECS = 10.0
RETRY_SECS = 1.0
LOOK_AT_BREAKER_SECS = 0.1
# Rows are claimed, and outcomes recorded, no more often than this: each time with many.
PACE_SECS = 0.01
# Limits are asked no more often than this. What a chat's limit holds up for longer is given back.
TICK_SECS = 0.006
LONGEST_HOLD_SECS = 0.25


class Sender:
    """Delivers through `api`, at most `concurrency` chats at once; `limits` None: as fast as it can.

    `depth` is how many deliveries of each priority wait here for their turn, besides those that are being sent.
    """

    def __init__(
        self,
        api: BotApi,
        *,
        limits: Limits | None = None,
        concurrency: int = CONCURRENCY,
        depth: int | None = None,
    ) -> None:
        self._api = api
        self._limits = limits
        self._concurrency = concurrency
        self._lanes = Lanes(depth or concurrency)
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._outcomes: list[Outcome] = []
        self._unrecorded: set[int] = set()
        self._look, self._turn, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._stopping = self._is_done = False
        self._sweep_secs = SWEEP_SECS
        self._database_away = False

    async def run(self) -> None:
        """Delivers until stop() is called, then waits for what is in flight, STOP_TIMEOUT_SECS at most."""
        async with asyncio.TaskGroup() as group:
            listener = asyncio.create_task(self._listen())
            leases = group.create_task(self._keep_leases())
            recorder = group.create_task(self._record())
            await asyncio.wait([group.create_task(self._claim()), group.create_task(self._let_go())])
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_SECS):
                    while self._in_flight or self._outcomes:
                        await asyncio.sleep(TICK_SECS)
                    self._is_done = True
                    self._news.set()
                    await asyncio.shield(recorder)
            self._is_done = True
            for task in [leases, recorder, *self._in_flight.values()]:
                task.cancel()
        await _end(listener)
        with suppress(*DATABASE_AWAY):
            await self._give_back()

    def stop(self) -> None:
        """Nothing more is claimed or begun; run() returns soon."""
        self._stopping = True
        self._look.set()
        self._turn.set()

    async def run_once(self) -> int:
        """Sends the deliveries that are due now, one of each chat at most. Returns how many it tried to send."""
        count = await self._claim_due()
        await self._start_next()
        count -= len(self._lanes)
        await asyncio.gather(*self._in_flight.values())
        await self._give_back()
        return count

    # ---- Claiming

    async def _claim(self) -> None:
        while not self._stopping:
            self._look.clear()
            with suppress(*DATABASE_AWAY):
                await self._claim_due()
            await asyncio.sleep(PACE_SECS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), self._sweep_secs)

    async def _claim_due(self) -> int:
        """Fills the lanes. Returns how many it has claimed."""
        room = self._lanes.room()
        if not room or TELEGRAM.is_resting:
            return 0
        claimed = await self._in_database(_claim_and_prepare, room, self._held())
        now = time.monotonic()
        for delivery, call in claimed:
            if isinstance(call, Call):
                self._lanes.add(Held(delivery, call, now))
            else:
                self._came_out(delivery, call)
        if claimed:
            self._turn.set()
            self._look.set()
        return len(claimed)

    def _held(self) -> tuple[int, ...]:
        return (*self._lanes.ids, *self._in_flight, *self._unrecorded)

    # ---- Sending

    async def _let_go(self) -> None:
        while not self._stopping:
            self._turn.clear()
            pause = await self._start_next()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn.wait(), pause)

    async def _start_next(self) -> float | None:
        """Starts what may go now. Returns the seconds until something may change by itself; None: nothing will."""
        now = time.monotonic()
        room = TELEGRAM.admits(min(BATCH, self._concurrency - len(self._in_flight)))
        turns = self._lanes.turns(room, now)
        common = int(self._concurrency * COMMON_SHARE) - len(self._in_flight)
        if common < len(turns):
            turns = [held for number, held in enumerate(turns) if held.is_urgent or number < common]
        waits = await self._ask(turns)
        for held, wait in zip(turns, waits, strict=True):
            if wait is GO:
                self._start(held)
            elif wait.of_chat:
                self._hold_up(held, now + wait.secs, wait.secs)
        if GO in waits:
            self._look.set()  # there is room in a lane
        return self._next_change(waits, now)

    def _next_change(self, waits: list[Wait], now: float) -> float | None:
        if not TELEGRAM.is_closed:  # one call at a time finds out
            return LOOK_AT_BREAKER_SECS
        everybody = [wait.secs for wait in waits if wait is not GO and not wait.of_chat]
        if everybody:
            return max(TICK_SECS, min(everybody))
        if waits and self._concurrency > len(self._in_flight):
            return 0.0  # each of these is gone or has a time now: others may be next
        return max(TICK_SECS, self._lanes.next_ready - now) if self._lanes.next_ready else None

    async def _ask(self, turns: list[Held]) -> list[Wait]:
        if self._limits is None:
            return [GO] * len(turns)
        return await self._limits.take([_ask_for(held) for held in turns])

    def _start(self, held: Held) -> None:
        self._lanes.let_through(held)
        pk = held.delivery.pk
        self._in_flight[pk] = asyncio.create_task(self._deliver(held))

    def _hold_up(self, held: Held, until: float, secs: float) -> None:
        held.not_before = until
        if secs > LONGEST_HOLD_SECS:
            self._lanes.remove(held)
            self._came_out(held.delivery, HeldUp(secs))

    async def _deliver(self, held: Held) -> None:
        delivery = held.delivery
        result: int | GatewayError | None
        try:
            result = await self._send(held.call)
        except RateLimitedError as error:
            result = error
            if self._limits and await self._limits.refused(delivery.chat_id, error.retry_after_secs):
                log.warning("telegram_refuses_all", secs=error.retry_after_secs)
        except GatewayError as error:
            result = error
        except Exception as error:  # noqa: BLE001 a bug costs this delivery, not the sender
            result = GatewayError(_what_and_where(error), permanent=True)
        self._came_out(delivery, result)
        del self._in_flight[delivery.pk]
        self._turn.set()

    async def _send(self, call: Call) -> int | None:
        try:
            result = await self._make(call)
        except GatewayError as error:
            instead = calls.instead_of(call, error)
            result = await self._make(instead) if instead else True
        return calls.message_id_of(call, result)

    async def _make(self, call: Call) -> JSON:
        try:
            files = {name: await asyncio.to_thread(_read, photo) for name, photo in call.uploads.items()}
        except _MediaAwayError as error:
            return await self._make(calls.without_photos(call, error))
        result = await self._api.call(call.method, call.params, files)
        if files:
            await self._persist(calls.learn_file_ids, call, result)
        return result

    # ---- Recording

    def _came_out(self, delivery: Delivery, result: int | HeldUp | GatewayError | None) -> None:
        self._unrecorded.add(delivery.pk)
        self._outcomes.append((delivery, result))
        self._news.set()

    async def _record(self) -> None:
        while not self._is_done:
            await self._news.wait()
            await self._record_outcomes()
            await asyncio.sleep(PACE_SECS)

    async def _record_outcomes(self) -> None:
        """What cannot be recorded stays held: it would be sent over and over."""
        self._news.clear()
        outcomes, self._outcomes = self._outcomes, []
        if outcomes:
            failed = await self._persist(services.record, outcomes)
            self._unrecorded -= {delivery.pk for delivery, _ in outcomes if delivery.pk not in failed}
            self._look.set()  # there may be a next one for the same chats

    async def _give_back(self) -> None:
        """Records what is left to record, and lets others have what waits here."""
        await self._record_outcomes()
        waiting = dict.fromkeys(self._lanes.ids, 0.0)
        if waiting:
            await self._in_database(services.postpone, waiting)
            self._lanes.clear()

    async def _keep_leases(self) -> None:
        while not self._is_done:
            await asyncio.sleep(RENEWAL_SECS)
            if held := self._held():
                with suppress(*DATABASE_AWAY):
                    await self._in_database(services.renew_leases, held)
            if self._limits:
                self._limits.senders = await count_senders() or self._limits.senders

    async def _listen(self) -> None:
        while not self._is_done:
            try:
                async for _ in nudges():
                    self._sweep_secs = SWEEP_SECS
                    self._look.set()
            except (RedisError, OSError) as error:
                if self._sweep_secs != SWEEP_WITHOUT_REDIS_SECS:
                    log.warning("redis_away", error=type(error).__name__)
                self._sweep_secs = SWEEP_WITHOUT_REDIS_SECS
            await asyncio.sleep(RETRY_SECS)

    async def _persist(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As _in_database, but waits while PostgreSQL is away: what became of a delivery in flight must not be lost."""
        while True:
            with suppress(*DATABASE_AWAY):
                return await self._in_database(function, *args, **kwargs)
            await asyncio.sleep(RETRY_SECS)

    async def _in_database(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, from the one thread that talks to the database. Logs once that PostgreSQL is away."""
        try:
            result = await sync_to_async(function)(*args, **kwargs)
        except DATABASE_AWAY as error:
            await sync_to_async(close_old_connections)()
            if not self._database_away:
                log.error("database_away", error=type(error).__name__)
            self._database_away = True
            raise
        self._database_away = False
        return result


class _MediaAwayError(AwayError):
    """The photo may be had later, but its chat does not wait for it."""


async def _end(listener: asyncio.Task[None]) -> None:
    """Cancels it, again where the connection's own error handling has swallowed that."""
    for _ in range(3):
        listener.cancel()
        if (await asyncio.wait([listener], timeout=RETRY_SECS))[0]:
            return


Prepared = tuple[Delivery, Call | GatewayError | None]


def _claim_and_prepare(room: dict[int, int], held: tuple[int, ...]) -> list[Prepared]:
    return [(delivery, _prepare(delivery)) for delivery in services.claim(room, held=held)]


def _prepare(delivery: Delivery) -> Call | GatewayError | None:
    """None when nothing is to be sent."""
    try:
        return calls.prepare(delivery)
    except DATABASE_AWAY:
        raise
    except GatewayError as error:
        return error
    except Exception as error:  # noqa: BLE001 as in _deliver
        return GatewayError(_what_and_where(error), permanent=True)


def _ask_for(held: Held) -> Ask:
    return Ask(held.delivery.chat_id, held.is_urgent, not held.call.method.startswith(_NO_NEW_MESSAGE))


_NO_NEW_MESSAGE = ("edit", "delete", "answer", "sendChatAction", "pin", "set")


def _read(photo: Photo) -> bytes:
    try:
        with photo.file.open("rb") as stored:
            return bytes(stored.read())
    except FileNotFoundError:
        raise GatewayError("the stored photo is missing", permanent=True) from None
    except Exception as error:  # whatever the storage's driver raises, the store may be back later
        raise _MediaAwayError(f"media store: {type(error).__name__}") from error


def _what_and_where(error: Exception) -> str:
    """Never what the exception says: that may be what a member wrote."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
