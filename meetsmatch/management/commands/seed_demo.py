from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.progress import ProgressLine
from meetsmatch.demo.people import MEMBERS_PER_SEED
from meetsmatch.demo.seeding import STAFF, seed_members, seed_staff


class Command(BaseCommand):
    help = "Fills the simulator with made-up members, and adds the demo logins of the staff. Changes nothing twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--members", type=int, default=300, help="how many there shall be (300)")
        parser.add_argument("--seed", type=int, default=1, help="another seed makes other people (1)")
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off; makes no staff logins there")

    def handle(self, *, members: int, seed: int, force: bool, **options: Any) -> None:
        if not settings.SIMULATOR:
            raise CommandError("Demo members live in the simulator, which is off because TELEGRAM_BOT_TOKEN is set.")
        if not (settings.DEBUG or force):
            raise CommandError("DEBUG is off, so this may be a real service. Give --force if you mean it.")
        if not 0 <= members <= MEMBERS_PER_SEED or not 0 <= seed < MEMBERS_PER_SEED:
            raise CommandError(f"--members and --seed go from 0 to {MEMBERS_PER_SEED:,}.")
        self.line = ProgressLine(self.stdout)
        made = seed_members(members, seed, self._show_progress)
        self.stdout.write(
            f"{made} demo members made, {members - made} were there." if made else "Demo members are there."
        )
        if settings.DEBUG:
            seed_staff()
            self._show_logins()

    def _show_progress(self, done: int, total: int) -> None:
        if self.stdout.isatty():
            self.line.show(done / total, f"{done} of {total} demo members drawn", is_last=done == total)

    def _show_logins(self) -> None:
        self.stdout.write("\nAdmin logins (development only)\n")
        self.stdout.write(f"  {'User':<12}{'Password':<12}Role")
        for name, group in STAFF.items():
            self.stdout.write(f"  {name:<12}{name:<12}{group or 'Superuser'}")
