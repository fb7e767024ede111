"""A TCP proxy that does to connections what networks do: refuses, breaks, swallows or delays them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHUNK = 64 * 1024


class Way(Enum):
    """What the proxy does with what passes through it."""

    OPEN = auto()
    REFUSE = auto()  # new connections are reset at once, and the old ones broken
    SWALLOW = auto()  # connections stay, and nothing comes out of them until the way is open again
    SLOW = auto()  # every piece arrives `delay_secs` later


@dataclass
class FaultProxy:
    """Listens on a port of its own for what `connect` leads to. All of it runs in the loop that started it."""

    connect: Callable[[], Awaitable[Streams]]
    way: Way = Way.OPEN
    delay_secs: float = 0.5
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._server = server

    def turn(self, way: Way) -> None:
        self.way = way
        if way is Way.REFUSE:
            self.break_all()

    def break_all(self) -> None:
        """Every connection is reset, as when a server fails over."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.way is Way.REFUSE:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await self.connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                while self.way is Way.SWALLOW:
                    await asyncio.sleep(0.02)
                if self.way is Way.SLOW:
                    await asyncio.sleep(self.delay_secs)
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()
        self._writers.discard(writer)


def to_port(port: int) -> Callable[[], Awaitable[Streams]]:
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Callable[[], Awaitable[Streams]]:
    return lambda: asyncio.open_unix_connection(path)
