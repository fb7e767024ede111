"""Updates by long polling: for development against real Telegram, where no webhook can reach this machine."""

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections

from apps.bot.management.commands.setup_bot import ALLOWED_UPDATES
from apps.bot.services import receive
from apps.core.errors import GatewayError, RateLimitedError
from apps.core.gateways.telegram import BotApi, bot_api

WAIT_SECS = 20
PAUSE_AFTER_ERROR_SECS = 3.0


class Command(BaseCommand):
    help = "Fetches updates from Telegram and handles them, one after the other, until stopped. One process only."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.TELEGRAM_UPDATES != "polling":
            raise CommandError("Set TELEGRAM_UPDATES=polling first: with a webhook Telegram does not answer polls.")
        asyncio.run(self._poll())

    async def _poll(self) -> None:
        async with bot_api() as api:
            offset = 0
            while True:
                try:
                    offset = await fetch_and_handle(api, offset)
                except (GatewayError, OperationalError, InterfaceError) as error:
                    pause = error.retry_after_secs if isinstance(error, RateLimitedError) else PAUSE_AFTER_ERROR_SECS
                    self.stderr.write(f"{type(error).__name__}: again in {pause:.0f} s")
                    await asyncio.sleep(pause)
                    await sync_to_async(close_old_connections)()


async def fetch_and_handle(api: BotApi, offset: int) -> int:
    """The next offset: confirming an update is asking for the one after it, so a crash in between loses nothing."""
    params = {"offset": offset, "timeout": WAIT_SECS, "allowed_updates": ALLOWED_UPDATES}
    updates = await api.call("getUpdates", params)
    assert isinstance(updates, list)
    for update in updates:
        assert isinstance(update, dict)
        answer = await sync_to_async(receive)(dict(update))
        if answer:
            await _answer(api, answer)
        offset = int(str(update["update_id"])) + 1
    return offset


async def _answer(api: BotApi, answer: dict[str, Any]) -> None:
    method = answer.pop("method")
    try:
        await api.call(method, answer)
    except GatewayError as error:
        if not error.permanent:
            raise
