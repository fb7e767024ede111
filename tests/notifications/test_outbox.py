"""Writing deliveries."""

import asyncio
import os
import sys
from threading import Event
from uuid import uuid4

import pytest
from django.conf import settings as current
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings
from structlog.testing import capture_logs

from apps.core.impatient_redis import impatient_redis
from apps.core.resilience.policies import REDIS
from apps.notifications import wake
from apps.notifications.models import Delivery
from apps.notifications.services import Outgoing, enqueue, retry_failed
from apps.users.models import User
from tests.concurrency import wait_until
from tests.fakes import FakeBotApi, deliver_all
from tests.notifications.conftest import tell
from tests.plans import round_trips

pytestmark = pytest.mark.django_db


def said(text: str, *, key: str | None = None, chat_id: int = 1) -> Outgoing:
    return Outgoing(chat_id, "sendMessage", {"text": text}, key=key)


def test_it_sends_in_the_order_of_writing(api: FakeBotApi) -> None:
    enqueue([said("one"), said("two", key="match:1"), said("three")])
    enqueue([said("four")])

    assert deliver_all(api).texts_to(1) == ["one", "two", "three", "four"]


def test_it_writes_what_has_the_same_key_once(api: FakeBotApi) -> None:
    enqueue([said("first", key="match:1")])
    enqueue([said("again", key="match:1"), said("other", key="match:2"), said("twin", key="match:2"), said("plain")])

    assert deliver_all(api).texts_to(1) == ["first", "other", "plain"]


def test_it_sends_nothing_of_what_was_rolled_back(api: FakeBotApi) -> None:
    with transaction.atomic():
        enqueue([said("never")])
        transaction.set_rollback(True)

    assert deliver_all(api).calls == []


def test_it_writes_nothing_when_there_is_nothing_to_say(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        enqueue([])


def test_it_writes_any_number_in_one_round_trip() -> None:
    with round_trips() as trips:
        enqueue([said(str(number)) for number in range(50)])
        assert Delivery.objects.count() == 50

    [trip] = trips
    assert trip[-50:] == ["INSERT"] * 50


def test_it_wakes_the_senders_once_for_a_transaction(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        enqueue([said("one"), said("two")])
        enqueue([said("three")])

    assert callbacks == [wake.wake_senders]


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> str:
    """Of one test: Redis has the product's for all workers of pytest-xdist."""
    own = f"{wake.CHANNEL}:{uuid4()}"
    monkeypatch.setattr(wake, "CHANNEL", own)
    return own


@pytest.mark.usefixtures("channel")
def test_it_wakes_a_sender_that_listens() -> None:
    async def hears_it() -> bool:
        heard = wake.nudges()
        await anext(heard)  # it listens now
        await asyncio.to_thread(wake.wake_senders)
        await asyncio.wait_for(anext(heard), timeout=2)
        await heard.aclose()
        return True

    assert asyncio.run(hears_it())


@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://10.255.255.1:6379/0"])
def test_it_says_once_that_senders_cannot_be_woken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(wake.Nudger, "_run", lambda _: None)
    settings.REDIS_URL = url
    impatient_redis.cache_clear()
    nudger = wake.Nudger()

    with capture_logs() as logs:
        for _ in range(2):
            nudger.ask()
            nudger.nudge_if_asked()

    assert [line["event"] for line in logs] == ["senders_not_woken"]
    impatient_redis.cache_clear()
    REDIS.reset()  # the other tests' Redis is well


def test_no_writer_waits_for_redis_and_many_at_once_make_one_nudge(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on, nudges = Event(), Event(), []

    def publish(channel: str, _: str) -> None:
        nudges.append(channel)
        begun.set()
        assert goes_on.wait(5)

    monkeypatch.setattr(impatient_redis(), "publish", publish)
    nudger = wake.Nudger()
    nudger.ask()
    assert begun.wait(5)
    for _ in range(1000):
        nudger.ask()
    assert nudges == [wake.CHANNEL]
    goes_on.set()
    wait_until(lambda: len(nudges) == 2 and not nudger.is_asked)

    assert nudges == [wake.CHANNEL] * 2


def test_what_a_process_wrote_before_it_ends_is_nudged(channel: str) -> None:
    ends = f"""
from apps.notifications import wake
wake.CHANNEL, wake.Nudger._run = "{channel}", lambda _: None
wake.wake_senders()
"""

    async def hears_it() -> bool:
        heard = wake.nudges()
        await anext(heard)
        environment = {**os.environ, "REDIS_URL": current.REDIS_URL}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ends, env=environment)
        assert await process.wait() == 0
        await asyncio.wait_for(anext(heard), timeout=2)
        await heard.aclose()
        return True

    assert asyncio.run(hears_it())


def test_it_lets_the_operator_send_failed_deliveries_again(ann: User, api: FakeBotApi) -> None:
    [failed] = tell(ann, "hello")
    Delivery.objects.filter(pk=failed.pk).update(status=Delivery.Status.FAILED, attempts=1440, error="was down")

    assert retry_failed(Delivery.objects.filter(pk=failed.pk)) == 1
    assert retry_failed(Delivery.objects.filter(pk=failed.pk)) == 0
    assert deliver_all(api).texts_to(failed.chat_id) == ["hello"]
