"""Telegram's Bot API.

The token is part of every URL, and python-telegram-bot logs parameters, which hold what members said, at DEBUG:
importing this module keeps its logger from anything below WARNING. Errors are raised anew, without the library's own
behind them, because that one may quote the URL.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, cast
from urllib.request import getproxies

import aiohttp
import orjson
from django.conf import settings
from telegram import Bot, InputFile
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import BaseRequest, RequestData
from telegram.warnings import PTBUserWarning

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.core.resilience.policies import TELEGRAM

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"

MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
MAX_CONNECTIONS = 256
CONNECT_TIMEOUT_SECS, READ_TIMEOUT_SECS = TELEGRAM.policy.connect_secs, TELEGRAM.policy.timeout_secs
# Shorter than servers close idle connections after: a call on one that is just being closed fails.
KEEP_ALIVE_SECS = 15

for _chatty in ("httpx", "httpcore", "telegram"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)


class BotApi(Protocol):
    """What the product needs of Telegram. Both raise GatewayError: see TelegramBotApi."""

    async def call(self, method: str, params: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> JSON:
        """The `result` of a method of the Bot API. `attach://NAME` in a parameter means the bytes `files[NAME]`."""

    async def download(self, file_id: str) -> bytes:
        """The content of a file that somebody sent to the bot. Permanent error when it is over MAX_DOWNLOAD_BYTES."""


class TelegramBotApi:
    """The Bot API over HTTP, with kept-alive connections; an asynchronous context manager, bound to one event loop.

    Raises RateLimitedError, UnreachableError (the member blocked the bot or is gone), a permanent GatewayError with
    Telegram's description, or a transient one for timeouts, broken connections, 5xx, a token that is not accepted, and
    while the breaker is open. Downloads are tried again (see core.resilience.policies); calls are not.
    """

    def __init__(self, token: str, *, root: str) -> None:
        self._secret = token.partition(":")[2]
        self._request = _Request()
        self._bot = Bot(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        # Parameters are stored as the Bot API has them, so the library's own methods, which it recommends, do not fit.
        warnings.filterwarnings("ignore", r"Please use 'Bot\.", PTBUserWarning)

    async def __aenter__(self) -> Self:
        await self._request.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.shutdown()

    async def call(self, method: str, params: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> JSON:
        async with TELEGRAM.guard():
            try:
                if files:
                    attached = {name: InputFile(content, filename=name) for name, content in files.items()}
                    uploaded: JSON = await self._bot.do_api_request(method, {**params, **attached})
                    return uploaded
                body = cast(RequestData, _Body(params))
                return cast(JSON, await self._request.post(f"{self._bot.base_url}/{method}", body))
            except TelegramError as error:
                failure = self._translate(error)
            raise failure

    async def download(self, file_id: str) -> bytes:
        return await TELEGRAM.arepeat(lambda: self._download(file_id))

    async def _download(self, file_id: str) -> bytes:
        try:
            file = await self._bot.get_file(file_id)
            if (file.file_size or 0) <= MAX_DOWNLOAD_BYTES:
                content = bytes(await file.download_as_bytearray())
                if len(content) <= MAX_DOWNLOAD_BYTES:
                    return content
            failure = GatewayError("file is too big", permanent=True)
        except TelegramError as error:
            failure = self._translate(error)
        raise failure

    def _translate(self, error: TelegramError) -> GatewayError:
        reason = error.message.replace(self._secret, "<secret>")
        if isinstance(error, RetryAfter):
            pause = error.retry_after  # the library is on its way from seconds to timedelta
            return RateLimitedError(reason, retry_after_secs=pause if isinstance(pause, int) else pause.total_seconds())
        if isinstance(error, Forbidden) or "chat not found" in reason.lower():
            return UnreachableError(reason)
        permanent = isinstance(error, BadRequest | InvalidToken | Conflict | ChatMigrated)
        return GatewayError(reason, permanent=permanent)


@dataclass(frozen=True, slots=True)
class _Body:
    """Parameters without files, which go out as one JSON body: a form would encode each of them apart."""

    params: Mapping[str, object]


_JSON = {"Content-Type": "application/json"}


class _Request(BaseRequest):
    """python-telegram-bot's HTTP on aiohttp: see docs/adr/0022-sender-at-the-limits.md for what its own one costs."""

    # What the library would sort wrongly: 401 means the token and not the call is wrong, so the call waits until that
    # is mended; 413 is as final as any bad request.
    _READ_AS = {401: 500, 413: 400}

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return READ_TIMEOUT_SECS

    async def initialize(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECS, sock_read=READ_TIMEOUT_SECS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.USER_AGENT},
            trust_env=bool(getproxies()),  # asked for each request, which costs
        )

    async def shutdown(self) -> None:
        if self._session:
            await self._session.close()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **_timeouts: Any
    ) -> tuple[int, bytes]:
        assert self._session, "use it as a context manager"
        try:
            async with self._session.request(method, url, **_content(request_data)) as response:
                return self._READ_AS.get(response.status, response.status), await response.read()
        except TimeoutError:
            failure: TelegramError = TimedOut()
        except (aiohttp.ClientError, OSError) as error:
            failure = NetworkError(type(error).__name__)
        raise failure

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, JSON]:
        """As the library's, which logs what it cannot parse."""
        try:
            parsed: dict[str, JSON] = orjson.loads(payload)
            return parsed
        except orjson.JSONDecodeError:
            raise TelegramError("Invalid server response") from None


def _content(data: object) -> dict[str, Any]:
    """The request's body, as keyword arguments of aiohttp."""
    if isinstance(data, _Body):
        return {"data": orjson.dumps(data.params), "headers": _JSON}
    if not isinstance(data, RequestData):
        return {}
    form = aiohttp.FormData()
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, kind) in (data.multipart_data if data.contains_files else {}).items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return {"data": form}


def bot_api() -> TelegramBotApi:
    """The Bot API of the configured bot; use as `async with bot_api() as api`."""
    return TelegramBotApi(settings.TELEGRAM_BOT_TOKEN, root=settings.TELEGRAM_API_ROOT)
