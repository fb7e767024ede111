"""Telegram's Bot API.

The token is part of every URL. httpx logs URLs at INFO, and python-telegram-bot logs parameters, which hold what
members said, at DEBUG: importing this module keeps their loggers from anything below WARNING. Errors are raised anew,
without the library's own behind them, because that one may quote the URL.
"""

import logging
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import orjson
from django.conf import settings
from telegram import Bot, InputFile
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBUserWarning

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.core.resilience.policies import TELEGRAM

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"

MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
MAX_CONNECTIONS = 64
CONNECT_TIMEOUT_SECS = TELEGRAM.policy.connect_secs
READ_TIMEOUT_SECS = WRITE_TIMEOUT_SECS = TELEGRAM.policy.timeout_secs

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
        self._request = _Request(
            connection_pool_size=MAX_CONNECTIONS,
            connect_timeout=CONNECT_TIMEOUT_SECS,
            read_timeout=READ_TIMEOUT_SECS,
            write_timeout=WRITE_TIMEOUT_SECS,
            media_write_timeout=WRITE_TIMEOUT_SECS,
            pool_timeout=READ_TIMEOUT_SECS,
        )
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
        attached = {name: InputFile(content, filename=name) for name, content in (files or {}).items()}
        async with TELEGRAM.guard():
            try:
                result: JSON = await self._bot.do_api_request(method, {**params, **attached})
                return result
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


class _Request(HTTPXRequest):
    # What the library would sort wrongly: 401 means the token and not the call is wrong, so the call waits until that
    # is mended; 413 is as final as any bad request.
    _READ_AS = {401: 500, 413: 400}

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, payload = await super().do_request(*args, **kwargs)
        return self._READ_AS.get(code, code), payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, JSON]:
        """As the library's, which logs what it cannot parse."""
        try:
            parsed: dict[str, JSON] = orjson.loads(payload)
            return parsed
        except orjson.JSONDecodeError:
            raise TelegramError("Invalid server response") from None


def bot_api() -> TelegramBotApi:
    """The Bot API of the configured bot; use as `async with bot_api() as api`."""
    return TelegramBotApi(settings.TELEGRAM_BOT_TOKEN, root=settings.TELEGRAM_API_ROOT)
