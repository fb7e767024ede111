"""A Bot API on loopback, for tests of what speaks HTTP: the gateway and the sender process."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "123456:this-is-the-secret-token"


@dataclass
class Answer:
    """What the server answers; `result` in Telegram's envelope unless there is a `body`."""

    result: object = True
    status: int = 200
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    body: bytes | None = None

    def encode(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.status == 200:
            return json.dumps({"ok": True, "result": self.result}).encode()
        error = {"ok": False, "error_code": self.status, "description": self.description}
        return json.dumps(error | ({"parameters": self.parameters} if self.parameters else {})).encode()


@dataclass
class Request:
    path: str
    body: bytes

    @property
    def params(self) -> dict[str, Any]:
        """As the Bot API takes them: one JSON body, or a form with every value as text."""
        return json.loads(self.body) if self.body.startswith(b"{") else dict(parse_qsl(self.body.decode()))


@dataclass
class TelegramServer:
    """`requests` are those received, in order. `answers` by the last part of the path; a new message for all others.

    While `holds` is cleared, requests are received but not answered.
    """

    root: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    holds: threading.Event = field(default_factory=threading.Event)
    _message_ids: Iterator[int] = field(default_factory=lambda: count(1))

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        self.holds.wait(timeout=30)
        default = Answer({"message_id": next(self._message_ids), "date": 0, "chat": {"id": 1, "type": "private"}})
        return self.answers.get(request.path.rsplit("/", 1)[-1], default)

    @property
    def texts(self) -> list[str]:
        return [request.params["text"] for request in self.requests]


@contextmanager
def telegram_server() -> Iterator[TelegramServer]:
    server = TelegramServer()
    server.holds.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            answer = server.answer(Request(self.path, self.rfile.read(length)))
            content = answer.encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815 the base class wants it so

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=[0.05])
    thread.start()
    server.root = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        server.holds.set()
        http.shutdown()
        thread.join()
        http.server_close()
