"""Telegram as the drills have it: a Bot API that takes the messages, and posts what members write, in order, for ever.

It knows what really happened: when each message was written, when and how often it arrived, and whether the call that
brought it was answered. Everything runs in one event loop.
"""

import asyncio
import io
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web
from PIL import Image

TOKEN = "777000:drills"
SECRET = "only-telegram-and-we-know-this"
NUMBERED = re.compile(r"(\d+) #(\d+)")
APOLOGY = "Something went wrong"
# Telegram's own gaps double up to a minute; here a drill has seconds.
FIRST_GAP_SECS, LONGEST_GAP_SECS = 0.1, 2.0


@dataclass
class Arrival:
    """One call that brought a message. `answered` says whether the bot could know that it did."""

    number: int
    at: float
    answered: bool = True


@dataclass
class Refusal:
    """What the Bot API answers instead."""

    status: int
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class Chat:
    """One member: what they wrote (number → moment), and what arrived in their chat."""

    id: int
    partner_id: int
    written: dict[int, float] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    apologies: int = 0
    posts: "asyncio.Queue[dict[str, Any]]" = field(default_factory=asyncio.Queue)


@dataclass
class Telegram:
    """`chats` by id. The knobs are turned by the drills, from any thread."""

    webhook: str
    chats: dict[int, Chat]
    port: int = 0
    refuse: Callable[[int], Refusal | None] = lambda chat_id: None
    answer_after_secs: float = 0.0
    breaks: float = 0.0  # the share of calls whose connection is reset, half of them after the call was done
    repeats: float = 0.0  # the share of updates that are posted again, at any later moment
    posted: int = 0
    refused: int = 0  # posts that were not answered with 200
    broken: int = 0  # calls whose connection was reset
    _dice: random.Random = field(default_factory=lambda: random.Random(6))
    _update_ids: Any = field(default_factory=lambda: count(int(time.time() * 1000)))
    _message_ids: Any = field(default_factory=lambda: count(1))

    async def start(self) -> None:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(runner.addresses[0][1])
        timeout = aiohttp.ClientTimeout(total=20)
        self._http = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=200))
        self._posters = [asyncio.create_task(self._post_all(chat)) for chat in self.chats.values()]

    # ---- What members do

    def write(self, chat: Chat) -> None:
        number = len(chat.written)
        chat.written[number] = time.monotonic()
        self.send(chat, message=self.message(chat, text=f"{chat.id} #{number}"))

    def send(self, chat: Chat, **content: Any) -> None:
        chat.posts.put_nowait({"update_id": next(self._update_ids), **content})

    def message(self, chat: Chat, **content: Any) -> dict[str, Any]:
        return {"message_id": next(self._message_ids), "date": 1_800_000_000, **self._who(chat), **content}

    def tap(self, chat: Chat, data: str) -> None:
        message = {**self.message(chat, text="…"), "from": {"id": 777000, "is_bot": True, "first_name": "Bot"}}
        query = {"id": str(next(self._update_ids)), "from": self._who(chat)["from"], "chat_instance": "1"}
        self.send(chat, callback_query={**query, "data": data, "message": message})

    def change_membership(self, chat: Chat, status: str) -> None:
        bot = {"id": 777000, "is_bot": True, "first_name": "Bot"}
        new = {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}
        old = {"user": bot, "status": "member"}
        change = {**self._who(chat), "date": 0, "old_chat_member": old, "new_chat_member": new}
        self.send(chat, my_chat_member=change)

    def _who(self, chat: Chat) -> dict[str, Any]:
        user = {"id": chat.id, "is_bot": False, "first_name": "Member", "language_code": "en"}
        return {"chat": {"id": chat.id, "type": "private", "first_name": "Member"}, "from": user}

    async def _post_all(self, chat: Chat) -> None:
        """The updates of one chat, one after the other: the next is posted when this one was answered with 200."""
        while True:
            update = await chat.posts.get()
            gap = FIRST_GAP_SECS
            while not await self._post(update):
                await asyncio.sleep(gap)
                gap = min(LONGEST_GAP_SECS, gap * 2)
            if self._dice.random() < self.repeats:
                asyncio.get_running_loop().call_later(self._dice.uniform(0, 3), self._post_again, update)

    def _post_again(self, update: dict[str, Any]) -> None:
        self._again = asyncio.ensure_future(self._post(update))

    async def _post(self, update: dict[str, Any]) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        self.posted += 1
        try:
            async with self._http.post(self.webhook, json=update, headers=headers) as response:
                if response.status == 200:
                    return True
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        self.refused += 1
        return False

    # ---- What the bot does

    async def _call(self, request: web.Request) -> web.StreamResponse:
        params = await request.json() if request.content_type == "application/json" else dict(await request.post())
        chat_id = int(params.get("chat_id") or 0)
        fate = self._dice.random() / self.breaks if self.breaks else 1.0
        self.broken += fate < 1
        if fate < 0.5:
            return _reset(request)
        if refusal := self.refuse(chat_id):
            return _error(refusal)
        arrival = self._arrive(chat_id, str(params.get("text", "")))
        if arrival and fate < 1:
            arrival.answered = False
        if fate < 1:
            return _reset(request)
        try:
            await asyncio.sleep(self.answer_after_secs)
        except asyncio.CancelledError:
            if arrival:
                arrival.answered = False
            raise
        return web.json_response({"ok": True, "result": self._result(request.match_info["method"], chat_id)})

    def _arrive(self, chat_id: int, text: str) -> Arrival | None:
        chat = self.chats.get(chat_id)
        if chat is None:
            return None
        chat.apologies += APOLOGY in text
        if not (found := NUMBERED.search(text)) or int(found[1]) != chat.partner_id:
            return None
        chat.arrivals.append(Arrival(int(found[2]), time.monotonic()))
        return chat.arrivals[-1]

    def _result(self, method: str, chat_id: int) -> Any:
        if method == "getFile":
            name = f"photo{next(self._message_ids)}"
            return {"file_id": name, "file_unique_id": name, "file_size": len(PICTURE), "file_path": f"photos/{name}"}
        if method == "getMe":
            return {"id": 777000, "is_bot": True, "first_name": "Bot", "username": "drills_bot"}
        if not re.match("send|edit", method):
            return True
        return {"message_id": next(self._message_ids), "date": 0, "chat": {"id": chat_id, "type": "private"}}

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=PICTURE, content_type="image/jpeg")


def _reset(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response()


def _error(refusal: Refusal) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.json_response(body, status=refusal.status)


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 80), "olive").save(out, "JPEG")
    return out.getvalue()


PICTURE = _picture()
