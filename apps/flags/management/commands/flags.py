from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError

from apps.flags import services
from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import FlagError
from apps.flags.models import Flag
from apps.flags.selectors import history, stale
from apps.flags.state import State, read_segment
from apps.flags.texts import audience_in_words, diff_in_words

EVERYONE = {"on": True, "off": False, "rules": None}


class Command(BaseCommand):
    help = "Shows and changes flags. `stale` ends with 1 when a flag should be removed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("list", help="every flag of the catalogue and its state")
        commands.add_parser("stale", help="flags that have outlived their use; exit code 1 when there are any")
        shown = commands.add_parser("history", help="every change of a flag, newest first")
        shown.add_argument("name")
        for verb, does in (("kill", "off for everyone at once"), ("revive", "takes the kill back")):
            self._add_change(commands.add_parser(verb, help=does))
        restored = commands.add_parser("restore", help="everything as it was after a revision")
        restored.add_argument("sequence", type=int)
        self._add_change(restored)
        self._add_set(commands.add_parser("set", help="changes what is given and leaves the rest"))

    def _add_change(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--reason", required=True, help="why, for the history")
        parser.add_argument("--by", metavar="USERNAME", help="the staff account to write it down under")

    def _add_set(self, parser: ArgumentParser) -> None:
        self._add_change(parser)
        parser.add_argument("--everyone", choices=EVERYONE, help="on or off for all, or by the rules")
        parser.add_argument("--percent", help="0 to 100, of those who fit the rules; none: all of them")
        parser.add_argument(
            "--where",
            action="append",
            metavar="RULE",
            help='such as "language in en, es"; all must fit; none: no rule',
        )
        parser.add_argument("--value", help="of a flag that has one; none: the default")

    def handle(self, *_: object, command: str, **options: Any) -> None:
        acts: dict[str, Callable[..., None]] = {
            "list": self._list,
            "stale": self._stale,
            "history": self._history,
            "kill": self._kill,
            "revive": self._revive,
            "restore": self._restore,
            "set": self._set,
        }
        try:
            acts[command](**options)
        except FlagError as error:
            raise CommandError(str(error)) from error

    def _list(self, **_: object) -> None:
        rows = Flag.objects.in_bulk(field_name="name")
        for name, definition in sorted(CATALOGUE.items()):
            state = rows[name].state if name in rows else State()
            self.stdout.write(f"{name:28} {definition.kind:10} {audience_in_words(definition, state)}")

    def _stale(self, **_: object) -> None:
        found = stale()
        for name, reasons in found.items():
            self.stdout.write(f"{name:28} {CATALOGUE[name].owner:12} {', '.join(reasons)}")
        if found:
            raise CommandError(f"{len(found)} stale")

    def _history(self, name: str, **_: object) -> None:
        definition(name)
        for revision in history(name):
            who = revision.by or "no one signed in"
            self.stdout.write(f"#{revision.sequence} {revision.at:%Y-%m-%d %H:%M:%S} {who}: {revision.reason}")
            for line in diff_in_words(revision.diff):
                self.stdout.write(f"    {line}")

    def _kill(self, name: str, reason: str, by: str | None, **_: object) -> None:
        services.kill(name, by=person(by), reason=reason)

    def _revive(self, name: str, reason: str, by: str | None, **_: object) -> None:
        services.change(name, by=person(by), reason=reason, killed=False)

    def _restore(self, name: str, sequence: int, reason: str, by: str | None, **_: object) -> None:
        revision = history(name).filter(sequence=sequence).first()
        if revision is None:
            raise CommandError(f"{name} has no revision {sequence}")
        services.restore(revision, by=person(by), reason=reason)

    def _set(self, name: str, reason: str, by: str | None, **options: Any) -> None:
        fields = services.Fields()
        if options["everyone"] is not None:
            fields["everyone"] = EVERYONE[options["everyone"]]
        if options["percent"] is not None:
            fields["percent"] = None if options["percent"] == "none" else options["percent"]
        if options["where"] is not None:
            fields["segment"] = [] if options["where"] == ["none"] else read_segment("\n".join(options["where"]))
        if options["value"] is not None:
            fields["value"] = None if options["value"] == "none" else definition(name).read(options["value"])
        services.change(name, by=person(by), reason=reason, **fields)


def definition(name: str) -> Definition:
    if name not in CATALOGUE:
        raise CommandError(f"{name} is not in the catalogue")
    return CATALOGUE[name]


def person(username: str | None) -> AbstractBaseUser | None:
    """None when nobody was named."""
    if username is None:
        return None
    found: AbstractBaseUser | None = get_user_model().objects.filter(username=username).first()
    if found is None:
        raise CommandError(f"There is no staff account {username}.")
    return found
