"""What a dependency that is not well does to the rest: nothing hangs, nothing is asked in vain, all comes back."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis
from django.core.files.base import ContentFile
from django.db import OperationalError, connection

from apps.core.errors import AwayError, GatewayError, RateLimitedError
from apps.core.gateways.media import FolderStore
from apps.core.gateways.telegram import TelegramBotApi
from apps.core.impatient_redis import _Guarded
from apps.core.resilience import faults
from apps.core.resilience.dependency import Dependency
from apps.core.resilience.faults import Active, Kind
from apps.core.resilience.policies import DATABASE, DEPENDENCIES, MEDIA, REDIS, TELEGRAM
from tests.telegram_server import TOKEN, Answer, telegram_server

DOWN = GatewayError("Bad Gateway", permanent=False)


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    for each in DEPENDENCIES.values():
        each.reset()
    yield
    faults.install([])
    for each in DEPENDENCIES.values():
        each.reset()


@pytest.fixture
def service() -> Dependency:
    return Dependency(replace(TELEGRAM.policy, name="service", failures=3, rest_secs=0.05, at_once=2, attempts=3))


def inject(dependency: str, kind: Kind, *, rate: float = 1.0, secs: float = 60, amount: int = 0) -> None:
    faults.install([Active("1", dependency, kind, rate, amount, ends=time.monotonic() + secs)])  # type: ignore[arg-type]


def fail(service: Dependency, error: Exception, times: int) -> None:
    for _ in range(times):
        with pytest.raises(type(error)), service.guard():
            raise error


# ---- Breaker, bulkhead, retries


def test_it_asks_no_more_after_some_failures_in_a_row_until_it_has_rested(service: Dependency) -> None:
    fail(service, DOWN, 3)

    with pytest.raises(AwayError), service.guard():
        pytest.fail("it was asked")
    assert service.status().state == "open"
    assert (service.admits(64), service.status().refused) == (0, 1)

    time.sleep(0.06)
    assert service.admits(64) == 1  # one finds out for all
    with service.guard():
        pass
    assert (service.status().state, service.admits(64)) == ("closed", 64)


def test_it_rests_again_when_the_first_call_fails(service: Dependency) -> None:
    fail(service, DOWN, 3)
    time.sleep(0.06)
    fail(service, DOWN, 1)
    with pytest.raises(AwayError), service.guard():
        pytest.fail("it was asked")


def test_it_does_not_take_an_answer_for_a_failure(service: Dependency) -> None:
    for error in (RateLimitedError("slow down", retry_after_secs=1), GatewayError("bad request", permanent=True)):
        fail(service, error, 5)
    assert service.status().state == "closed"
    assert service.status().failed == 0


def test_it_rests_no_longer_when_the_clock_is_set_back(service: Dependency) -> None:
    import time_machine

    fail(service, DOWN, 3)
    with time_machine.travel(time.time() - 3600):
        time.sleep(0.06)
        assert not service.is_resting


def test_it_lets_a_slow_dependency_take_only_its_share(service: Dependency) -> None:
    hold, held = threading.Event(), threading.Barrier(3)

    def call() -> None:
        with service.guard():
            held.wait(5)
            hold.wait(5)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    held.wait(5)
    with pytest.raises(AwayError, match="2 calls are under way"), service.guard():
        pytest.fail("it was asked")
    hold.set()
    for thread in threads:
        thread.join()
    assert service.status().under_way == 0


def test_it_tries_again_what_may_be_repeated(service: Dependency) -> None:
    answers = iter([DOWN, DOWN, "here"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert service.repeat(call) == "here"
    with pytest.raises(GatewayError):
        service.repeat(lambda: (_ for _ in ()).throw(GatewayError("no", permanent=True)))
    assert service.status().calls == 4


# ---- The gateways


def test_it_spares_a_telegram_that_is_down() -> None:
    async def call_until_refused() -> list[str]:
        said = []
        async with TelegramBotApi(TOKEN, root=server.root) as api:
            for _ in range(TELEGRAM.policy.failures + 1):
                try:
                    await api.call("sendMessage", {"chat_id": 1, "text": "hello"})
                except GatewayError as error:
                    said.append(str(error))
        return said

    with telegram_server() as server:
        server.answers["sendMessage"] = Answer(status=502, description="Bad Gateway")
        said = asyncio.run(call_until_refused())
        assert len(server.requests) == TELEGRAM.policy.failures
    assert "breaker is open" in said[-1]


def test_it_fetches_a_photo_although_telegram_stumbles() -> None:
    async def download() -> bytes:
        async with TelegramBotApi(TOKEN, root=server.root) as api:
            return await api.download("face")

    with telegram_server() as server:
        good = Answer({"file_id": "face", "file_unique_id": "u", "file_size": 3, "file_path": "photos/face"})
        server.answers["face"] = Answer(body=b"jpg")
        server.answers["getFile"] = Answer(status=500, description="Internal Server Error")
        threading.Timer(0.05, lambda: server.answers.update(getFile=good)).start()
        assert asyncio.run(download()) == b"jpg"


def test_it_waits_for_no_redis_that_is_away() -> None:
    away = _Guarded.from_url("redis://127.0.0.1:1", retry=None)
    for _ in range(REDIS.policy.failures):
        with pytest.raises(redis.ConnectionError):
            away.get("x")
    with pytest.raises(redis.ConnectionError, match="breaker is open"):
        away.get("x")


def test_it_says_that_the_media_store_is_away_and_not_that_a_file_is_missing(tmp_path: Path) -> None:
    store = FolderStore(location=tmp_path)
    with pytest.raises(FileNotFoundError):
        store.open("nothing")
    assert MEDIA.status().failed == 0
    inject("media", Kind.UNAVAILABLE)
    for _ in range(MEDIA.policy.failures):
        with pytest.raises(AwayError, match="injected"):
            store.open("nothing")
    with pytest.raises(AwayError, match="breaker is open"):
        store.open("nothing")


def test_it_reads_from_a_media_store_that_is_full(tmp_path: Path) -> None:
    store = FolderStore(location=tmp_path)
    store.save("a", ContentFile(b"x"))
    inject("media", Kind.FULL)
    for _ in range(MEDIA.policy.failures + 1):
        with pytest.raises(OSError, match="no space left"):
            store.save("b", ContentFile(b"x"))
    with store.open("a") as file:
        assert file.read() == b"x"


@pytest.mark.django_db
def test_it_breaks_off_queries_and_connections_of_a_database_that_is_struck() -> None:
    from apps.core.postgres.base import _suffer

    inject("database", Kind.ERROR)
    with pytest.raises(OperationalError, match="injected"), connection.execute_wrapper(_suffer):
        connection.cursor().execute("SELECT 1")
    with faults.immune(), connection.execute_wrapper(_suffer):
        connection.cursor().execute("SELECT 1")
    for _ in range(DATABASE.policy.failures):
        with pytest.raises(psycopg.OperationalError, match="injected"):
            connection.get_new_connection(connection.get_connection_params())
    with pytest.raises(psycopg.OperationalError, match="breaker is open"):
        connection.get_new_connection(connection.get_connection_params())


# ---- Injected faults


def test_it_suffers_a_share_of_the_time_and_no_longer_than_the_fault(service: Dependency) -> None:
    inject("service", Kind.SLOW, amount=10_000, secs=0.1)
    started = time.monotonic()
    with service.guard():
        pass
    assert 0.05 < time.monotonic() - started < 5
    assert faults.active() == ()

    inject("service", Kind.RESET, rate=0.5)
    struck = 0
    for _ in range(200):
        service.reset()
        try:
            with service.guard():
                pass
        except faults.InjectedError:
            struck += 1
    assert 60 < struck < 140


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.RESET, Kind.ERROR, Kind.UNAVAILABLE])
def test_it_opens_the_breaker_by_injected_faults(service: Dependency, kind: Kind) -> None:
    service.policy = replace(service.policy, timeout_secs=0.01)
    inject("service", kind)

    async def call() -> None:
        async with service.guard():
            pytest.fail("it was asked")

    for _ in range(3):
        with pytest.raises(faults.InjectedError):
            asyncio.run(call())
    assert service.status().state == "open"


def test_it_takes_memory_and_time_of_a_process_and_gives_them_back() -> None:
    ends = time.monotonic() + 0.3
    faults.install(
        [Active(kind, "process", kind, 0.5, 8, ends) for kind in (Kind.MEMORY, Kind.CPU)]  # type: ignore[arg-type]
    )
    assert sorted(thread.name for thread in threading.enumerate() if thread.name == "fault") == ["fault", "fault"]
    for thread in list(faults._exhausting.values()):
        thread.join(5)
    assert faults._exhausting == {}
