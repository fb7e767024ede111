"""The badge of a member whose first photo a moderator has compared with a selfie. Moderation gives it and tells why."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from apps.users.models import Photo, Profile, User


def main_photo(user: User) -> Photo | None:
    """The first one that others see."""
    return Photo.objects.shown_of(user).first()


def give_badge(user: User, *, photo_id: UUID, until: datetime) -> None:
    Profile.objects.filter(user=user).update(verified_until=until, verified_photo=photo_id)


def is_verified(profile: Profile, main: Photo | None) -> bool:
    """Until its time is over, and only while the photo that was compared is the first one: `main`, as others see it.

    No query. That makes hiding the photo and undoing it, or removing it for good, exact without keeping books.
    """
    until = profile.verified_until
    return bool(until and until > timezone.now() and main and main.pk == profile.verified_photo)
