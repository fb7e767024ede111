"""A Bot API on loopback that answers at once and, where told to, enforces Telegram's limits: the sender's benchmarks.

As cheap as a server in Python can be, for it shares the machine with what is measured: one process, no framework, only
what a client of the Bot API needs of HTTP/1.1. Limits are strict: of any one second no more than the allowed calls get
through, of a chat one call a second after a burst, of a group 20 in any minute. What is over gets 429 and counts.
"""

import asyncio
import json
import multiprocessing
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

CHAT_BURST, GROUP_PER_MINUTE = 3, 20


@dataclass
class Limits:
    per_second: int | None = None
    _recent: deque = field(default_factory=deque)
    _chats: dict = field(default_factory=dict)
    _groups: defaultdict = field(default_factory=lambda: defaultdict(deque))

    def refuse(self, chat: int, now: float) -> bool:
        if self.per_second is None:
            return False
        recent = self._recent
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.per_second or not self._takes(chat, now):
            return True
        recent.append(now)
        return False

    def _takes(self, chat: int, now: float) -> bool:
        if chat < 0:
            calls = self._groups[chat]
            while calls and calls[0] <= now - 60:
                calls.popleft()
            calls.append(now)
            return len(calls) <= GROUP_PER_MINUTE
        full_at = max(self._chats.get(chat, 0.0), now)
        if full_at - now > CHAT_BURST - 1:
            return False
        self._chats[chat] = full_at + 1
        return True


class _Api:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.refused = 0
        self.arrivals: list[float] = []
        self.marked: dict[str, float] = {}  # texts that begin with !, and when they came
        self.times: Counter[str] = Counter()

    def call(self, path: bytes, body: bytes) -> bytes:
        now = time.monotonic()
        if path == b"/stats":
            return self._envelope(b"200 OK", json.dumps(self._stats()).encode())
        said = json.loads(body)
        chat, text = int(said.get("chat_id", 0)), said.get("text", "")
        if self.limits.refuse(chat, now):
            self.refused += 1
            return self._envelope(b"429 Too Many Requests", _TOO_MANY)
        self.arrivals.append(now)
        if text.startswith("!"):
            self.marked[text] = now
        if self.limits.per_second is not None:
            self.times[text + str(chat)] += 1
        return self._envelope(b"200 OK", b'{"ok":true,"result":{"message_id":%d,"date":0}}' % len(self.arrivals))

    def _stats(self) -> dict:
        return {
            "refused": self.refused,
            "count": len(self.arrivals),
            "arrivals": self.arrivals,
            "marked": self.marked,
            "doubled": sum(times - 1 for times in self.times.values()),
        }

    @staticmethod
    def _envelope(status: bytes, body: bytes) -> bytes:
        return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            status,
            len(body),
            body,
        )


_TOO_MANY = json.dumps(
    {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 1}}
).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, api: _Api) -> None:
        self._api = api
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, size = self._received[:end], 0
            at = head.lower().find(b"content-length:")
            if at >= 0:
                size = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._received) < end + 4 + size:
                return
            body, self._received = self._received[end + 4 : end + 4 + size], self._received[end + 4 + size :]
            self._transport.write(self._api.call(head.split(b" ", 2)[1], body))


def _serve(port, per_second: int | None) -> None:
    async def run() -> None:
        api = _Api(Limits(per_second))
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(api), "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def bot_api(per_second: int | None = None) -> Iterator[str]:
    """Its root URL; in a process of its own, gone afterwards."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, per_second), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def stats(root: str) -> dict:
    connection = HTTPConnection(root.removeprefix("http://"))
    connection.request("GET", "/stats")
    return json.loads(connection.getresponse().read())
