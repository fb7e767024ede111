"""The real processes, with a faulty network between them and all that they depend on, and members who write."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict

from meetsmatch.run import ROOT
from tests.drills.proxy import FaultProxy, Way, to_port, to_socket
from tests.drills.telegram import SECRET, TOKEN, Chat, Telegram
from tests.e2e.stack import Stack, wait_until

R = TypeVar("R")
PAIRS, LONERS = 12, 60
FIRST_ID = 5001
SECS_PER_MESSAGE = 2.0  # of each member: twelve pairs write twelve messages a second
PROCESSES = ("web", "sender", "worker", "beat")
# Pairs who talk to each other, and members who only change their photos.
SEED = f"""
from apps.bot.models import Dialogue
from apps.conversations.services import conversation_for
from apps.matching.services import record_swipe
from tests.factories import member
def someone(number):
    return member("Member", telegram_id={FIRST_ID} + number)
for pair in range({PAIRS}):
    one, other = someone(2 * pair), someone(2 * pair + 1)
    record_swipe(one, other, liked=True)
    match = record_swipe(other, one, liked=True).match
    Dialogue.objects.filter(user__in=[one, other]).update(open_conversation=conversation_for(match))
for number in range({LONERS}):
    someone(2 * {PAIRS} + number)
from apps.users.models import Photo
Photo.objects.update(file="photos/seed.jpg")
from apps.flags.models import Flag
from apps.flags.state import State
flag = Flag.objects.get(name="core.fault_injection")
flag.apply(State(everyone=True))
flag.save(by=None, reason="a drill, on servers that are thrown away")
"""
RESTART = """
import sys, time
from meetsmatch import embedded
server = embedded.{kind}(embedded.VAR / embedded.{kind}.folder_name)
{stop}
time.sleep({away_secs})
server.acquire()
"""


class Loop(threading.Thread):
    """The event loop of everything that is not MeetsMatch: proxies, Telegram, members."""

    def __init__(self) -> None:
        super().__init__(name="outside", daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def soon(self, call: Callable[..., Any], *args: Any) -> None:
        self.loop.call_soon_threadsafe(call, *args)


class World(Stack):
    """Use as `with World() as world`."""

    def __init__(self, name: str = "drills", processes: Sequence[str] = PROCESSES) -> None:
        self.outside = Loop()
        super().__init__(
            name,
            processes,
            FAULT_INJECTION="1",
            MEETSMATCH_TEST_SERVERS="0",  # what is committed must survive a kill -9 of PostgreSQL
            TELEGRAM_BOT_TOKEN=TOKEN,
            TELEGRAM_WEBHOOK_SECRET=SECRET,
            WORKER_CONCURRENCY="1",
        )
        self._environment |= {
            "DRILL_CLOCK": str(self.folder / "clock"),
            "PYTHONPATH": str(Path(__file__).parent / "clock"),
        }
        ids = range(FIRST_ID, FIRST_ID + 2 * PAIRS)
        chats = {each: Chat(each, FIRST_ID + ((each - FIRST_ID) ^ 1)) for each in ids}
        loners = range(FIRST_ID + 2 * PAIRS, FIRST_ID + 2 * PAIRS + LONERS)
        self.loners = [Chat(each, 0) for each in loners]
        everybody = chats | {chat.id: chat for chat in self.loners}
        self.telegram = Telegram(f"{self.url}/telegram/webhook", everybody)
        self.pairs = chats
        self._writers: list[asyncio.Task[None]] = []

    def wire(self) -> dict[str, str]:
        """Everything that the processes depend on is reached through a proxy."""
        self.outside.do(self.telegram.start())
        database = conninfo_to_dict(self.database_url)
        self.postgres_socket = f"{database['host']}/.s.PGSQL.{database['port']}"
        self.valkey_socket = unquote(urlsplit(self.redis_url).path)
        self.proxies = {
            "database": FaultProxy(to_socket(self.postgres_socket)),
            "redis": FaultProxy(to_socket(self.valkey_socket)),
            "telegram": FaultProxy(to_port(self.telegram.port)),
        }
        for proxy in self.proxies.values():
            self.outside.do(proxy.start())
        port = {name: proxy.port for name, proxy in self.proxies.items()}
        return {
            "DATABASE_URL": f"postgresql://{database['user']}@127.0.0.1:{port['database']}/{database['dbname']}",
            "REDIS_URL": f"redis://127.0.0.1:{port['redis']}/0",
            "TELEGRAM_API_ROOT": f"http://127.0.0.1:{port['telegram']}",
        }

    def seed(self) -> None:
        self.manage("shell", "--verbosity", "0", "-c", SEED)

    # ---- Load

    @contextmanager
    def load(self) -> Iterator[None]:
        """Members write to each other, all of them, all the time."""
        self._writers = [self.outside.do(self._start_writing(chat)) for chat in self.pairs.values()]
        yield
        for writer in self._writers:
            self.outside.soon(writer.cancel)

    async def _start_writing(self, chat: Chat) -> "asyncio.Task[None]":
        return asyncio.create_task(self._keep_writing(chat))

    async def _keep_writing(self, chat: Chat) -> None:
        await asyncio.sleep(SECS_PER_MESSAGE * (chat.id % 24) / 24)
        while True:
            self.telegram.write(chat)
            await asyncio.sleep(SECS_PER_MESSAGE)

    # ---- What a drill does to it

    def restart(self, kind: str, *, stop: str, away_secs: float) -> None:
        """Stops an embedded server by this code and starts it again; returns when it answers."""
        code = RESTART.format(kind=kind, stop=stop, away_secs=away_secs)
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=self._environment, check=True)

    def sql(self, query: str, *params: object) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, params)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.valkey_socket)

    def inject(self, dependency: str, kind: str, *, secs: float, **more: object) -> None:
        """As `manage.py faults start` does, without the seconds that a command takes to start."""
        columns = {"id": os.urandom(16).hex(), "dependency": dependency, "kind": kind, "rate": 1.0, "amount": 0}
        columns |= {"process": "", "reason": "a drill", **more}
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        ends = f"now() + interval '{secs} seconds'"
        self.sql(f"INSERT INTO core_fault ({names}, ends_at) VALUES ({marks}, {ends})", *columns.values())

    def set_clock(self, off_secs: float) -> None:
        (self.folder / "clock").write_text(str(off_secs))

    def has_finished(self) -> bool:
        """Nothing waits, neither at Telegram nor in the outbox."""
        waiting = self.sql("SELECT count(*) FROM notifications_delivery WHERE status IN ('pending', 'in_flight')")
        return not waiting[0][0] and all(chat.posts.empty() for chat in self.telegram.chats.values())

    def photos_to_store(self) -> int:
        return int(self.sql("SELECT count(*) FROM users_photo WHERE file = ''")[0][0])

    def heal(self) -> None:
        """Whatever a drill left behind is taken back; returns when all processes are there."""
        for proxy in self.proxies.values():
            self.outside.soon(proxy.turn, Way.OPEN)
        telegram = self.telegram
        telegram.refuse, telegram.answer_after_secs, telegram.breaks, telegram.repeats = lambda _: None, 0.0, 0.0, 0.0
        self.set_clock(0)
        missing = [name for name in self._processes if name not in self._running]
        if missing:
            self.start(*missing)
        wait_until(self._is_ready, "ready again", 60)


def now() -> float:
    return time.monotonic()
