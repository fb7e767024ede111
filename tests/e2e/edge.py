"""The edge worker in its real runtime before a real origin, and a Telegram that posts as Telegram does.

The client is aiohttp's: httpx holds some of a hundred calls at once up for many seconds.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from meetsmatch import local_edge
from tests.e2e.stack import Stack, _free_port, wait_until

SHARED_SECRET = "of-the-origin-and-its-edge-worker-only"
WEBHOOK_SECRET = "simulator"
START_TIMEOUT_SECS = 60
FIRST_GAP_SECS, LONGEST_GAP_SECS = 0.2, 2.0
POST_TIMEOUT_SECS = 60


class Worker:
    """workerd, as `make run EDGE=1` starts it. What it stores outlives a kill."""

    def __init__(self, folder: Path, port: int, origin: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder, self._port, self._origin = folder, port, origin

    def start(self) -> None:
        command = local_edge.command(
            self._folder,
            port=self._port,
            origin=self._origin,
            webhook_secret=WEBHOOK_SECRET,
            shared_secret=SHARED_SECRET,
            media=self._folder.parent / "media",
        )
        with (self._folder.parent / "edge.log").open("ab") as log:
            self._process = subprocess.Popen(
                f"exec {command}",
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: local_edge.is_live(self._port), "the worker is live", START_TIMEOUT_SECS)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def origin_behind_edge(name: str, processes: Sequence[str]) -> Iterator[tuple[Stack, Worker]]:
    """A MeetsMatch whose updates come through a worker, and which tells it what to purge."""
    port = _free_port()
    variables = {"EDGE_URL": f"http://127.0.0.1:{port}", "EDGE_SHARED_SECRET": SHARED_SECRET}
    with Stack(name, processes, **variables) as origin:
        worker = Worker(origin.folder / "edge", port, origin.url)
        worker.start()
        try:
            yield origin, worker
        finally:
            worker.kill()


# ---- Telegram's side


@dataclass
class Telegram:
    """Posts updates as Telegram does: those of one chat one after the other, each until it is answered 200."""

    url: str
    posted: int = 0
    attempts: int = 0
    delays: list[float] = field(default_factory=list)

    async def post_all(self, queues: Sequence[Sequence[dict[str, Any]]], *, pause_secs: float) -> None:
        """Every queue at the same time, with a pause after each update; they do not begin all at once."""
        timeout = aiohttp.ClientTimeout(total=POST_TIMEOUT_SECS)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as client:
            gaps = [pause_secs * place / len(queues) for place in range(len(queues))]
            await asyncio.gather(
                *(self._post_queue(client, queue, pause_secs, gap) for queue, gap in zip(queues, gaps, strict=True))
            )

    async def _post_queue(
        self, client: aiohttp.ClientSession, queue: Sequence[dict[str, Any]], pause_secs: float, first_gap: float
    ) -> None:
        await asyncio.sleep(first_gap)
        for update in queue:
            gap = FIRST_GAP_SECS
            while not await self._post(client, update):
                await asyncio.sleep(gap)
                gap = min(gap * 2, LONGEST_GAP_SECS)
            self.posted += 1
            await asyncio.sleep(pause_secs)

    async def _post(self, client: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        self.attempts += 1
        headers = {"X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET}
        began = time.monotonic()
        try:
            async with client.post("/telegram/webhook", json=update, headers=headers) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return False
        self.delays.append(time.monotonic() - began)
        return response.status == HTTPStatus.OK


def messages(members: Sequence[int], count: int, *, ids_from: int = 1) -> list[list[dict[str, Any]]]:
    """For each member a queue: `count` requests for help in all, their ids rising in turns from member to member."""
    queues: list[list[dict[str, Any]]] = [[] for _ in members]
    for number in range(count):
        place = number % len(members)
        person = {"id": members[place], "is_bot": False, "first_name": "Ann", "language_code": "en"}
        message = {
            "message_id": number + 1,
            "date": 1_790_000_000,
            "chat": {"id": members[place], "type": "private", "first_name": "Ann"},
            "from": person,
            "text": "/help",
            "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
        }
        queues[place].append({"update_id": ids_from + number, "message": message})
    return queues


# ---- What became of them at the origin

MAKE_MEMBERS = """
from tests.factories import member
for number in range({count}):
    member(telegram_id={first} + number)
"""
LOOK = """
from collections import Counter
from apps.bot.models import Update
from apps.notifications.models import Delivery
import json
taken = list(Update.objects.order_by("pk").values_list("update_id", "status"))
answers = Counter(Delivery.objects.values_list("chat_id", flat=True))
print(json.dumps({"taken": taken, "answers": list(answers.items())}))
"""


def run(stack: Stack, code: str) -> str:
    return stack.manage("shell", "--verbosity", "0", "-c", code)


def in_thread(act: Callable[[], object]) -> "asyncio.Future[object]":
    return asyncio.get_running_loop().run_in_executor(None, act)
