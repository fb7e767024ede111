"""The edge worker in front of the real origin: nothing is lost while that is away, nothing withdrawn is shown."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
import pytest
import urllib3
from yarl import URL

from tests.e2e.edge import LOOK, MAKE_MEMBERS, Telegram, Worker, in_thread, messages, origin_behind_edge, run
from tests.e2e.stack import Stack, wait_until

UPDATES, MEMBERS, FIRST = 600, 30, 7_000_001
# Who write are unreachable soon: this Telegram has no such chats. These only show themselves.
BANNED, ERASED, PHOTOGRAPHED = 7_001_001, 7_001_002, 7_001_003
OUTAGE_SECS = 5
READERS, WITHIN_SECS, POLL_SECS = 1000, 5.0, 4.0
# workerd closes a connection which was idle for five seconds, maybe while a request is under way to it.
KEEP_ALIVE_SECS = 2.0
LINKS = f"""
from uuid import uuid4
from apps.users.cards import card_path
from apps.users.models import User
ann, bob = (User.objects.get(telegram_id=number) for number in ({BANNED}, {ERASED}))
for _ in range({READERS} // 2):
    print(card_path(ann.pk, viewer_id=uuid4()), card_path(bob.pk, viewer_id=uuid4()))
"""
PHOTOGRAPH = f"""
from uuid import uuid4
from django.core.files.base import ContentFile
from apps.users.cards import card_path
from apps.users.models import Photo
photo = Photo.objects.get(user__telegram_id={PHOTOGRAPHED})
photo.file.save("photo.jpg", ContentFile(b"0123456789"))
print(card_path(photo.user_id, viewer_id=uuid4()))
"""
WITHDRAW = f"""
import time
from django.utils import timezone
from apps.users import restrictions, services
from apps.users.models import User
ann, bob = (User.objects.get(telegram_id=number) for number in ({BANNED}, {ERASED}))
began = time.time()
restrictions.restrict(ann, banned_at=timezone.now())
services.erase(bob)
print(began)
"""


@pytest.fixture(scope="module")
def behind_edge(worker_id: str) -> Iterator[tuple[Stack, Worker]]:
    with origin_behind_edge(f"{worker_id}-edge", ["web", "sender"]) as (origin, worker):
        run(origin, MAKE_MEMBERS.format(first=FIRST, count=MEMBERS) + MAKE_MEMBERS.format(first=BANNED, count=3))
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


def test_it_shows_a_photo_from_the_origins_store_whole_and_in_part(behind_edge: tuple[Stack, Worker]) -> None:
    origin, worker = behind_edge
    link = run(origin, PHOTOGRAPH).strip()
    card = urllib3.request("GET", worker.url + link).json()
    (photo,) = card["photos"]
    whole = urllib3.request("GET", worker.url + photo)
    part = urllib3.request("GET", worker.url + photo, headers={"Range": "bytes=2-5"})
    assert (whole.status, whole.data, whole.headers["Content-Type"]) == (HTTPStatus.OK, b"0123456789", "image/jpeg")
    assert (part.status, part.data) == (HTTPStatus.PARTIAL_CONTENT, b"2345")
    assert urllib3.request("GET", f"{worker.url}{photo}0").status == HTTPStatus.NOT_FOUND


@dataclass
class Reader:
    """Somebody with a link of their own, who asks for the profile again and again."""

    link: str
    # When each answer came, and whether it showed the profile.
    shown: list[float] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)

    def latest(self) -> float:
        return max([*self.shown, *self.hidden])

    async def ask(self, client: aiohttp.ClientSession) -> None:
        async with client.get(URL(self.link, encoded=True)) as response:
            body = await response.text()
        # 503: what was withdrawn is not shown, and what there is to show now is not known yet.
        assert response.status in (200, 404, 503)
        assert json.loads(body)["id"] in self.link if response.status == HTTPStatus.OK else not body
        (self.shown if body else self.hidden).append(time.time())

    async def poll(self, client: aiohttp.ClientSession, first_gap: float, until: asyncio.Event) -> None:
        await asyncio.sleep(first_gap)
        while not until.is_set():
            await self.ask(client)
            await asyncio.sleep(POLL_SECS)


def test_it_shows_nobody_who_is_banned_or_erased_to_any_of_a_thousand_readers(
    behind_edge: tuple[Stack, Worker],
) -> None:
    origin, worker = behind_edge
    readers = [Reader(link) for link in run(origin, LINKS).split()]

    async def play() -> float:
        until = asyncio.Event()
        connections = aiohttp.TCPConnector(limit=500, keepalive_timeout=KEEP_ALIVE_SECS)
        async with aiohttp.ClientSession(worker.url, connector=connections) as client:
            gaps = [POLL_SECS * place / len(readers) for place in range(len(readers))]
            polls = [
                asyncio.create_task(each.poll(client, gap, until)) for each, gap in zip(readers, gaps, strict=True)
            ]
            while not all(each.shown for each in readers):
                await asyncio.sleep(0.1)
            began = float(str(await in_thread(lambda: run(origin, WITHDRAW))))
            await asyncio.sleep(max(0.0, began + WITHIN_SECS - time.time()))
            while not all(each.latest() > began for each in readers):
                await asyncio.sleep(0.1)
            until.set()
            await asyncio.gather(*polls)
            await asyncio.gather(*(each.ask(client) for each in readers))
        return began

    withdrawn = asyncio.run(play())
    last_shown = max(each.shown[-1] for each in readers) - withdrawn
    assert last_shown < WITHIN_SECS
    assert all(each.hidden and each.hidden[-1] > each.shown[-1] for each in readers)
    in_time = [each for each in readers if any(0 < at - withdrawn < WITHIN_SECS for at in each.shown + each.hidden)]
    assert len(in_time) > READERS / 10, "too few readers to say that it was gone in time"
