import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import reencryption
from apps.core.progress import ProgressLine


class Command(BaseCommand):
    help = (
        "Writes all that is encrypted anew with the first of FIELD_ENCRYPTION_KEYS, so that older keys can be taken"
        " away. Safe while members are talking. Goes on where it was stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only counts what the first key does not read")

    def handle(self, *_: object, check: bool, **__: Any) -> None:
        outdated: Counter[str] = Counter()
        unreadable: Counter[str] = Counter()
        try:
            self._go_through(outdated, unreadable, only_look=check)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Start it again to go on from here.", returncode=130) from None
        if unreadable.total():
            raise CommandError(
                f"No key reads some values of {_by_table(unreadable)}. Put the key of their time at the end of"
                " FIELD_ENCRYPTION_KEYS and run this again."
            )
        if not check:
            self.stdout.write(f"Rows written anew: {_by_table(outdated) or 'none'}.")
        elif outdated.total():
            raise CommandError(f"Rows that need an older key: {_by_table(outdated)}. Run this without --check.")
        else:
            self.stdout.write("The first key reads everything.")

    def _go_through(self, outdated: Counter[str], unreadable: Counter[str], *, only_look: bool) -> None:
        total, behind = reencryption.rows()
        seen = start = 0 if only_look else behind
        line, began = ProgressLine(self.stdout, every_secs=5), time.monotonic()
        for lot in reencryption.inspect() if only_look else reencryption.reencrypt():
            seen += lot.rows
            name = lot.table.name.strip('"')
            outdated[name] += len(lot.outdated)
            unreadable[name] += lot.unreadable
            rate = (seen - start) / (time.monotonic() - began)
            mins_left = max(total - seen, 0) / rate / 60
            words = f"{mins_left:.0f} min left; {seen:,} of {total:,} rows, {rate:,.0f} a second; {name}"
            line.show(seen / max(total, seen), words)
        line.show(1, f"{seen:,} rows", is_last=True)


def _by_table(counts: Counter[str]) -> str:
    return ", ".join(f"{table} ({count:,})" for table, count in counts.items() if count)
