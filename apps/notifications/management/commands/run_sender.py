"""The sender process: sends what the outbox holds, and purges to the edge, until SIGTERM or SIGINT."""

import asyncio
import signal

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.core.garbage import spare_what_started
from apps.core.gateways.edge import edge
from apps.core.gateways.telegram import bot_api
from apps.notifications.limits import Limits, Rates
from apps.notifications.sender import Sender
from apps.users.purging import Publisher


class Command(BaseCommand):
    help = "Sends deliveries to Telegram until it is told to stop; then finishes what is in flight. Any number may run."

    def handle(self, *_args: object, **_options: object) -> None:
        spare_what_started()
        publisher = Publisher(edge())
        publisher.start()
        asyncio.run(_run())
        publisher.stop()


async def _run() -> None:
    limits = Limits(settings.REDIS_URL, Rates(settings.TELEGRAM_CALLS_PER_SEC))
    async with bot_api() as api:
        sender = Sender(api, limits=limits, depth=limits.rates.depth)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, sender.stop)
        await sender.run()
    await limits.close()
