"""The edge worker through a bad day: 10,000 updates while the origin is away for a minute and starts twice.

Real workerd, real origin, and a Telegram that posts the updates of each chat one after the other. After a tenth the
origin is killed and stays away for 60 s; after half of them it is killed again and started at once. At the end: how
many updates were lost, taken twice or answered twice, whether each chat's came in order, and how long after the origin
was back the last one that waited was delivered. Before that 1,000 readers poll a profile that is banned meanwhile.

`UPDATES`, `OUTAGE_SECS` and `READERS` in the environment make it shorter.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import httpx  # noqa: E402

from benchmarks.report import print_table, write  # noqa: E402
from tests.e2e.edge import LOOK, MAKE_MEMBERS, Telegram, Worker, in_thread, messages, origin_behind_edge, run  # noqa: E402
from tests.e2e.stack import Stack, wait_until  # noqa: E402
from tests.e2e.test_edge import LINKS, WITHDRAW  # noqa: E402

UPDATES = int(os.environ.get("UPDATES", "10000"))
OUTAGE_SECS = float(os.environ.get("OUTAGE_SECS", "60"))
READERS = int(os.environ.get("READERS", "1000"))
MEMBERS, FIRST, SHOWN = 100, 7_000_001, 7_001_001
PAUSE_SECS = 0.5
POLL_SECS = 2.0


def taken(origin: Stack) -> int:
    code = "from apps.bot.models import Update; print(Update.objects.count())"
    return int(run(origin, code))


def outage(origin: Stack, worker: Worker, telegram: Telegram) -> dict[str, float]:
    """Plays the whole day; when which thing happened, in seconds since the origin was ready after its long absence."""
    moments: dict[str, float] = {}

    def fail() -> None:
        wait_until(lambda: telegram.posted >= UPDATES // 10, "a tenth is posted", 600)
        origin.kill("web")
        time.sleep(OUTAGE_SECS)
        moments["kept while it was away"] = telegram.posted - taken(origin)
        origin.start("web")
        back = time.monotonic()
        posted = telegram.posted
        wait_until(lambda: taken(origin) >= posted, "what waited is delivered", 300)
        moments["drained after (s)"] = time.monotonic() - back
        wait_until(lambda: telegram.posted >= UPDATES // 2, "half is posted", 600)
        origin.kill("web")
        origin.start("web")

    async def play() -> None:
        failing = in_thread(fail)
        await telegram.post_all(messages(range(FIRST, FIRST + MEMBERS), UPDATES), pause_secs=PAUSE_SECS)
        await failing

    asyncio.run(play())
    ended = time.monotonic()
    wait_until(lambda: taken(origin) >= UPDATES, "everything is delivered", 120)
    moments["last one delivered after the last post (s)"] = time.monotonic() - ended
    return moments


def verdict(origin: Stack) -> dict[str, float]:
    found: dict[str, Any] = json.loads(run(origin, LOOK))
    numbers = [number for number, _ in found["taken"]]
    per_member = UPDATES // MEMBERS
    queues = [[number for number in numbers if (number - 1) % MEMBERS == place] for place in range(MEMBERS)]
    return {
        "lost": UPDATES - len(set(numbers)),
        "taken twice": len(numbers) - len(set(numbers)),
        "not done": sum(status != "done" for _, status in found["taken"]),
        "answered twice or never": sum(abs(count - per_member) for _, count in found["answers"]),
        "chats out of order": sum(queue != sorted(queue) for queue in queues),
    }


def purge(origin: Stack, worker: Worker) -> dict[str, float]:
    """How long after the commit of a ban the profile was still shown to any of the readers."""
    links = run(origin, LINKS.format(telegram_id=SHOWN, count=READERS)).split()
    shown: list[float] = []
    counts = {"reads": 0}

    async def read(client: httpx.AsyncClient, link: str, until: asyncio.Event) -> None:
        await asyncio.sleep(POLL_SECS * (hash(link) % 1000) / 1000)  # not all at once
        while not until.is_set():
            began = time.time()
            counts["reads"] += 1
            with suppress(httpx.TransportError):  # a kept connection that was just closed
                if (await client.get(link)).status_code == httpx.codes.OK:
                    shown.append(began)
            await asyncio.sleep(POLL_SECS)

    wait_until(lambda: httpx.get(worker.url + links[0], timeout=30).status_code == httpx.codes.OK, "it is shown")

    async def play() -> float:
        until = asyncio.Event()
        limits = httpx.Limits(max_connections=READERS)
        async with httpx.AsyncClient(base_url=worker.url, timeout=60, limits=limits) as client:
            readers = [asyncio.create_task(read(client, link, until)) for link in links]
            await asyncio.sleep(5)
            act = "restrictions.restrict(ann, banned_at=timezone.now())"
            said = await in_thread(lambda: run(origin, WITHDRAW.format(telegram_id=SHOWN, act=act)))
            await asyncio.sleep(8)
            until.set()
            await asyncio.gather(*readers)
        return float(str(said))

    committed = asyncio.run(play())
    return {"reads": counts["reads"], "last seen after the ban (s)": max(shown) - committed}


def main() -> None:
    with origin_behind_edge("bench-edge", ["web", "sender"]) as (origin, worker):
        run(origin, MAKE_MEMBERS.format(first=FIRST, count=MEMBERS) + MAKE_MEMBERS.format(first=SHOWN, count=1))
        withdrawn = purge(origin, worker)
        print_table(["", "measured"], [[name, f"{value:,.2f}"] for name, value in withdrawn.items()])
        # nobody reads the answers: their number is what counts
        origin.kill("sender")
        telegram = Telegram(worker.url)
        moments = outage(origin, worker, telegram)
        figures = {"updates": UPDATES, "attempts of Telegram": telegram.attempts, **moments, **verdict(origin)}
        figures |= {"longest answer to Telegram (s)": max(telegram.delays), "readers": READERS, **withdrawn}
    print_table(["", "measured"], [[name, f"{value:,.2f}"] for name, value in figures.items()])
    write("edge_outage", figures, {})


if __name__ == "__main__":
    main()
