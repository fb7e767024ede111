"""The process that makes the calls of the outbox: many chats at once, one delivery of each chat at a time.

Any number of senders may run. Each claims rows by one statement (services.claim) that gives it a lease of a few
seconds, and renews the leases of what it is sending every second. One that was killed renews nothing: what it held is
claimed again within the lease plus a sweep (under five seconds), by another sender or by itself restarted. No lock
depends on a connection, so pgbouncer may stand between. A row is marked as soon as its call is answered: a kill doubles
at most the one call in flight of each chat.

Priorities, the order within chats and pauses are all decided in the claim: see services.py.
"""

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections
from redis import RedisError

from apps.core.errors import AwayError, GatewayError
from apps.core.gateways.telegram import JSON, BotApi
from apps.core.resilience.policies import TELEGRAM
from apps.notifications import calls, services
from apps.notifications.calls import Call
from apps.notifications.models import Delivery
from apps.notifications.wake import nudges
from apps.users.models import Photo

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_AWAY = (OperationalError, InterfaceError)

log = structlog.get_logger(__name__)
CONCURRENCY = 64
SWEEP_SECS = 1.0
# Nobody wakes the sender while Redis is away.
SWEEP_WITHOUT_REDIS_SECS = 0.2
RENEWAL_SECS = services.LEASE.total_seconds() / 3
STOP_TIMEOUT_SECS = 10.0
RETRY_SECS = 1.0


class Sender:
    """Delivers through `api`, at most `concurrency` chats at once."""

    def __init__(self, api: BotApi, *, concurrency: int = CONCURRENCY) -> None:
        self._api = api
        self._concurrency = concurrency
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._look = asyncio.Event()
        self._stopping = False
        self._sweep_secs = SWEEP_SECS
        self._database_away = False

    async def run(self) -> None:
        """Delivers until stop() is called, then waits for what is in flight, STOP_TIMEOUT_SECS at most."""
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(self._keep_leases()), group.create_task(self._listen())]
            while not self._stopping:
                self._look.clear()
                claimed = 0
                with suppress(*DATABASE_AWAY):
                    claimed = await self._start_due()
                if not claimed:
                    await self._pause()
            if self._in_flight:
                await asyncio.wait(self._in_flight.values(), timeout=STOP_TIMEOUT_SECS)
            for task in [*helpers, *self._in_flight.values()]:
                task.cancel()

    def stop(self) -> None:
        """Nothing more is claimed; run() returns soon."""
        self._stopping = True
        self._look.set()

    async def run_once(self) -> int:
        """Sends the deliveries that are due now, one of each chat at most. Returns how many it tried to send."""
        count = await self._start_due()
        await asyncio.gather(*self._in_flight.values())
        return count

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), self._sweep_secs)

    async def _start_due(self) -> int:
        room = TELEGRAM.admits(self._concurrency - len(self._in_flight))
        if not room:
            return 0
        claimed = await self._in_database(services.claim, room, held=tuple(self._in_flight))
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            self._in_flight[delivery.pk] = task
            task.add_done_callback(partial(self._landed, delivery.pk))
        return len(claimed)

    def _landed(self, pk: int, task: asyncio.Task[None]) -> None:
        self._look.set()  # there is room, and perhaps a next one for the same chat
        if not task.cancelled() and (error := task.exception()):
            # It stays held: what cannot be recorded as sent would be sent over and over.
            log.error("delivery_not_recorded", delivery=pk, error=type(error).__name__)
        else:
            del self._in_flight[pk]

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            message_id = await self._send(delivery)
        except GatewayError as error:
            await self._persist(services.record_failure, delivery, error)
        except Exception as error:  # noqa: BLE001 a bug costs this delivery, not the sender
            failure = GatewayError(_what_and_where(error), permanent=True)
            await self._persist(services.record_failure, delivery, failure)
        else:
            await self._persist(services.record_sent, delivery, message_id)

    async def _send(self, delivery: Delivery) -> int | None:
        call = await self._persist(calls.prepare, delivery)
        if call is None:
            return None
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

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECS)
            if self._in_flight:
                with suppress(*DATABASE_AWAY):
                    await self._in_database(services.renew_leases, tuple(self._in_flight))

    async def _listen(self) -> None:
        while True:
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
