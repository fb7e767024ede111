"""The drills. Each does something to the world for some seconds while members write, and takes it back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.drills.proxy import Way
from tests.drills.telegram import Refusal
from tests.drills.world import World, now

FAULT_SECS = 6.0
PHOTOS = 5


@dataclass
class Notes:
    """What a drill tells about itself, for the verdict."""

    cuts: list[float] = field(default_factory=list)
    excused: set[int] = field(default_factory=set)
    saw: str = ""
    ended: float | None = None
    """When the fault ended, where that is not the end of the drill's act."""
    needs_photos: bool = False


Act = Callable[[World, Notes], None]
DRILLS: dict[str, tuple[str, Act]] = {}


def drill(what: str) -> Callable[[Act], Act]:
    def register(act: Act) -> Act:
        DRILLS[act.__name__.replace("_", "-")] = (what, act)
        return act

    return register


@contextmanager
def network(world: World, name: str, way: Way) -> Iterator[None]:
    world.outside.soon(world.proxies[name].turn, way)
    yield
    world.outside.soon(world.proxies[name].turn, Way.OPEN)


def kill(world: World, notes: Notes, name: str) -> None:
    """Twice, as a crash that a supervisor mends a second later."""
    for _ in range(2):
        world.kill(name)
        notes.cuts.append(now())
        time.sleep(1)
        notes.ended = now()
        world.start(name)
        time.sleep(2)


def send_photos(world: World, notes: Notes) -> None:
    """Members add photos to their profiles, which the worker has to fetch and store."""
    notes.needs_photos = True
    for _ in range(PHOTOS):
        chat = world.loners.pop()
        world.outside.soon(world.telegram.tap, chat, "edit:photos")
        size = {"file_id": f"p{chat.id}", "file_unique_id": f"u{chat.id}", "width": 60, "height": 80}
        world.outside.soon(lambda c=chat, s=size: world.telegram.send(c, message=world.telegram.message(c, photo=[s])))


# ---- Processes


@drill("kill -9 of web, twice")
def kill_web(world: World, notes: Notes) -> None:
    kill(world, notes, "web")


@drill("kill -9 of the sender, twice")
def kill_sender(world: World, notes: Notes) -> None:
    world.telegram.answer_after_secs = 0.4  # so that there are calls in flight
    kill(world, notes, "sender")
    world.telegram.answer_after_secs = 0.0


@drill("kill -9 of the worker amid photos to store")
def kill_worker(world: World, notes: Notes) -> None:
    send_photos(world, notes)
    time.sleep(0.5)
    kill(world, notes, "worker")


@drill("kill -9 of beat, twice")
def kill_beat(world: World, notes: Notes) -> None:
    kill(world, notes, "beat")


@drill("kill -9 of all four processes at once")
def kill_all(world: World, notes: Notes) -> None:
    names = ("web", "sender", "worker", "beat")
    world.telegram.answer_after_secs = 0.4
    time.sleep(1)
    world.kill(*names)
    notes.cuts.append(now())
    time.sleep(1)
    world.telegram.answer_after_secs = 0.0
    notes.ended = now()
    world.start(*names)


# ---- PostgreSQL


@drill("PostgreSQL restarted, 3 s away")
def database_restart(world: World, notes: Notes) -> None:
    world.restart("_Postgres", stop="server.stop()", away_secs=3)


@drill("PostgreSQL killed with -9, 3 s away")
def database_kill(world: World, notes: Notes) -> None:
    stop = "import os, signal; os.kill(server._pid(), signal.SIGKILL)"
    world.restart("_Postgres", stop=stop, away_secs=3)


@drill("failover: every connection to PostgreSQL broken, six times in 6 s")
def database_failover(world: World, notes: Notes) -> None:
    for _ in range(6):
        world.outside.soon(world.proxies["database"].break_all)
        time.sleep(1)


@drill("PostgreSQL refuses connections for 6 s")
def database_refused(world: World, notes: Notes) -> None:
    with network(world, "database", Way.REFUSE):
        time.sleep(FAULT_SECS)


@drill("PostgreSQL silent for 6 s")
def database_silent(world: World, notes: Notes) -> None:
    with network(world, "database", Way.SWALLOW):
        time.sleep(FAULT_SECS)


@drill("one query of twenty fails for 6 s (injected)")
def database_errors(world: World, notes: Notes) -> None:
    world.inject("database", "error", secs=FAULT_SECS, rate=0.05)
    time.sleep(FAULT_SECS)


