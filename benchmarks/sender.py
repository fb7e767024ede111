"""The sender against a Bot API on loopback, in three parts; PostgreSQL and Valkey are real.

Rate: 20,000 deliveries of all kinds against an API that enforces 1,000 calls a second, one a second in each chat and 20
a minute in each group (the first part of them against 30 a second): what share of the rate is used, how many calls are
refused, and how long a tap's answer takes to leave while a broadcast runs.

Speed: one process against an API that answers at once, limits asked but never reached, beside a bare aiohttp loop that
makes the same calls in this same process.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import aiohttp  # noqa: E402
from asgiref.sync import sync_to_async  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django_redis import get_redis_connection  # noqa: E402

from apps.core.garbage import collect_seldom  # noqa: E402
from apps.core.gateways.telegram import TelegramBotApi  # noqa: E402
from apps.notifications.limits import Limits, Rates  # noqa: E402
from apps.notifications.models import Delivery, Priority  # noqa: E402
from apps.notifications.sender import Sender  # noqa: E402
from apps.notifications.services import Outgoing, enqueue  # noqa: E402
from apps.users.models import User  # noqa: E402
from benchmarks import report  # noqa: E402
from benchmarks.support.bot_api import bot_api, stats  # noqa: E402

TOKEN = "1:benchmark"  # noqa: S105 it opens nothing
MIXED, FREE_MIXED, FAST = 20_000, 600, int(os.environ.get("FAST", 15_000))
TAPS_A_SEC, MOST_TAPS = 10, 1000
TEXT = "<b>Hello</b>, this is a message of ordinary length, as members get them from us. See you at MeetsMatch!"
FIRST_CHAT = 7_000_000_000_000_000
MIX = ((Priority.DIGEST, 0.7), (Priority.ALERT, 0.1), (Priority.RELAY, 0.15), (Priority.REPLY, 0.05))


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notifications_delivery, conversations_message CASCADE")
        cursor.execute(
            "DELETE FROM users_user WHERE telegram_id >= %s AND telegram_id < %s", [FIRST_CHAT, FIRST_CHAT + 10**6]
        )
    get_redis_connection("default").flushdb()


def members(count: int, *, first_chat: int = FIRST_CHAT) -> list[User]:
    people = [User(telegram_id=first_chat + number) for number in range(count)]
    return User.objects.bulk_create(people, batch_size=5000)


def write(people: list[User], priorities: list[Priority]) -> None:
    outgoing = [
        Outgoing(person.telegram_id, "sendMessage", {"text": TEXT, "parse_mode": "HTML"}, person, priority)
        for person, priority in zip(people, priorities, strict=True)
    ]
    for start in range(0, len(outgoing), 5000):
        enqueue(outgoing[start : start + 5000])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifications_delivery")


def waiting(priority: Priority) -> QuerySet[Delivery]:
    return Delivery.objects.filter(status__in=["pending", "in_flight"], priority=priority)


async def run_until_sent(sender: Sender, beside: Callable[[], Awaitable[None]] | None = None) -> tuple[float, float]:
    """Seconds by the clock, and of this process' processor, until nothing waits."""
    running = asyncio.create_task(sender.run())
    began, worked = time.perf_counter(), time.process_time()
    tapping = asyncio.create_task(beside()) if beside else None
    while await sync_to_async(waiting(Priority.DIGEST).exists)():
        await asyncio.sleep(0.1)
    taken = time.perf_counter() - began, time.process_time() - worked
    if tapping:
        tapping.cancel()
    sender.stop()
    await running
    return taken


# ---- Rate


class Taps:
    """Members who tap while the broadcast runs, each of them once; none of them is written to otherwise.

    They begin when the replies that were written beforehand are through: those would all come before theirs.
    """

    def __init__(self, per_second: int) -> None:
        self._members = members(MOST_TAPS, first_chat=FIRST_CHAT + 10**5)
        self._a_second = TAPS_A_SEC if per_second > 100 else 2
        self._answered: dict[str, float] = {}

    async def keep_coming(self) -> None:
        dice = random.Random(8)  # noqa: S311 the same taps each time
        while await sync_to_async(waiting(Priority.REPLY).exists)():
            await asyncio.sleep(0.1)
        for number, member in enumerate(self._members):
            await asyncio.sleep(dice.expovariate(self._a_second))
            await sync_to_async(self._answer)(f"!{number}", member)

    def _answer(self, name: str, member: User) -> None:
        enqueue([Outgoing(member.telegram_id, "sendMessage", {"text": name}, member)])
        self._answered[name] = time.monotonic()

    def waits_ms(self, left: dict[str, float]) -> list[float]:
        """From the commit of each answer until it left, as the Bot API saw it by its text."""
        return [(left[name] - at) * 1000 for name, at in self._answered.items() if name in left]


