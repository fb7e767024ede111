"""Tells Telegram where updates go and what the bot offers, in each language."""

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from apps.bot import menu
from apps.bot.texts import account
from apps.core.errors import GatewayError
from apps.core.gateways.telegram import BotApi, bot_api

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "pre_checkout_query", "my_chat_member"]
MAX_CONNECTIONS = 100


class Command(BaseCommand):
    help = "Registers the webhook, the commands and the descriptions with Telegram. Safe to run at every start."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            name = async_to_sync(_set_up)()
        except GatewayError as error:
            raise CommandError(
                f"Telegram did not accept the setup: {error}. Check TELEGRAM_BOT_TOKEN and TELEGRAM_API_ROOT."
            ) from None
        self.stdout.write(f"@{name} receives updates by {settings.TELEGRAM_UPDATES}.")


async def _set_up() -> str:
    async with bot_api() as api:
        me = await api.call("getMe", {})
        await _route_updates(api)
        for language, _ in settings.LANGUAGES:
            await _introduce(api, language)
    return str(me["username"]) if isinstance(me, dict) else ""


async def _route_updates(api: BotApi) -> None:
    if settings.TELEGRAM_UPDATES == "polling":
        await api.call("deleteWebhook", {})
        return
    await api.call(
        "setWebhook",
        {
            "url": settings.TELEGRAM_WEBHOOK_URL,
            "secret_token": settings.TELEGRAM_WEBHOOK_SECRET,
            "allowed_updates": ALLOWED_UPDATES,
            "max_connections": MAX_CONNECTIONS,
        },
    )


async def _introduce(api: BotApi, language: str) -> None:
    with override(language):
        offered = menu.commands()
        description = account.bot_description()
    # the default language serves everybody whose own has no entry
    scope = {} if language == settings.LANGUAGE_CODE else {"language_code": language}
    await api.call("setMyCommands", {"commands": offered, **scope})
    await api.call("setMyDescription", {"description": description, **scope})
    await api.call("setMyShortDescription", {"short_description": description[:120], **scope})
