"""Reads of flags: for the snapshot, for the history, for finding those that have outlived their use."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.flags import snapshot
from apps.flags.catalogue import CATALOGUE, Definition, Kind
from apps.flags.errors import InvalidChangeError
from apps.flags.experiments.assignment import Assignment, Design, draw
from apps.flags.models import Experiment, Flag, FlagRevision, Ramp, RampStep
from apps.flags.rules import Audience, Explanation, Part, Subject, audience, setting
from apps.flags.snapshot import RunningStep, Snapshot
from apps.flags.state import State

ONE_SIDED_AFTER = timedelta(days=14)
_IS_RUNNING = Q(started_at__isnull=False, ended_at=None)
_TEMPLATE_TAG = re.compile(r"{%\s*flag\s+[\"']([^\"']+)[\"']")


def read_snapshot() -> Snapshot:
    """All flags and running studies as the database has them now. Three queries, four where a rule asks for groups."""
    fields = tuple(State.model_fields)
    rows = Flag.objects.filter(name__in=CATALOGUE).values("name", *fields)
    states = {row["name"]: {field: row[field] for field in fields} for row in rows}
    designs = tuple(running_experiments())
    segments = [state["segment"] for state in states.values()] + [design.segment for design in designs]
    return snapshot.take(states, _members(_groups_in(segments)), designs, tuple(_running_steps()))


def running_experiments() -> Iterator[Design]:
    """Those whose variants members get now, or would get if their flag were not killed or set for everyone."""
    for row in Experiment.objects.filter(_IS_RUNNING).values(*Design.__slots__):
        yield Design(**row)


def _running_steps() -> Iterator[RunningStep]:
    """All steps of the open ramps that look at what members do: of those before the last, it still counts."""
    steps = RampStep.objects.filter(ramp__status__in=Ramp.OPEN).exclude(ramp__guardrails=[], ramp__min_members=0)
    for study, flag, ended_at in steps.values_list("id", "ramp__flag", "ended_at"):
        yield RunningStep(study, flag, lasts=ended_at is None)


def _groups_in(segments: Iterable[object]) -> set[str]:
    """Whatever of the segments can be read: what a newer version of the code wrote must not stop the others."""
    return {
        group
        for segment in segments
        if isinstance(segment, list)
        for rule in segment
        if isinstance(rule, dict) and rule.get("attribute") == "group" and isinstance(rule.get("value"), list)
        for group in rule["value"]
    }


def audience_of(definition: Definition, state: State) -> Audience:
    """Whom this state would let in; of a value, who gets it instead of the default.

    One query where rules ask for groups, else none.
    """
    groups = {group for rule in state.segment if rule.attribute == "group" for group in rule.value}
    members = _members(groups) if groups else {}
    if definition.is_value:
        return setting(definition, state, members).audience
    return audience(definition, state, members)


def explain(definition: Definition, state: State, member: Subject) -> Explanation:
    """What the member would be told, and why; they are not exposed by that. One query, and one more for groups."""
    regular = audience_of(definition, state).explain(member)
    if state.killed or state.everyone is not None:
        return regular
    experiment = Experiment.objects.filter(_IS_RUNNING, flag=definition.name).first()
    assigned = _assign(experiment, definition, member) if experiment else None
    if experiment is None or assigned is None:
        return regular
    answer = definition.is_value or bool(assigned.answer)
    return replace(regular, answer=answer, part=Part(experiment.name, assigned.variant))


def _assign(experiment: Experiment, definition: Definition, member: Subject) -> Assignment | None:
    """None also where the experiment cannot be read: its members get the regular answer."""
    design = Design(**{name: getattr(experiment, name) for name in Design.__slots__})
    try:
        return draw(design, definition, _members(_groups_in([design.segment]))).assign(member)
    except InvalidChangeError:
        return None


def member_model() -> Any:
    """The model of those whom flags are for: it has `in_state("listed")`, and a page in the admin.

    The project names it, as it names the user model: members live in a layer above, which this one does not know.
    """
    return apps.get_model(settings.FLAGS_MEMBER_MODEL)


def history(name: str) -> QuerySet[FlagRevision]:
    """Every revision of a flag, newest first, with who made it."""
    return FlagRevision.objects.filter(name=name).select_related("by").order_by("-sequence")


def stale() -> dict[str, list[str]]:
    """For each flag that should be removed or looked at, why: expired, one_sided, not_asked_for. Two queries."""
    asked_for = names_in_code(Path(settings.BASE_DIR))
    flags = {flag.name: flag for flag in Flag.objects.filter(name__in=CATALOGUE)}
    changed_at = {name: flag.created for name, flag in flags.items()}
    last = FlagRevision.objects.order_by("name", "-sequence").distinct("name")
    changed_at |= dict(last.values_list("name", "at"))
    states = {name: flag.state for name, flag in flags.items()}
    found: dict[str, list[str]] = {}
    for name, definition in CATALOGUE.items():
        reasons = []
        if definition.remove_by and definition.remove_by < timezone.localdate():
            reasons.append("expired")
        if definition.kind is Kind.RELEASE and _is_one_sided(states.get(name, State()), changed_at.get(name)):
            reasons.append("one_sided")
        if name not in asked_for:
            reasons.append("not_asked_for")
        if reasons:
            found[name] = reasons
    return found


@cache
def names_in_code(root: Path) -> set[str]:
    """The flags that the product's code and templates ask for; read once, since code does not change while it runs."""
    python = (path for folder in ("apps", "meetsmatch") for path in (root / folder).rglob("*.py"))
    pages = (root / "templates").rglob("*.html")
    return {name for path in python for name in _asked_in(path)} | {
        name for path in pages for name in _TEMPLATE_TAG.findall(path.read_text())
    }


def _asked_in(path: Path) -> Iterator[str]:
    source = path.read_text()
    if "flags." not in source:
        return
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("flags.is_enabled", "flags.value") and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _is_one_sided(state: State, since: datetime | None) -> bool:
    """The same for everybody for long."""
    if since is None or timezone.now() - since < ONE_SIDED_AFTER:
        return False
    is_split = state.percent is not None and 0 < state.percent < 100
    return state.killed or state.everyone is not None or not (is_split or state.segment)


def _members(groups: Iterable[str]) -> dict[str, set[UUID]]:
    through = get_user_model().groups.through
    members: dict[str, set[UUID]] = {}
    for group, user in through.objects.filter(group__name__in=groups).values_list("group__name", "user_id"):
        members.setdefault(group, set()).add(user)
    return members
