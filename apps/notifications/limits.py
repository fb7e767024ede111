"""How fast Telegram may be called: overall, in each chat, in each group; in Redis, shared by all senders.

Each limit is a bucket, kept as one number: the moment at which all that was taken out of it has flown back (GCRA). It
has room while that moment is no further ahead than the burst. One script decides over a whole batch, by Redis' clock.
While Redis is away each sender keeps buckets of its own and takes its share of the overall rate.
"""

import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import orjson
import redis.asyncio
import structlog
from redis import RedisError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from apps.core.impatient_redis import TIMEOUT_SECS

log = structlog.get_logger(__name__)

# A little under what Telegram allows: calls do not arrive as evenly as they leave.
SHARE_USED = 0.965
# What may go at once after a quiet moment: enough to make up for a busy event loop.
BURST_SECS = 0.02
# Of a burst, what is kept for replies and relayed messages: they never wait for a broadcast to leave some.
KEPT_SHARE = 0.25
CHAT_SECS, CHAT_BURST = 1.05, 3
GROUP_SECS, GROUP_BURST = 60 / 18, 2
# Telegram does not say whether a 429 is about the chat or about all. This many chats at once are all.
CHATS_THAT_MEAN_ALL, WITHIN_SECS = 3, 2.0
AWAY_SECS = 1.0
DEPTH_SECS = 0.2
_PREFIX = "meetsmatch:{limits}"  # in a cluster, all on one node
_MICROS = 1_000_000

_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local asked, prefix = cjson.decode(ARGV[1]), KEYS[1]
local function read(key) return math.max(tonumber(redis.call('GET', key) or 0), now) end
local function write(key, at)
    redis.call('SET', key, string.format('%.0f', at), 'PX', math.floor((at - now) / 1000) + 1000)
end
local all, answers = read(prefix .. ':all'), {}
local before = all
for number, ask in ipairs(asked.asks) do
    local chat_key = prefix .. ':' .. string.format('%.0f', ask[1])
    local limit = asked.limits[ask[1] < 0 and 2 or 1]
    local chat = ask[3] and read(chat_key) or now
    local chat_wait = chat - now - (limit[2] - 1) * limit[1]
    local all_wait = all - now - (ask[2] and asked.burst or asked.common_burst)
    if chat_wait > 0 then
        answers[number] = math.ceil(chat_wait)
    elseif all_wait > 0 then
        answers[number] = -math.ceil(all_wait)
    else
        answers[number] = 0
        all = all + asked.interval
        if ask[3] then write(chat_key, chat + limit[1]) end
    end
end
if all > before then write(prefix .. ':all', all) end
return answers
"""
_PAUSE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], 0, now - ARGV[3])
redis.call('PEXPIRE', KEYS[2], 60000)
if redis.call('ZCARD', KEYS[2]) < tonumber(ARGV[4]) then return 0 end
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + ARGV[2])
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.floor((at - now) / 1000) + 1000)
return 1
"""


class Ask(NamedTuple):
    """May a call go to this chat now? `is_new_message`: edits and deletions do not count against a chat's limit."""

    chat_id: int
    is_urgent: bool
    is_new_message: bool


class Wait(NamedTuple):
    """How long until it is worth asking again; `of_chat`: it is the chat's limit, others may go meanwhile."""

    secs: float
    of_chat: bool = False


GO = Wait(0.0)


@dataclass(frozen=True)
class Rates:
    """`per_second` is what Telegram allows overall."""

    per_second: float

    @property
    def interval(self) -> int:
        """Between two calls, in microseconds, as all numbers here."""
        return round(_MICROS / (self.per_second * SHARE_USED))

    @property
    def burst(self) -> int:
        """How far ahead of the clock the bucket may be."""
        return round(BURST_SECS * _MICROS)

    @property
    def depth(self) -> int:
        """How many deliveries of one priority a sender should hold: what may go in a fraction of a second."""
        return max(8, round(self.per_second * DEPTH_SECS))

    @property
    def common_burst(self) -> int:
        return round(self.burst * (1 - KEPT_SHARE))


_CHAT = (round(CHAT_SECS * _MICROS), CHAT_BURST)
_GROUP = (round(GROUP_SECS * _MICROS), GROUP_BURST)


