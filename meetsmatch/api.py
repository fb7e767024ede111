"""The public API, described by django-ninja at /api/v1/docs."""

from uuid import UUID

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Schema

from apps.flags.api import problem_of
from apps.flags.api import router as flags
from apps.flags.errors import FlagError
from apps.flags.public import public_flags
from apps.users.api import router as edge
from apps.users.catalogue import INTERESTS
from apps.users.models import MAX_AGE, MAX_PHOTOS, MIN_AGE, Gender, Language, Member

api = NinjaAPI(
    title="MeetsMatch",
    version="1",
    description="What clients may know without signing in, and flags for staff who have signed in.",
    # Swagger's page starts itself with an inline script.
    docs_decorator=csp_update({"script-src": [SELF, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}),
)
api.add_router("/flags", flags)
api.add_router("/edge", edge)


@api.exception_handler(FlagError)
def answer_flag_error(request: HttpRequest, error: FlagError) -> HttpResponse:
    status, body = problem_of(error)
    return api.create_response(request, body, status=status)


class Choice(Schema):
    value: str
    label: str


class Catalogue(Schema):
    """What a profile can be made of, with labels in the language of Accept-Language."""

    languages: list[Choice]
    genders: list[Choice]
    interests: list[Choice]
    min_age: int
    max_age: int
    max_photos: int


@api.get("/catalogue", response=Catalogue, summary="What a profile can be made of")
def catalogue(request: HttpRequest) -> Catalogue:
    return Catalogue(
        languages=[Choice(value=value, label=label) for value, label in Language.choices],
        genders=[Choice(value=value, label=str(label)) for value, label in Gender.choices],
        interests=[Choice(value=slug, label=str(interest)) for slug, interest in INTERESTS.items()],
        min_age=MIN_AGE,
        max_age=MAX_AGE,
        max_photos=MAX_PHOTOS,
    )


class Limits(Schema):
    min_age: int
    max_age: int
    max_photos: int


class Config(Schema):
    """How the product stands right now, for everybody or for one member; what never changes is in /catalogue."""

    flags: dict[str, bool]
    limits: Limits


@api.get("/config", response=Config, summary="What is switched on, and the limits")
@edge.get("/config", response=Config, summary="The same, for the edge worker")
def config(request: HttpRequest) -> Config:
    return _config_for(None)


@edge.get("/config/{uuid:member_id}", response=Config, summary="The same as it stands for one member")
def config_of_member(request: HttpRequest, member_id: UUID) -> Config:
    """404 for who is no member (any more). Who may ask is the worker's to know, by a link that we have signed."""
    return _config_for(get_object_or_404(Member.objects.select_related("profile"), pk=member_id))


def _config_for(member: Member | None) -> Config:
    limits = Limits(min_age=MIN_AGE, max_age=MAX_AGE, max_photos=MAX_PHOTOS)
    return Config(flags=public_flags(member), limits=limits)
