"""Flags for staff's own tools: what the admin's pages do, by the same services and with the same permissions."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Schema
from ninja.errors import HttpError
from ninja.responses import Status
from ninja.security import SessionAuth
from pydantic import ConfigDict, Field, StrictFloat, StrictInt, StrictStr

from apps.flags import services
from apps.flags.catalogue import CATALOGUE, Definition, Kind
from apps.flags.errors import ClosedError, ConflictError, FlagError, NotAllowedError, UnknownFlagError
from apps.flags.models import Flag, FlagRevision, PlannedChange
from apps.flags.rules import Subject
from apps.flags.selectors import explain, history, member_model
from apps.flags.state import State, read_segment
from apps.flags.texts import explanation_in_words

MAX_REVISIONS = 200


class _SignedIn(SessionAuth):
    """The admin's own session. Writing needs its CSRF token in the header X-CSRFToken."""

    def authenticate(self, request: HttpRequest, key: str | None) -> AbstractBaseUser:
        if not request.user.is_authenticated:
            raise HttpError(401, _("Sign in at /admin/ first."))
        return request.user


router = Router(tags=["flags"], auth=_SignedIn())


class Problem(Schema):
    """What keeps the request from being done, and what to do about it."""

    detail: str


class FlagState(Schema):
    """`segment` are rules as they are typed in the admin: `language in en, es`, `age >= 25`; all must fit."""

    killed: bool
    everyone: bool | None
    percent: Decimal | None
    segment: list[str]
    value: int | float | str | None


class FlagOut(Schema):
    """`version` counts the changes: send it back as `expected_version`, and nobody else's change is lost."""

    name: str
    kind: Kind
    owner: str
    purpose: str
    default: bool | int | float | str
    bounds: str
    version: int
    state: FlagState


class PlannedOut(Schema):
    """Nothing has changed yet: it waits for its time, or for a second person's approval."""

    id: UUID
    needs_approval: bool
    due_at: datetime | None


class RevisionOut(Schema):
    sequence: int
    at: datetime
    by: str | None
    reason: str
    diff: dict[str, list[Any]]


class ReasonOut(Schema):
    passes: bool
    text: str


class ExplanationOut(Schema):
    answer: bool
    reasons: list[ReasonOut]


Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why, for the history.")]
ExpectedVersion = Annotated[
    int, Field(ge=0, description="The version that this was made from: 409 when there is a later one.")
]


