"""The simulated Telegram's delivering process."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from apps.simulator.delivery import Runner


class Command(BaseCommand):
    help = "Takes updates from the simulator to the bot's webhook until it gets SIGTERM or SIGINT."

    def handle(self, *_args: Any, **_options: Any) -> None:
        runner = Runner()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            runner.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        runner.run()