class Limits:
    """Decides which calls may go. Never raises. To be closed in the end."""

    def __init__(self, redis_url: str, rates: Rates) -> None:
        self.rates = rates
        self._redis = redis.asyncio.Redis.from_url(
            redis_url,
            socket_connect_timeout=TIMEOUT_SECS,
            socket_timeout=TIMEOUT_SECS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._here = Buckets()
        self._away_until = 0.0
        self.senders = 1
        """How many share the limits, as far as known: each takes its part of them while Redis is away."""

    async def take(self, asks: Sequence[Ask]) -> list[Wait]:
        """For each call, in this order, whether it may go now (GO: then it counts as gone) or how long to wait."""
        if not asks:
            return []
        if time.monotonic() >= self._away_until:
            try:
                return [_wait(answer) for answer in await self._ask_redis(asks)]
            except (RedisError, OSError) as error:
                self._note_away(error)
        return [_wait(answer) for answer in self._here.take(asks, self.rates, self.senders, _now())]

    async def refused(self, chat_id: int, secs: float) -> bool:
        """Telegram has answered 429. True when it means everybody: then all calls wait for so long."""
        if time.monotonic() >= self._away_until:
            call = self._redis.eval(
                _PAUSE,
                2,
                f"{_PREFIX}:all",
                f"{_PREFIX}:refused",
                str(chat_id),
                str(round(secs * _MICROS)),
                str(round(WITHIN_SECS * _MICROS)),
                str(CHATS_THAT_MEAN_ALL),
            )
            try:
                return bool(await cast(Awaitable[int], call))
            except (RedisError, OSError) as error:
                self._note_away(error)
        return self._here.refused(chat_id, secs, _now())

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask_redis(self, asks: Sequence[Ask]) -> list[int]:
        asked = {
            "asks": [tuple(ask) for ask in asks],
            "limits": [_CHAT, _GROUP],
            "interval": self.rates.interval,
            "burst": self.rates.burst,
            "common_burst": self.rates.common_burst,
        }
        return cast(list[int], await self._script(keys=[_PREFIX], args=[orjson.dumps(asked)]))

    def _note_away(self, error: Exception) -> None:
        if not self._away_until:
            log.warning("limits_held_in_process", error=type(error).__name__)
        self._away_until = time.monotonic() + AWAY_SECS


class Buckets:
    """The same buckets in this process. Moments are in microseconds of any clock that only goes forward."""

    MAX_CHATS = 10_000

    def __init__(self) -> None:
        self._all = 0
        self._chats: dict[int, int] = {}
        self._refused: dict[int, int] = {}

    def take(self, asks: Iterable[Ask], rates: Rates, senders: int, now: int) -> list[int]:
        """As the script answers: 0 may go, above it the chat's wait, below it everybody's."""
        if len(self._chats) > self.MAX_CHATS:
            self._chats = {chat: at for chat, at in self._chats.items() if at > now}
        return [self._take(ask, rates, senders, now) for ask in asks]

    def refused(self, chat_id: int, secs: float, now: int) -> bool:
        since = now - round(WITHIN_SECS * _MICROS)
        self._refused = {chat: at for chat, at in self._refused.items() if at > since} | {chat_id: now}
        if len(self._refused) < CHATS_THAT_MEAN_ALL:
            return False
        self._all = max(self._all, now + round(secs * _MICROS))
        return True

    def _take(self, ask: Ask, rates: Rates, senders: int, now: int) -> int:
        chat_interval, chat_burst = _GROUP if ask.chat_id < 0 else _CHAT
        chat = max(self._chats.get(ask.chat_id, 0), now) if ask.is_new_message else now
        everybody = max(self._all, now)
        chat_wait = chat - now - (chat_burst - 1) * chat_interval
        wait = everybody - now - (rates.burst if ask.is_urgent else rates.common_burst)
        if chat_wait > 0:
            return chat_wait
        if wait > 0:
            return -wait
        self._all = everybody + rates.interval * senders
        if ask.is_new_message:
            self._chats[ask.chat_id] = chat + chat_interval
        return 0


def _wait(answer: int) -> Wait:
    return Wait(abs(answer) / _MICROS, of_chat=answer > 0) if answer else GO


def _now() -> int:
    return time.monotonic_ns() // 1000
