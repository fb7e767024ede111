from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.flags import services
from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import FlagError
from apps.flags.models import Flag, FlagRevision, PlannedChange, Ramp
from apps.flags.rollout import plans, ramps
from apps.flags.rollout.selectors import progress
from apps.flags.selectors import history, stale
from apps.flags.state import State, read_segment
from apps.flags.texts import audience_in_words, diff_in_words

RAMP_ACTS = {"pause": ramps.pause, "resume": ramps.resume, "stop": ramps.stop, "roll-back": ramps.roll_back}
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
        self._add_rollout(commands)

    def _add_rollout(self, commands: Any) -> None:
        commands.add_parser("planned", help="changes and ramps that wait, for approval or for their time")
        approved = commands.add_parser("approve", help="as the second person; the id is the one that `planned` shows")
        refused = commands.add_parser("refuse", help="as the second person")
        refused.add_argument("--reason", required=True, help="why, for who asked for it")
        for parser in (approved, refused):
            parser.add_argument("id", type=UUID)
            parser.add_argument("--by", metavar="USERNAME", required=True, help="the approver")
        ramp = commands.add_parser("ramp", help="shows a flag’s ramp; with an act, pauses, resumes, stops or undoes it")
        self._add_change(ramp, reason_required=False)
        ramp.add_argument("--act", choices=RAMP_ACTS, help="what to do with it; needs a reason")

    def _add_change(self, parser: ArgumentParser, *, reason_required: bool = True) -> None:
        parser.add_argument("name")
        parser.add_argument("--reason", required=reason_required, default="", help="why, for the history")
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
            "planned": self._planned,
            "approve": self._approve,
            "refuse": self._refuse,
            "ramp": self._ramp,
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
        self._tell(services.propose(name, by=person(by), reason=reason, killed=False))

    def _restore(self, name: str, sequence: int, reason: str, by: str | None, **_: object) -> None:
        revision = history(name).filter(sequence=sequence).first()
        if revision is None:
            raise CommandError(f"{name} has no revision {sequence}")
        self._tell(services.restore(revision, by=person(by), reason=reason))

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
        self._tell(services.propose(name, by=person(by), reason=reason, **fields))

    def _tell(self, outcome: FlagRevision | PlannedChange | None) -> None:
        if isinstance(outcome, PlannedChange):
            self.stdout.write(f"Nothing has changed yet: a second person has to approve {outcome.pk}.")

    def _planned(self, **_: object) -> None:
        for kind in (PlannedChange, Ramp):
            for row in kind.objects.filter(status="waiting").select_related("by").order_by("created_at"):
                waits = "approval" if row.waits_for_approval else f"{getattr(row, 'due_at', '')}"
                self.stdout.write(f"{row.pk}  {row}  (by {row.by or 'no one signed in'}; waits for {waits})")

    def _approve(self, id: UUID, by: str, **_: object) -> None:  # noqa: A002 the option's name
        row = _module_of(id).approve(id, by=approver(by))
        self.stdout.write(f"{row.get_status_display()}. {row.remark}".strip())

    def _refuse(self, id: UUID, by: str, reason: str, **_: object) -> None:  # noqa: A002 the option's name
        row = _module_of(id).refuse(id, by=approver(by), reason=reason)
        self.stdout.write(str(row.get_status_display()))

    def _ramp(self, name: str, reason: str, by: str | None, act: str | None, **_: object) -> None:
        definition(name)
        ramp = Ramp.objects.filter(flag=name).order_by("-created_at").first()
        if ramp is None:
            raise CommandError(f"{name} has had no ramp")
        if act:
            ramp = RAMP_ACTS[act](ramp.pk, by=person(by), reason=reason)
        where = progress(ramp, timezone.now())
        at = f", at {where.step.percent.normalize():f} %" if where else ""
        self.stdout.write(f"{ramp.path}: {ramp.get_status_display()}{at}. {ramp.remark}".strip())


def definition(name: str) -> Definition:
    if name not in CATALOGUE:
        raise CommandError(f"{name} is not in the catalogue")
    return CATALOGUE[name]


def _module_of(key: UUID) -> Any:
    """The services for what has this id."""
    if PlannedChange.objects.filter(pk=key).exists():
        return plans
    if Ramp.objects.filter(pk=key).exists():
        return ramps
    raise CommandError(f"There is nothing planned with the id {key}.")


def approver(username: str) -> Any:
    found = person(username)
    assert found, "the option is required"
    return found


def person(username: str | None) -> AbstractBaseUser | None:
    """None when nobody was named."""
    if username is None:
        return None
    found: AbstractBaseUser | None = get_user_model().objects.filter(username=username).first()
    if found is None:
        raise CommandError(f"There is no staff account {username}.")
    return found
