"""The edge worker through a bad day: 10,000 updates while the origin is away for a minute and starts twice.

Real workerd, real origin, and a Telegram that posts the updates of each chat one after the other, so many a second in
all (`PER_SEC`). After a tenth the origin is killed and stays away for 60 s; after half of them it is killed again and
started at once. At the end: how many updates were lost, taken twice or answered twice, whether each chat's came in
order; how soon after the origin was back the first that waited was delivered, and the last; and how fast the worker
delivered them next to how fast the same origin takes such updates when they are posted to it directly.

`UPDATES`, `OUTAGE_SECS` and `PER_SEC` in the environment make it shorter or harder.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import psycopg  # noqa: E402

from benchmarks.report import print_table, write  # noqa: E402
from tests.e2e.edge import LOOK, MAKE_MEMBERS, Telegram, in_thread, messages, origin_behind_edge, run  # noqa: E402
from tests.e2e.stack import Stack, wait_until  # noqa: E402

UPDATES = int(os.environ.get("UPDATES", "10000"))
OUTAGE_SECS = float(os.environ.get("OUTAGE_SECS", "60"))
PER_SEC = float(os.environ.get("PER_SEC", "40"))
MEMBERS, FIRST = 100, 7_000_001
DIRECT_UPDATES, DIRECT_FIRST, DIRECT_LANES = 600, 7_002_001, 6
DIRECT_IDS_FROM = 10_000_000

Count = Callable[[], int]


@contextmanager
def counting(origin: Stack) -> Iterator[Count]:
    """How many of the updates the origin has taken. Its database is asked: a process that asks takes a core."""
    query = "SELECT count(*) FROM bot_update WHERE update_id < %s"
    with psycopg.connect(origin.database_url, autocommit=True) as database:

        def count() -> int:
            found = database.execute(query, [DIRECT_IDS_FROM]).fetchone()
            return int(found[0]) if found else 0

        yield count


def direct_per_sec(origin: Stack) -> float:
    """What the origin takes when it is posted to without a worker, by as many at once as it admits for long."""
    queues = messages(range(DIRECT_FIRST, DIRECT_FIRST + DIRECT_LANES), DIRECT_UPDATES, ids_from=DIRECT_IDS_FROM)
    began = time.monotonic()
    asyncio.run(Telegram(origin.url).post_all(queues, pause_secs=0))
    return DIRECT_UPDATES / (time.monotonic() - began)


class Watch(threading.Thread):
    """Looks ten times a second at how many were taken."""

    def __init__(self, count: Count) -> None:
        super().__init__(daemon=True)
        self._count = count
        self.seen: list[tuple[float, int]] = []
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.1):
            self.seen.append((time.monotonic(), self._count()))

    def stop(self) -> None:
        self._done.set()
        self.join()

    def first_at(self, number: int) -> float:
        """When so many had been taken."""
        return next(at for at, count in self.seen if count >= number)


def outage(origin: Stack, telegram: Telegram, count: Count) -> dict[str, float]:
    """Plays the whole day; what was measured of it."""
    found: dict[str, float] = {}
    watch = Watch(count)

    def fail() -> None:
        wait_until(lambda: telegram.posted >= UPDATES // 10, "a tenth is posted", 600)
        origin.kill("web")
        time.sleep(OUTAGE_SECS)
        before = count()
        origin.start("web")
        back, posted = time.monotonic(), telegram.posted
        wait_until(lambda: count() >= posted, "what waited is delivered", 300)
        drained = time.monotonic()
        found["waited when it was back"] = posted - before
        found["first one delivered after (s)"] = watch.first_at(before + 1) - back
        found["all that waited delivered after (s)"] = drained - back
        found["delivered meanwhile (1/s)"] = (count() - before) / (drained - watch.first_at(before + 1))
        wait_until(lambda: telegram.posted >= UPDATES // 2, "half is posted", 600)
        origin.kill("web")
        origin.start("web")

    async def play() -> None:
        failing = in_thread(fail)
        queues = messages(range(FIRST, FIRST + MEMBERS), UPDATES)
        await telegram.post_all(queues, pause_secs=MEMBERS / PER_SEC)
        await failing

    watch.start()
    asyncio.run(play())
    ended = time.monotonic()
    wait_until(lambda: count() >= UPDATES, "everything is delivered", 120)
    watch.stop()
    return found | {"last one delivered after the last post (s)": time.monotonic() - ended}


def verdict(origin: Stack) -> dict[str, float]:
    found: dict[str, Any] = json.loads(run(origin, LOOK))
    taken = [(number, status) for number, status in found["taken"] if number < DIRECT_IDS_FROM]
    numbers = [number for number, _ in taken]
    members = range(FIRST, FIRST + MEMBERS)
    answers = {chat: count for chat, count in found["answers"] if chat in members}
    queues = [[number for number in numbers if (number - 1) % MEMBERS == place] for place in range(MEMBERS)]
    return {
        "lost": UPDATES - len(set(numbers)),
        "taken twice": len(numbers) - len(set(numbers)),
        "not done": sum(status != "done" for _, status in taken),
        "answered twice or never": sum(abs(answers.get(chat, 0) - UPDATES // MEMBERS) for chat in members),
        "chats out of order": sum(queue != sorted(queue) for queue in queues),
    }


def main() -> None:
    # nobody sends the answers: their number is what counts
    with origin_behind_edge("bench-edge", ["web"]) as (origin, worker), counting(origin) as count:
        run(origin, "".join(MAKE_MEMBERS.format(first=first, count=MEMBERS) for first in (FIRST, DIRECT_FIRST)))
        direct = direct_per_sec(origin)
        telegram = Telegram(worker.url)
        found = outage(origin, telegram, count)
        figures = {"updates": UPDATES, "posted (1/s)": PER_SEC, "origin alone (1/s)": direct, **found}
        figures |= {**verdict(origin), "attempts of Telegram": telegram.attempts}
        figures["longest answer to Telegram (s)"] = max(telegram.delays)
    ratios = {"delivered by the worker / posted to the origin directly": found["delivered meanwhile (1/s)"] / direct}
    print_table(["", "measured"], [[name, f"{value:,.2f}"] for name, value in figures.items()])
    print_table(["", "ratio"], [[name, f"{value:.3f}"] for name, value in ratios.items()])
    write("edge_outage", figures, ratios)


if __name__ == "__main__":
    main()
