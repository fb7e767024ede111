"""`manage.py run_sender` as a real process, with a Telegram on loopback, killed and stopped as in real life."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection
from django_redis import get_redis_connection

from apps.notifications.models import Delivery
from apps.users.models import User
from tests.concurrency import wait_until
from tests.notifications.conftest import tell
from tests.telegram_server import TOKEN, TelegramServer, telegram_server

# Only these apps' tables are emptied after each test: what migrations wrote into the others stays for the next tests.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=["apps.users", "apps.notifications"])
MANAGE = Path(__file__).parents[2] / "manage.py"
START_SECS = 60.0

Start = Callable[[], subprocess.Popen[bytes]]


def sent() -> int:
    return Delivery.objects.filter(status=Delivery.Status.SENT).count()


def senders_listening() -> int:
    """Of this worker of pytest-xdist: the channel is all databases', and so all workers'."""
    redis = get_redis_connection("default")
    own = redis.connection_pool.connection_kwargs.get("db", 0)
    return sum(client["sub"] == "1" and int(client["db"]) == int(own) for client in redis.client_list())


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with telegram_server() as server:
        yield server


@pytest.fixture
def start_sender(server: TelegramServer) -> Iterator[Start]:
    """Starts a sender on this test's database and Telegram."""
    database = connection.settings_dict
    address = {name.lower(): str(database[name]) for name in ("HOST", "PORT", "USER", "PASSWORD") if database[name]}
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "meetsmatch.settings.test",
        "DATABASE_URL": f"postgresql:///{quote(str(database['NAME']))}?{urlencode(address)}",
        "REDIS_URL": settings.REDIS_URL,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_UPDATES": "polling",
        "TELEGRAM_API_ROOT": server.root,
    }
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen([sys.executable, str(MANAGE), "run_sender"], env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_it_sends_within_moments_of_the_commit(ann: User, server: TelegramServer, start_sender: Start) -> None:
    start_sender()
    wait_until(lambda: senders_listening() == 1, START_SECS)

    tell(ann, "one", "two", "three")

    assert wait_until(lambda: sent() == 3, 5) < 0.7  # less than a sweep
    assert server.texts == ["one", "two", "three"]


def test_it_loses_nothing_when_killed_and_sends_at_most_the_one_in_flight_twice(
    ann: User, server: TelegramServer, start_sender: Start
) -> None:
    server.holds.clear()
    tell(ann, "one", "two")
    killed = start_sender()
    wait_until(lambda: server.texts == ["one"], START_SECS)
    start_sender()
    wait_until(lambda: senders_listening() == 2, START_SECS)

    killed.kill()
    server.holds.set()

    assert wait_until(lambda: sent() == 2, 10) < 5
    assert server.texts == ["one", "one", "two"]


def test_it_goes_on_after_a_restart(ann: User, server: TelegramServer, start_sender: Start) -> None:
    server.holds.clear()
    tell(ann, "one", "two")
    killed = start_sender()
    wait_until(lambda: server.texts == ["one"], START_SECS)
    killed.kill()
    server.holds.set()

    start_sender()

    wait_until(lambda: sent() == 2, START_SECS)
    assert server.texts == ["one", "one", "two"]


def test_it_keeps_a_slow_call_to_itself(ann: User, server: TelegramServer, start_sender: Start) -> None:
    server.holds.clear()
    tell(ann, "slow")
    start_sender()
    start_sender()
    wait_until(lambda: server.texts and senders_listening() == 2, START_SECS)

    time.sleep(6)  # twice the lease
    server.holds.set()

    wait_until(lambda: sent() == 1, 5)
    assert server.texts == ["slow"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_finishes_what_is_in_flight_before_it_stops(
    ann: User, server: TelegramServer, start_sender: Start, number: signal.Signals
) -> None:
    server.holds.clear()
    tell(ann, "one", "two")
    process = start_sender()
    wait_until(lambda: server.texts == ["one"], START_SECS)

    process.send_signal(number)
    time.sleep(0.5)
    assert process.poll() is None
    server.holds.set()

    assert process.wait(timeout=5) == 0
    assert (server.texts, sent()) == (["one"], 1)


def test_it_goes_on_when_the_database_has_dropped_its_connections(
    ann: User, server: TelegramServer, start_sender: Start
) -> None:
    server.holds.clear()
    tell(ann, "one", "two")
    start_sender()
    wait_until(lambda: server.texts == ["one"], START_SECS)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    server.holds.set()

    wait_until(lambda: sent() == 2, 5)
    assert server.texts == ["one", "two"]