# ---- Valkey


@drill("Valkey flushed, then killed and 3 s away, amid photos to store")
def redis_restart(world: World, notes: Notes) -> None:
    send_photos(world, notes)
    world.redis().flushall()
    pid = world.redis().info("server")["process_id"]
    world.restart("_Valkey", stop=f"import os, signal; os.kill({pid}, signal.SIGKILL)", away_secs=3)


@drill("Valkey silent for 6 s")
def redis_silent(world: World, notes: Notes) -> None:
    with network(world, "redis", Way.SWALLOW):
        time.sleep(FAULT_SECS)


# ---- Telegram


@drill("Telegram answers 429 to two calls of three for 6 s")
def telegram_429(world: World, notes: Notes) -> None:
    count = iter(range(1_000_000))
    too_many = Refusal(429, "Too Many Requests: retry after 1", {"retry_after": 1})
    world.telegram.refuse = lambda _: too_many if next(count) % 3 else None
    time.sleep(FAULT_SECS)
    world.telegram.refuse = lambda _: None


@drill("Telegram answers 502 for 6 s")
def telegram_5xx(world: World, notes: Notes) -> None:
    world.telegram.refuse = lambda _: Refusal(502, "Bad Gateway")
    time.sleep(FAULT_SECS)
    world.telegram.refuse = lambda _: None


@drill("Telegram takes 4 s for each call, for 6 s")
def telegram_slow(world: World, notes: Notes) -> None:
    world.telegram.answer_after_secs = 4
    time.sleep(FAULT_SECS)
    world.telegram.answer_after_secs = 0


@drill("a third of the connections to Telegram reset, half of them after the call was done")
def telegram_reset(world: World, notes: Notes) -> None:
    world.telegram.breaks = 1 / 3
    time.sleep(FAULT_SECS)
    world.telegram.breaks = 0


@drill("Telegram refuses connections for 6 s")
def telegram_refused(world: World, notes: Notes) -> None:
    with network(world, "telegram", Way.REFUSE):
        notes.cuts.append(now())
        time.sleep(FAULT_SECS)


@drill("two members block the bot and come back")
def blocked(world: World, notes: Notes) -> None:
    gone = list(world.pairs.values())[:3:2]
    ids = {chat.id for chat in gone}
    notes.excused |= ids
    world.telegram.refuse = lambda chat_id: (
        Refusal(403, "Forbidden: bot was blocked by the user") if chat_id in ids else None
    )
    time.sleep(FAULT_SECS)
    world.telegram.refuse = lambda _: None
    for chat in gone:
        world.outside.soon(world.telegram.change_membership, chat, "member")


# ---- Updates


@drill("updates whose handling always fails, in four chats")
def poison(world: World, notes: Notes) -> None:
    for chat in list(world.pairs.values())[:4]:
        broken = {**world.telegram.message(chat, text="x"), "date": "not a date"}
        world.outside.soon(lambda c=chat, m=broken: world.telegram.send(c, message=m))
    time.sleep(FAULT_SECS)


@drill("half of all updates come again up to 3 s later, among newer ones")
def duplicates(world: World, notes: Notes) -> None:
    world.telegram.repeats = 0.5
    time.sleep(FAULT_SECS)
    world.telegram.repeats = 0.0


# ---- The machine


@drill("the media store's disk full for 6 s (injected), amid photos to store")
def media_full(world: World, notes: Notes) -> None:
    world.inject("media", "full", secs=FAULT_SECS)
    time.sleep(0.7)
    send_photos(world, notes)
    time.sleep(FAULT_SECS - 1)
    assert world.photos_to_store() == PHOTOS, "the disk was not full"
    time.sleep(0.3)


@drill("the clocks of all processes jump an hour ahead, then two back, then home")
def clock(world: World, notes: Notes) -> None:
    for off in (3600, -3600, 0):
        world.set_clock(off)
        time.sleep(2.5)
    jumped = "SELECT count(*) FROM conversations_message WHERE abs(extract(epoch FROM created_at - now())) > 3000"
    assert world.sql(jumped)[0][0] > 0, "no clock has jumped"


@drill("every process loses 90 % of its time and 200 MiB for 6 s (injected)")
def exhaustion(world: World, notes: Notes) -> None:
    world.inject("process", "cpu", secs=FAULT_SECS, rate=0.9)
    world.inject("process", "memory", secs=FAULT_SECS, amount=200)
    time.sleep(FAULT_SECS)