class ReasonIn(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class RestoreIn(ReasonIn):
    sequence: int
    expected_version: ExpectedVersion


class ChangeIn(ReasonIn):
    """What is left out stays as it is."""

    expected_version: ExpectedVersion
    due_at: Annotated[datetime | None, Field(description="When to make it, with an offset; without: at once.")] = None
    killed: bool = False
    everyone: bool | None = None
    percent: Decimal | None = None
    segment: list[str] = []
    value: StrictInt | StrictFloat | StrictStr | None = None

    def fields(self) -> services.Fields:
        """Raises InvalidChangeError for a rule that cannot be read."""
        given = self.model_dump(include=set(State.model_fields) & self.model_fields_set)
        if "segment" in given:
            given["segment"] = read_segment("\n".join(self.segment))
        return cast(services.Fields, given)


def problem_of(error: FlagError) -> tuple[int, dict[str, str]]:
    """The status and the body that answer an error."""
    match error:
        case UnknownFlagError():
            status = 404
        case NotAllowedError():
            status = 403
        case ConflictError() | ClosedError():
            status = 409
        case _:
            status = 422
    return status, {"detail": str(error)}


READING = {401: Problem, 403: Problem, 404: Problem}
CHANGING = {200: FlagOut, 202: PlannedOut, **READING, 409: Problem, 422: Any}


@router.get("", response={200: list[FlagOut], 401: Problem, 403: Problem}, summary="All flags")
def list_flags(request: HttpRequest) -> list[FlagOut]:
    _require(request, "view")
    return [_shown(flag) for flag in Flag.objects.filter(name__in=CATALOGUE).order_by("name")]


@router.get("/{name}", response={200: FlagOut, **READING}, summary="One flag")
def read_flag(request: HttpRequest, name: str) -> FlagOut:
    _require(request, "view")
    return _shown(_flag(name))


@router.patch("/{name}", response=CHANGING, summary="Change a flag")
def change_flag(request: HttpRequest, name: str, change: ChangeIn) -> Status[Any]:
    """At once, or as a planned change (202): with `due_at`, and where a dangerous flag needs a second person."""
    _require(request, "change")
    made = services.propose(
        name,
        by=_person(request),
        reason=change.reason,
        expected_version=change.expected_version,
        due_at=change.due_at,
        **change.fields(),
    )
    return _made(name, made)


@router.post("/{name}/kill", response=CHANGING, summary="Off for everyone, at once")
def kill_flag(request: HttpRequest, name: str, why: ReasonIn) -> Status[Any]:
    """Wins over all else that is set, and over whoever is changing the flag: no version is asked for."""
    _require(request, "change")
    return _made(name, services.kill(name, by=_person(request), reason=why.reason))


@router.get("/{name}/history", response={200: list[RevisionOut], **READING}, summary="Its latest revisions")
def read_history(request: HttpRequest, name: str) -> list[RevisionOut]:
    """Newest first, 200 at most."""
    _require(request, "view")
    return [
        RevisionOut(
            sequence=revision.sequence,
            at=revision.at,
            by=str(revision.by) if revision.by else None,
            reason=revision.reason,
            diff=revision.diff,
        )
        for revision in history(_flag(name).name)[:MAX_REVISIONS]
    ]


@router.post("/{name}/restore", response=CHANGING, summary="Back to a revision")
def restore_flag(request: HttpRequest, name: str, restore: RestoreIn) -> Status[Any]:
    """Everything as it was after that revision, as a new one."""
    _require(request, "change")
    revision = history(_flag(name).name).filter(sequence=restore.sequence).first()
    if revision is None:
        raise HttpError(404, _("There is no such revision. See the flag’s history."))
    made = services.restore(
        revision, by=_person(request), reason=restore.reason, expected_version=restore.expected_version
    )
    return _made(name, made)


@router.get("/{name}/explain/{member}", response={200: ExplanationOut, **READING}, summary="Why a member has it or not")
def explain_flag(request: HttpRequest, name: str, member: UUID) -> ExplanationOut:
    _require(request, "view")
    flag = _flag(name)
    found = member_model().objects.select_related("profile").filter(pk=member).first()
    if found is None:
        raise HttpError(404, _("There is no such member."))
    explanation = explain(_definition(flag), flag.state, cast(Subject, found))
    reasons = [ReasonOut(passes=line.passes, text=line.text) for line in explanation_in_words(explanation)]
    return ExplanationOut(answer=explanation.answer, reasons=reasons)


# ---- Who, and what


def _require(request: HttpRequest, verb: str) -> None:
    """As in the admin: staff, with the permission."""
    person = request.user
    if not (person.is_staff and person.has_perm(f"flags.{verb}_flag")):
        raise HttpError(403, _("You may not do this with flags. Ask an administrator for the role."))


def _person(request: HttpRequest) -> AbstractBaseUser:
    assert request.user.is_authenticated, "nobody else comes in"
    return request.user


def _flag(name: str) -> Flag:
    """Raises UnknownFlagError where the catalogue has none; its row is there from the last migration on."""
    if name not in CATALOGUE:
        raise UnknownFlagError(_("There is no flag {name}. See the list of flags.").format(name=name))
    flag: Flag = get_object_or_404(Flag, name=name)
    return flag


def _definition(flag: Flag) -> Definition:
    return CATALOGUE[flag.name]


def _shown(flag: Flag) -> FlagOut:
    definition, state = _definition(flag), flag.state
    return FlagOut(
        name=flag.name,
        kind=definition.kind,
        owner=definition.owner,
        purpose=str(definition.purpose),
        default=definition.default,
        bounds=definition.bounds,
        version=flag.version,
        state=FlagState(
            killed=state.killed,
            everyone=state.everyone,
            percent=state.percent,
            segment=[str(rule) for rule in state.segment],
            value=state.value,
        ),
    )


def _made(name: str, made: FlagRevision | PlannedChange | None) -> Status[Any]:
    if isinstance(made, PlannedChange):
        planned = PlannedOut(id=made.pk, needs_approval=made.needs_approval, due_at=made.due_at)
        return Status(202, planned)
    return Status(200, _shown(_flag(name)))
