from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.moderation.transparency.export import csv_lines, span


class Command(BaseCommand):
    help = "Writes the statements of reasons of some days as CSV, in the fields of the DSA Transparency Database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, type=date.fromisoformat, help="the first day, as in 2026-11-01")
        parser.add_argument("--until", required=True, type=date.fromisoformat, help="the last day, within")

    def handle(self, *_args: Any, since: date, until: date, **_options: Any) -> None:
        if since > until:
            raise CommandError("The first day comes after the last.")
        for line in csv_lines(*span(since, until)):
            self.stdout.write(line, ending="")
