"""Flags in several real processes: each obeys within two seconds what another has changed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote, urlencode

import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connection
from pytest_django import Settings

from apps.core.impatient_redis import impatient_redis
from apps.flags import live, snapshot
from apps.flags.experiments import services as experiments
from apps.flags.experiments.models import Experiment, Exposure
from apps.flags.models import Flag
from apps.flags.selectors import read_snapshot
from apps.flags.services import change
from apps.users.models import User

ROOT = Path(__file__).parents[2]
START_SECS = 20.0
OBEYED_WITHIN_SECS = 2.0

# Says what it is answered, whenever that changes. With "fork" a child asks after the parent has.
WATCH = """
import os, sys, time
import django
django.setup()
from apps import flags
flags.is_enabled("bot.notes")
if "fork" in sys.argv and os.fork():
    os.wait()
    sys.exit()
last = None
while True:
    answer = f"{flags.is_enabled('bot.notes')} {flags.value('matching.pool_limit', None, 2000)}"
    if answer != last:
        print(answer, flush=True)
        last = answer
    time.sleep(0.01)
"""
# The same from inside an event loop, which must go on turning.
WATCH_IN_LOOP = """
import asyncio
import django
django.setup()
from apps import flags
async def watch():
    last = None
    while True:
        answer = f"{flags.is_enabled('bot.notes')} {flags.value('matching.pool_limit', None, 2000)}"
        if answer != last:
            print(answer, flush=True)
            last = answer
        await asyncio.sleep(0.01)
asyncio.run(watch())
"""
# What one member is told, whenever that changes.
WATCH_MEMBER = """
import sys, time
import django
django.setup()
from apps import flags
from apps.users.models import User
member = User.objects.get(pk=sys.argv[1])
last = None
while True:
    answer = flags.is_enabled("bot.notes", member)
    if answer != last:
        print(answer, flush=True)
        last = answer
    time.sleep(0.01)
"""

StartWatcher = Callable[..., subprocess.Popen[str]]


def environment(**changed: str) -> dict[str, str]:
    """Of a process on this test's database and Redis that follows the flags, as in production."""
    database = connection.settings_dict
    address = {name.lower(): str(database[name]) for name in ("HOST", "PORT", "USER", "PASSWORD") if database[name]}
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "meetsmatch.settings.dev",
        "DATABASE_URL": f"postgresql:///{quote(str(database['NAME']))}?{urlencode(address)}",
        "REDIS_URL": settings.REDIS_URL,
        **changed,
    }


@pytest.fixture
def start() -> Iterator[StartWatcher]:
    processes: list[subprocess.Popen[str]] = []

    def run(script: str = WATCH, *arguments: str, **changed: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**changed), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        os.killpg(process.pid, 9)
        process.wait()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(), check=True, timeout=30)


real_processes = pytest.mark.django_db(transaction=True, available_apps=["apps.flags", "apps.users"])


@real_processes
def test_it_is_obeyed_by_every_process_within_two_seconds(start: StartWatcher) -> None:
    watchers = [start(), start(WATCH, "fork"), start(WATCH_IN_LOOP)]
    assert [heard(each) for each in watchers] == ["True 2000"] * 3

    settings_followed = settings.FLAGS_FOLLOWED
    settings.FLAGS_FOLLOWED = True
    try:
        for fields, answer in (({"killed": True}, "False 2000"), ({"killed": False}, "True 2000")):
            began = time.monotonic()
            change("bot.notes", by=None, reason="a test", **fields)
            assert [heard(each) for each in watchers] == [answer] * 3
            assert time.monotonic() - began < OBEYED_WITHIN_SECS
    finally:
        settings.FLAGS_FOLLOWED = settings_followed


@real_processes
def test_it_is_obeyed_when_the_command_changes_it(start: StartWatcher) -> None:
    watcher = start()
    assert heard(watcher) == "True 2000"

    manage("flags", "set", "matching.pool_limit", "--value", "500", "--reason", "a test")
    done = time.monotonic()

    assert heard(watcher) == "True 500"
    assert time.monotonic() - done < OBEYED_WITHIN_SECS


