"""Profiles as the edge worker serves them: the same for every viewer, with nothing in them that depends on one."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import BaseModel

from apps.core.edge_signing import media_path, profile_path
from apps.users.models import Photo, Profile, ProfileVersion


class PublicCard(BaseModel):
    """What anybody may see who may see the profile at all. `photos` are paths at the edge, in the profile's order."""

    id: UUID
    version: int
    name: str
    age: int
    gender: str
    place: str
    country: str
    interests: list[str]
    bio: str
    photos: list[str]


def public_card(profile_id: UUID) -> PublicCard | None:
    """The card of a listed member; None for everybody else, whether there is such a profile or not. Three queries."""
    # First of all: what is read after it is at least as new.
    version = _version(profile_id)
    profile = Profile.objects.select_related("user").filter(pk=profile_id, published_at__isnull=False).first()
    if profile is None or not profile.user.is_listed:
        return None
    return PublicCard(
        id=profile_id,
        version=version,
        name=profile.name,
        age=profile.age,
        gender=profile.gender,
        place=profile.place,
        country=profile.country,
        interests=profile.interests,
        bio=profile.bio,
        photos=list(_photos(profile, version)),
    )


def card_path(profile_id: UUID, *, viewer_id: UUID) -> str:
    """This viewer's link to this profile at the edge, good for two hours at least. One query; needs EDGE_SHARED_SECRET.

    Whether the viewer may see the profile is for the caller to know.
    """
    return profile_path(profile_id, version=_version(profile_id), viewer_id=viewer_id)


def _version(profile_id: UUID) -> int:
    return ProfileVersion.objects.filter(pk=profile_id).values_list("number", flat=True).first() or 0


def _photos(profile: Profile, version: int) -> Iterator[str]:
    stored = Photo.objects.shown_of(profile.user).exclude(file="").values_list("file", flat=True)
    return (media_path(name, profile_id=profile.pk, version=version) for name in stored)
