"""Updates that the webhook processes a second on one core, against the common shape with Celery and a bare view.

Every server runs with all its processes on one core (granian with one worker; for Celery also its worker with one
process); PostgreSQL, Valkey and the load have the rest. What counts is processed: for Celery the end of the last task.
The view is bare: no middleware, and the insert by a cursor. Beside it stands one of a new Django project, with the
middleware that such a project has and the insert by a model.
Each update is a message that is relayed in an open conversation, the most common one. Latency is measured apart, at 200
updates a second arriving at random. The flood comes over five connections: enough to keep a core busy, and fewer than
what the webhook takes for a queue that stays and sends back. The servers take turns, since the speed of a machine may
change within seconds: the ratios are medians of those of all rounds.
Processor time for each update says who is busy with it: the server, PostgreSQL, and who posts. Where two cores are all
there is, the latter two share one, and set a limit of their own.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

CORE = 0
# Before anything starts a server: the embedded ones stay where this process is.
os.sched_setaffinity(0, os.sched_getaffinity(0) - {CORE} or {CORE})
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import aiohttp  # noqa: E402
import psutil  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django_redis import get_redis_connection  # noqa: E402

from apps.bot.models import Dialogue  # noqa: E402
from apps.conversations.services import conversation_for  # noqa: E402
from apps.matching.services import record_swipe  # noqa: E402
from apps.notifications.models import Delivery  # noqa: E402
from apps.users.models import User  # noqa: E402
from benchmarks import report  # noqa: E402
from benchmarks.support import webhook_shapes  # noqa: E402
from tests.factories import member  # noqa: E402

SHAPES = ("bare", "stock", "ours", "celery")
ROUNDS, UPDATES, WARM_UP, PAIRS, CONNECTIONS = int(os.environ.get("ROUNDS", 7)), 400, 100, 50, 5
PATIENCE_SECS = 60
CALM_PER_SEC, CALM_SECS = 200, 10
FIRST_CHAT, FIRST_UPDATE = 7_100_000_000_000_000, 7_000_000_000
BUSY = ("server", "PostgreSQL", "load")
AGAINST = {
    "ours / a Celery task for each update": "celery",
    "ours / a bare view with one insert": "bare",
    "ours / such a view in a new Django project": "stock",
}
HEADERS = {
    "Content-Type": "application/json",
    "X-Telegram-Bot-Api-Secret-Token": settings.TELEGRAM_WEBHOOK_SECRET,
    "Host": "localhost",
}
_numbers = iter(range(10**9))


def clean() -> None:
    webhook_shapes.empty()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bot_update WHERE update_id >= %s", [FIRST_UPDATE])
    Delivery.objects.filter(chat_id__gte=FIRST_CHAT, chat_id__lt=FIRST_CHAT + 1000).delete()
    User.objects.filter(telegram_id__gte=FIRST_CHAT, telegram_id__lt=FIRST_CHAT + 1000).delete()
    get_redis_connection("default").delete("bench")


def talking_members() -> None:
    """Pairs who have each other's chat open."""
    for pair in range(PAIRS):
        people = [member(f"M{pair}", telegram_id=FIRST_CHAT + 2 * pair + side) for side in (0, 1)]
        record_swipe(people[0], people[1], liked=True)
        match = record_swipe(people[1], people[0], liked=True).match
        assert match
        conversation = conversation_for(match)
        for person in people:
            Dialogue.objects.update_or_create(user=person, defaults={"open_conversation": conversation})


