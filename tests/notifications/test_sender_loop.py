"""The sender's loop in this process: several senders together, and what it does while a store is away."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DataError, OperationalError, connection
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from apps.notifications import sender as sender_module
from apps.notifications import services
from apps.notifications.limits import GO, Ask, Limits, Rates, Wait
from apps.notifications.models import Delivery, Priority
from apps.notifications.sender import Sender
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import User
from tests.fakes import FakeBotApi
from tests.notifications.conftest import tell

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["apps.users", "apps.notifications"])


def run_until(is_so: Callable[[], object], *senders: Sender, timeout_secs: float = 5) -> None:
    """Runs the senders until it is so, then stops them."""

    async def scenario() -> None:
        running = [asyncio.create_task(sender.run()) for sender in senders]
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_secs):
                while not is_so():
                    await asyncio.sleep(0.01)
        for sender in senders:
            sender.stop()
        await asyncio.gather(*running)

    async_to_sync(scenario)()


def without_database(times: int, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The first calls of this function of the outbox find no database."""
    real = getattr(services, name)
    failures = iter(range(times))

    def sometimes(*args: object, **kwargs: object) -> object:
        if next(failures, None) is not None:
            raise OperationalError("the connection is closed")
        return real(*args, **kwargs)

    monkeypatch.setattr(services, name, sometimes)


def test_it_shares_the_work_among_senders_without_sending_twice() -> None:
    enqueue([Outgoing(chat, "sendMessage", {"text": str(number)}) for number in range(3) for chat in range(1, 31)])

    def claim_all() -> list[int]:
        claimed: list[int] = []
        while batch := services.claim({Priority.REPLY: 4}, held=()):
            claimed += [delivery.pk for delivery in batch]
        connection.close()
        return claimed

    with ThreadPoolExecutor(4) as pool:
        claimed = [work.result() for work in [pool.submit(claim_all) for _ in range(4)]]

    first_of_each_chat = list(Delivery.objects.order_by("pk").values_list("pk", flat=True)[:30])
    assert sorted(pk for share in claimed for pk in share) == first_of_each_chat


def test_it_keeps_the_order_of_every_chat_among_senders() -> None:
    class SlowApi(FakeBotApi):
        async def call(self, *args: object, **kwargs: object) -> object:
            await asyncio.sleep(0.01)
            return await super().call(*args, **kwargs)  # type: ignore[arg-type]

    api = SlowApi()
    enqueue([Outgoing(chat, "sendMessage", {"text": str(number)}) for number in range(5) for chat in (1, 2, 3)])

    run_until(lambda: len(api.calls) == 15, Sender(api), Sender(api), Sender(api))

    assert [api.texts_to(chat) for chat in (1, 2, 3)] == [["0", "1", "2", "3", "4"]] * 3


def test_it_says_once_that_the_database_is_away_and_goes_on(
    ann: User, api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_database(3, monkeypatch, "claim")
    tell(ann, "hello")

    with capture_logs() as logs:
        run_until(lambda: api.calls, Sender(api))

    assert api.texts_to(ann.telegram_id) == ["hello"]
    assert [line["event"] for line in logs] == ["database_away"]


def test_it_does_not_send_twice_because_the_database_was_away_when_it_had_sent(
    ann: User, api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "RETRY_SECS", 0.05)
    without_database(2, monkeypatch, "record_sent")
    tell(ann, "hello")

    run_until(lambda: api.calls, Sender(api))

    assert len(api.attempts) == 1
    assert ann.deliveries.get().status == Delivery.Status.SENT


def test_it_stops_even_while_the_database_is_away(api: FakeBotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    without_database(1000, monkeypatch, "claim")

    run_until(lambda: True, Sender(api))

    assert api.attempts == []


def test_it_looks_more_often_while_redis_is_away(ann: User, api: FakeBotApi, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    sender = Sender(api)
    written = []

    def write_a_little_later() -> bool:
        if sender._sweep_secs == sender_module.SWEEP_WITHOUT_REDIS_SECS and not written:
            written.append(asyncio.get_running_loop().run_in_executor(None, write))
        return bool(api.calls)

    def write() -> None:
        tell(ann, "hello")
        connection.close()

    with capture_logs() as logs:
        run_until(write_a_little_later, sender, timeout_secs=2)

    assert api.texts_to(ann.telegram_id) == ["hello"]
    assert "redis_away" in [line["event"] for line in logs]


def test_it_gives_up_on_what_takes_too_long_to_finish(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class SilentApi(FakeBotApi):
        async def call(self, *args: object, **kwargs: object) -> object:
            self.calls.append(None)  # type: ignore[arg-type]
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(sender_module, "STOP_TIMEOUT_SECS", 0.1)
    api = SilentApi()
    tell(ann, "hello")

    run_until(lambda: api.calls, Sender(api))

    assert ann.deliveries.get().status == Delivery.Status.IN_FLIGHT  # until its lease runs out


def test_it_does_not_send_over_and_over_what_it_cannot_record(
    ann: User, api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise DataError  # of any batch, and of each alone

    monkeypatch.setattr(services, "LEASE", timedelta(seconds=0.05))
    monkeypatch.setattr(services, "record_sent", refused)
    tell(ann, "hello")

    with capture_logs() as logs:
        run_until(lambda: False, Sender(api), timeout_secs=1.5)

    assert len(api.attempts) == 1
    assert [line["event"] for line in logs] == ["delivery_not_recorded"]


def test_it_is_not_held_up_by_many_whose_chat_has_to_wait(api: FakeBotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    class OneChatWaits(Limits):
        async def take(self, asks: Sequence[Ask]) -> list[Wait]:
            return [Wait(60, of_chat=True) if ask.chat_id < 10 else GO for ask in asks]

    monkeypatch.setattr(sender_module, "BATCH", 3)
    limits = OneChatWaits(settings.REDIS_URL, Rates(30))
    enqueue([Outgoing(chat, "sendMessage", {"text": "hello"}) for chat in range(1, 12)])

    run_until(lambda: len(api.calls) == 2, Sender(api, limits=limits))

    assert [call.chat_id for call in api.calls] == [10, 11]
    waiting = Delivery.objects.filter(status="pending", due_at__gt=timezone.now() + timedelta(seconds=30))
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    assert waiting.count() == 9


def test_it_gives_back_what_waits_for_its_turn_when_it_stops(api: FakeBotApi) -> None:
    class NobodyMay(Limits):
        async def take(self, asks: Sequence[Ask]) -> list[Wait]:
            return [Wait(60)] * len(asks)

    enqueue([Outgoing(1, "sendMessage", {"text": "hello"})])
    sender = Sender(api, limits=NobodyMay(settings.REDIS_URL, Rates(30)))

    run_until(lambda: len(sender._lanes), sender)

    assert api.attempts == []
    assert Delivery.objects.filter(status="pending", attempts=0, due_at__lte=timezone.now()).count() == 1