def rate(per_second: int, count: int) -> dict[str, float]:
    """Chats with several messages, groups, all priorities; taps answered meanwhile."""
    empty()
    dice = random.Random(7)  # noqa: S311 the same deliveries each time
    people = members(count * 4 // 5)
    priorities = [kind for kind, share in MIX for _ in range(round(count * share))]
    dice.shuffle(priorities)
    chosen = people + dice.choices(people, k=count - len(people))
    dice.shuffle(chosen)
    write(chosen, priorities)
    taps = Taps(per_second)

    async def run(root: str) -> tuple[float, float]:
        limits = Limits(settings.REDIS_URL, Rates(per_second))
        async with TelegramBotApi(TOKEN, root=root) as api:
            return await run_until_sent(Sender(api, limits=limits, depth=limits.rates.depth), taps.keep_coming)

    with bot_api(per_second) as root:
        asyncio.run(run(root))
        seen = stats(root)
    arrivals, waits = seen["arrivals"], taps.waits_ms(seen["marked"])
    # without the last second, in which only what chats' own limits held up is left
    body = arrivals[: int(len(arrivals) * 0.97)]
    return {
        "calls": len(arrivals),
        "refused": seen["refused"],
        "share": len(body) / (body[-1] - body[0]) / per_second,
        "tap_p50_ms": quantiles(waits, n=20)[9],
        "tap_p95_ms": quantiles(waits, n=20)[18],
        "taps": len(waits),
    }


# ---- Speed


def speed() -> dict[str, float]:
    empty()
    people = members(FAST)
    write(people, [Priority.DIGEST] * FAST)

    async def ours(root: str) -> tuple[float, float]:
        limits = Limits(settings.REDIS_URL, Rates(1_000_000))
        async with TelegramBotApi(TOKEN, root=root) as api:
            return await run_until_sent(Sender(api, limits=limits))

    with bot_api() as root:
        bare = [asyncio.run(bare_loop(root))]
        clock, worked = asyncio.run(ours(root))
        bare.append(asyncio.run(bare_loop(root)))
    bare_clock, bare_worked = (sum(figures) / len(figures) for figures in zip(*bare, strict=True))
    assert Delivery.objects.filter(status="sent").count() == FAST
    return {
        "sender_per_sec": FAST / clock,
        "sender_per_processor_sec": FAST / worked,
        "bare_per_sec": FAST / bare_clock,
        "bare_per_processor_sec": FAST / bare_worked,
    }


async def bare_loop(root: str) -> tuple[float, float]:
    numbers = iter(range(FAST))
    began, worked = time.perf_counter(), time.process_time()

    async def worker(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            body = {"chat_id": FIRST_CHAT + number, "text": TEXT, "parse_mode": "HTML"}
            async with session.post(f"{root}/bot{TOKEN}/sendMessage", json=body) as response:
                await response.json()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(worker(session) for _ in range(64)))
    return time.perf_counter() - began, time.process_time() - worked


def main() -> None:
    parts = set(sys.argv[1:]) or {"free", "paid", "speed"}
    call_command("migrate", verbosity=0)
    collect_seldom()  # as run_sender does; the bare loop gains by it, too
    figures, ratios = {}, {}
    for name, per_second, count in (("free", 30, FREE_MIXED), ("paid", 1000, MIXED)):
        if name in parts:
            found = rate(per_second, count)
            figures |= {f"{name}_{figure}": value for figure, value in found.items()}
            ratios[f"{name}: share of {per_second} a second"] = found["share"]
    if "speed" in parts:
        figures |= (fast := speed())
        ratios["sender / bare aiohttp loop"] = fast["sender_per_sec"] / fast["bare_per_sec"]
        ratios["sender / bare, by processor time"] = fast["sender_per_processor_sec"] / fast["bare_per_processor_sec"]
    empty()
    report.print_table(["figure", "value"], [[name, f"{value:,.1f}"] for name, value in figures.items()])
    report.print_table(["ratio", "value"], [[name, f"{value:.3f}"] for name, value in ratios.items()])
    report.write("sender", figures, ratios)


if __name__ == "__main__":
    main()
