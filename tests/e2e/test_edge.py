"""The edge worker in front of the real origin: nothing is lost while that is away, nothing withdrawn is shown."""

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.edge import LOOK, MAKE_MEMBERS, Telegram, Worker, in_thread, messages, origin_behind_edge, run
from tests.e2e.stack import Stack, wait_until

UPDATES, MEMBERS, FIRST = 600, 30, 7_000_001
# Who write are unreachable soon: this Telegram has no such chats. These only show themselves.
SHOWN = 7_001_001
OUTAGE_SECS = 5
READERS, WITHIN_SECS = 40, 5.0
LINKS = """
from uuid import uuid4
from apps.users.cards import card_path
from apps.users.models import User
ann = User.objects.get(telegram_id={telegram_id})
for _ in range({count}):
    print(card_path(ann.pk, viewer_id=uuid4()))
"""
WITHDRAW = """
import time
from django.utils import timezone
from apps.users import restrictions, services
from apps.users.models import User
ann = User.objects.get(telegram_id={telegram_id})
{act}
print(time.time())
"""


@pytest.fixture(scope="module")
def behind_edge(worker_id: str) -> Iterator[tuple[Stack, Worker]]:
    with origin_behind_edge(f"{worker_id}-edge", ["web", "sender"]) as (origin, worker):
        run(origin, MAKE_MEMBERS.format(first=FIRST, count=MEMBERS) + MAKE_MEMBERS.format(first=SHOWN, count=2))
        yield origin, worker


def test_it_loses_doubles_and_shuffles_nothing_while_the_origin_and_the_worker_die(
    behind_edge: tuple[Stack, Worker],
) -> None:
    origin, worker = behind_edge
    telegram = Telegram(worker.url)
    members = range(FIRST, FIRST + MEMBERS)

    def outage() -> None:
        wait_until(lambda: telegram.posted >= UPDATES // 4, "a quarter is posted")
        origin.kill("web")
        time.sleep(OUTAGE_SECS / 2)
        worker.kill()
        worker.start()
        time.sleep(OUTAGE_SECS / 2)
        origin.start("web")

    async def play() -> None:
        failing = in_thread(outage)
        await telegram.post_all(messages(members, UPDATES), pause_secs=0.2)
        await failing

    asyncio.run(play())

    def seen() -> list[list[object]]:
        found: list[list[object]] = json.loads(run(origin, LOOK))["taken"]
        return found

    wait_until(lambda: len(seen()) >= UPDATES, "everything is delivered", 60)
    found = json.loads(run(origin, LOOK))
    assert sorted(number for number, _ in found["taken"]) == list(range(1, UPDATES + 1))
    assert {status for _, status in found["taken"]} == {"done"}
    for place in range(MEMBERS):
        of_one = [number for number, _ in found["taken"] if (number - 1) % MEMBERS == place]
        assert of_one == sorted(of_one)
    assert dict(found["answers"]) == dict.fromkeys(members, UPDATES // MEMBERS)


@pytest.mark.parametrize(
    ("telegram_id", "act"),
    [
        (SHOWN, "restrictions.restrict(ann, banned_at=timezone.now())"),
        (SHOWN + 1, "services.erase(ann)"),
    ],
    ids=["banned", "erased"],
)
def test_it_shows_nobody_who_is(behind_edge: tuple[Stack, Worker], telegram_id: int, act: str) -> None:
    origin, worker = behind_edge
    links = run(origin, LINKS.format(telegram_id=telegram_id, count=READERS)).split()
    shown: list[float] = []
    hidden: list[float] = []

    async def read(client: httpx.AsyncClient, link: str, until: asyncio.Event) -> None:
        while not until.is_set():
            began = time.time()
            response = await client.get(link)
            (shown if response.status_code == httpx.codes.OK else hidden).append(began)
            assert response.status_code in (200, 404)
            await asyncio.sleep(0.2)

    async def play() -> float:
        until = asyncio.Event()
        async with httpx.AsyncClient(base_url=worker.url, timeout=30) as client:
            readers = [asyncio.create_task(read(client, link, until)) for link in links]
            await asyncio.sleep(1)
            said = await in_thread(lambda: run(origin, WITHDRAW.format(telegram_id=telegram_id, act=act)))
            await asyncio.sleep(WITHIN_SECS + 1)
            until.set()
            await asyncio.gather(*readers)
        return float(str(said))

    committed = asyncio.run(play())
    assert len(shown) >= READERS
    assert max(shown) - committed < WITHIN_SECS
    assert max(hidden) > committed + WITHIN_SECS
