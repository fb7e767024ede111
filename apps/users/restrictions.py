"""What moderators do to members. Called by moderation, which keeps the log; here are the columns that it sets."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.errors import RuleError
from apps.users.models import Photo, Profile, User
from apps.users.services import follow_photos


def check_may_write(user: User) -> None:
    """Raises RuleError: limited, for who may look but not write. No query: the columns came with the member."""
    if user.limited_until and user.limited_until > timezone.now():
        raise RuleError("limited", until=user.limited_until)


def lock_members(ids: Iterable[UUID]) -> list[User]:
    """The members that are still there, their rows locked in one order until the transaction ends.

    NO KEY: what others write that refers to them need not wait.
    """
    return list(User.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk"))


def restrict(user: User, **columns: datetime | None) -> None:
    """Sets `banned_at`, `suspended_until`, `limited_until` or `shadowed_until`; None lifts it."""
    assert columns.keys() <= {"banned_at", "suspended_until", "limited_until", "shadowed_until"}
    for name, value in columns.items():
        setattr(user, name, value)
    user.save(update_fields=list(columns))


def with_expired(now: datetime) -> QuerySet[User]:
    """Members whose limit, shadow limit or suspension is over but still stands in its column."""
    over = Q(limited_until__lte=now) | Q(suspended_until__lte=now) | Q(shadowed_until__lte=now)
    return User.objects.filter(over)


def hide_photo(user: User, photo_id: UUID) -> bool:
    """Shown to nobody from now on. False when there is nothing to hide (any more)."""
    hidden = Photo.objects.filter(pk=photo_id, user=user, hidden_at=None).update(hidden_at=timezone.now())
    follow_photos(user)
    return bool(hidden)


def show_photo(user: User, photo_id: UUID) -> None:
    """Takes `hide_photo` back. Does nothing for a photo that the member has removed meanwhile."""
    Photo.objects.filter(pk=photo_id, user=user).update(hidden_at=None)
    follow_photos(user)


def take_bio(user: User) -> str:
    """Empties the profile's words; returns what they were, for `give_back_bio`."""
    profile = Profile.objects.get(user=user)
    taken = profile.bio
    Profile.objects.filter(user=user).update(bio="")
    return taken


def give_back_bio(user: User, bio: str) -> None:
    """Puts back what was taken, unless the member has written something else since: that is theirs and stays."""
    Profile.objects.filter(user=user, bio="").update(bio=bio)