def update() -> bytes:
    number = next(_numbers)
    chat = FIRST_CHAT + number % (2 * PAIRS)
    person = {"id": chat, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    message = {
        "message_id": 1000 + number,
        "date": int(time.time()),
        "chat": {"id": chat, "type": "private", "first_name": "Ann"},
        "from": person,
        "text": f"Message {number}: shall we meet at the lake tomorrow, at six?",
    }
    return json.dumps({"update_id": FIRST_UPDATE + number, "message": message}).encode()


# ---- The servers


@contextmanager
def server(shape: str) -> Iterator[tuple[str, list[int]]]:
    """Where to post, and the server's processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = "meetsmatch.wsgi" if shape == "ours" else "benchmarks.support.webhook_shapes"
    common = {**os.environ, "SHAPE": "" if shape == "ours" else shape}
    pinned, python = ["taskset", "-c", str(CORE)], Path(sys.executable).parent
    granian = [f"{target}:application", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    options = ["--workers", "1", "--blocking-threads", str(settings.WEB_THREADS), "--no-access-log"]
    commands = [[str(python / "granian"), *granian, *options, "--workers-kill-timeout", "5", "--log-level", "error"]]
    if shape == "celery":
        worker = ["-A", "benchmarks.support.webhook_shapes:app", "worker", "-c", "1", "-l", "error", "-Q", "bench"]
        commands.append([str(python / "celery"), "--quiet", *worker])
    running = [
        subprocess.Popen(pinned + command, cwd=ROOT, env=common, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        for command in commands
    ]
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/telegram/webhook", [process.pid for process in running]
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server does not start")


def processed(shape: str) -> int:
    ours = "bot_update WHERE update_id >= %s"
    table = {"ours": ours, "celery": "bench_message", "bare": "bench_seen", "stock": "bench_message"}[shape]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}", [FIRST_UPDATE] if shape == "ours" else None)  # noqa: S608
        return int(cursor.fetchone()[0])


# ---- The load


async def flood(url: str, count: int) -> None:
    left = iter(range(count))

    async def post(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=update(), headers=HEADERS) as response:
                assert response.status == 200, response.status

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(post(session) for _ in range(CONNECTIONS)))


async def calm(url: str) -> tuple[list[float], int]:
    """Milliseconds that each answer took, with updates that arrive at random, and how many were sent back."""
    dice, took = random.Random(3), []  # noqa: S311 the same arrivals each time
    sent_back: list[int] = []

    async def post(session: aiohttp.ClientSession) -> None:
        began = time.perf_counter()
        async with session.post(url, data=update(), headers=HEADERS) as response:
            sent_back.extend([1] if response.status != 200 else [])
        took.append((time.perf_counter() - began) * 1000)

    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session,
        asyncio.TaskGroup() as group,
    ):
        due = time.perf_counter()
        for _ in range(CALM_PER_SEC * CALM_SECS):
            due += dice.expovariate(CALM_PER_SEC)
            await asyncio.sleep(max(0, due - time.perf_counter()))
            group.create_task(post(session))
    return took, len(sent_back)


def measured(shape: str, url: str, pids: list[int]) -> tuple[float, list[float]]:
    """Updates processed a second, and milliseconds of processor time for each, as in BUSY."""
    busy, began = _busy_secs(pids), time.perf_counter()
    handle(shape, url, UPDATES)
    took = time.perf_counter() - began
    each = [(now - then) * 1000 / UPDATES for then, now in zip(busy, _busy_secs(pids), strict=True)]
    return UPDATES / took, each


def _busy_secs(pids: list[int]) -> list[float]:
    """Processor time so far of the server, of PostgreSQL and of this process."""
    server = [child for pid in pids for child in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]]
    postgres = [process for process in psutil.process_iter() if "postgres" in process.name()]
    return [sum(_secs_of(process) for process in group) for group in (server, postgres, [psutil.Process()])]


def _secs_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def handle(shape: str, url: str, count: int) -> None:
    """Posts so many updates and returns when all are processed."""
    due = processed(shape) + count
    asyncio.run(flood(url, count))
    deadline = time.monotonic() + PATIENCE_SECS
    while processed(shape) < due:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{shape}: {due - processed(shape)} of {count} updates are not processed")
        time.sleep(0.02)


def main() -> None:
    call_command("migrate", verbosity=0)
    webhook_shapes.empty()
    clean()
    talking_members()
    with ExitStack() as running:
        servers = {shape: running.enter_context(server(shape)) for shape in SHAPES}
        for shape, (url, _) in servers.items():
            handle(shape, url, WARM_UP)
        rounds = [{shape: measured(shape, *servers[shape]) for shape in SHAPES} for _ in range(ROUNDS)]
        took, sent_back = asyncio.run(calm(servers["ours"][0]))
    figures: dict[str, float] = {}
    for shape in SHAPES:
        figures[f"{shape}: processed a second"] = median(turn[shape][0] for turn in rounds)
        each = [median(column) for column in zip(*(turn[shape][1] for turn in rounds), strict=True)]
        figures |= {f"{shape}: {who}, ms each": ms for who, ms in zip(BUSY, each, strict=True)}
    figures |= {f"ours at {CALM_PER_SEC}/s: p{p} (ms)": quantiles(took, n=100)[p - 1] for p in (50, 95, 99)}
    figures[f"ours at {CALM_PER_SEC}/s: sent back"] = sent_back
    ratios = {name: median(turn["ours"][0] / turn[shape][0] for turn in rounds) for name, shape in AGAINST.items()}
    clean()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_seen, bench_message, bench_user")
    report.print_table(["figure", "value"], [[name, f"{value:,.2f}"] for name, value in figures.items()])
    report.print_table(["ratio", "value"], [[name, f"{value:.2f}"] for name, value in ratios.items()])
    report.write("webhook", figures, ratios)


if __name__ == "__main__":
    main()