@real_processes
def test_it_starts_and_stops_an_experiment_in_every_process_within_two_seconds(
    start: StartWatcher, settings: Settings
) -> None:
    ann = User.objects.create(telegram_id=1)
    watchers = [start(WATCH_MEMBER, str(ann.pk)), start(WATCH_MEMBER, str(ann.pk))]
    assert [heard(each) for each in watchers] == ["True"] * 2
    off = [{"name": name, "weight": 1, "value": False} for name in ("one", "other")]
    draft = Experiment(name="a test", flag="bot.notes", hypothesis="fewer notes", variants=off, metric="like")
    settings.FLAGS_FOLLOWED = True

    began = time.monotonic()
    study = experiments.start(experiments.save_draft(draft, by=None), by=None)
    assert [heard(each) for each in watchers] == ["False"] * 2
    assert time.monotonic() - began < OBEYED_WITHIN_SECS

    began = time.monotonic()
    experiments.stop(study, by=None, reason="enough")
    assert [heard(each) for each in watchers] == ["True"] * 2
    assert time.monotonic() - began < OBEYED_WITHIN_SECS
    assert Exposure.objects.get().member == ann, "two processes agree, and one of them has written it"


@real_processes
def test_it_is_obeyed_without_redis_too(start: StartWatcher) -> None:
    watcher = start(REDIS_URL="redis://127.0.0.1:1/0")
    assert heard(watcher) == "True 2000"

    change("bot.notes", by=None, reason="a test", killed=True)
    began = time.monotonic()

    assert heard(watcher) == "False 2000"
    assert time.monotonic() - began < live.RELOAD_WITHOUT_REDIS_SECS + 2


def test_it_answers_as_the_catalogue_says_without_redis_and_database(start: StartWatcher, db: None) -> None:
    began = time.monotonic()
    watcher = start(REDIS_URL="redis://127.0.0.1:1/0", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert heard(watcher) == "True 2000"
    assert time.monotonic() - began < START_SECS


# ---- One look of the follower at a time


@pytest.fixture
def follower() -> Iterator[live.Follower]:
    with patch("apps.flags.live.connections"):  # they are the test's own here
        yield live.Follower()


@pytest.mark.django_db
def test_it_serves_what_it_knows_last_while_the_database_is_away(follower: live.Follower) -> None:
    change("bot.notes", by=None, reason="a test", killed=True)
    follower.look()
    Flag.objects.filter(name="bot.notes").update(killed=False)
    impatient_redis().incr(live.COUNTER)

    with patch.object(live, "_load", side_effect=OperationalError):
        follower.look()
    assert not live.current().toggles["bot.notes"].includes(None)

    follower.look()
    assert live.current().toggles["bot.notes"].includes(None)


@pytest.mark.django_db
def test_it_reads_only_when_the_counter_has_moved(follower: live.Follower) -> None:
    follower.look()

    with patch.object(live, "_load", side_effect=read_snapshot) as load:
        follower.look()
        assert load.call_count == 0
        impatient_redis().incr(live.COUNTER)
        follower.look()
        assert load.call_count == 1


@pytest.mark.django_db
def test_it_reads_from_time_to_time_whatever_the_counter_says(follower: live.Follower) -> None:
    follower.look()

    with (
        patch.object(live, "_load", side_effect=read_snapshot) as load,
        patch.object(live.time, "monotonic", return_value=time.monotonic() + live.RELOAD_SECS),
    ):
        follower.look()
    assert load.call_count == 1


@pytest.mark.django_db
def test_it_changes_a_flag_also_when_redis_is_away(
    settings: pytest.FixtureRequest, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    settings.FLAGS_FOLLOWED = True  # type: ignore[attr-defined]
    live.install(snapshot.defaults())
    with patch.object(live, "impatient_redis") as client, django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        client.return_value.incr.side_effect = redis.ConnectionError
        change("bot.notes", by=None, reason="a test", killed=True)

    assert not live.current().toggles["bot.notes"].includes(None)
