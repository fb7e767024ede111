from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError

from apps.core.resilience import faults
from apps.core.resilience.faults import Kind
from apps.core.resilience.models import LONGEST, Fault
from apps.core.resilience.services import PROCESSES, TARGETS, FaultError, start_fault, stop_faults, unended


class Command(BaseCommand):
    help = "Injects faults on purpose, where setting and flag allow it. Each ends by itself; every change is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("list", help="those that have not ended")
        stopped = commands.add_parser("stop", help="ends all of them now")
        started = commands.add_parser("start", help="strikes within a second")
        started.add_argument("dependency", choices=TARGETS)
        started.add_argument("kind", choices=Kind.values)
        started.add_argument("--secs", type=float, default=30, help=f"1 to {LONGEST.total_seconds():.0f}")
        started.add_argument("--rate", type=float, default=1.0, help="the share of calls, or of the CPU, 0 to 1")
        started.add_argument("--amount", type=int, default=0, help="milliseconds of a slow one, mebibytes of memory")
        started.add_argument("--process", choices=PROCESSES, default="", help="of these processes only")
        started.add_argument("--reason", required=True)
        for parser_ in (started, stopped):
            parser_.add_argument("--by", metavar="USERNAME", help="the staff account to write it down under")

    def handle(self, *_: object, command: str, **options: Any) -> None:
        with faults.immune():
            acts: dict[str, Callable[..., None]] = {"list": self._list, "stop": self._stop, "start": self._start}
            acts[command](**options)

    def _list(self, **_: object) -> None:
        for fault in unended().order_by("started_at"):
            self.stdout.write(f"{fault}  until {fault.ends_at:%H:%M:%S} UTC  {fault.reason}")

    def _stop(self, by: str | None, **_: object) -> None:
        stopped = stop_faults(Fault.objects.all(), by=_person(by))
        self.stdout.write(f"{len(stopped)} stopped.")

    def _start(self, dependency: str, kind: str, by: str | None, **options: Any) -> None:
        asked = {name: options[name] for name in ("secs", "rate", "amount", "process", "reason")}
        try:
            fault = start_fault(dependency, kind, by=_person(by), **asked)
        except FaultError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{fault} until {fault.ends_at:%H:%M:%S} UTC.")


def _person(username: str | None) -> AbstractBaseUser | None:
    """None when nobody was named."""
    if username is None:
        return None
    found: AbstractBaseUser | None = get_user_model().objects.filter(username=username).first()
    if found is None:
        raise CommandError(f"There is no staff account {username}.")
    return found
