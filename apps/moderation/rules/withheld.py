"""Photos that a rule hid until a moderator has looked: hidden as long as its finding is not decided, and no longer."""

from uuid import UUID

from apps.moderation.models import Case, Finding
from apps.users import restrictions
from apps.users.models import Photo, User


def show_withheld(case: Case, member: User) -> None:
    """Before a decision takes effect: what the moderator wants hidden is hidden by that. The caller holds the locks."""
    for photo_id in _withheld(case, is_hidden=True):
        restrictions.show_photo(member, photo_id)


def withhold(case: Case, member: User) -> None:
    """Hides them again when the findings are undecided again."""
    for photo_id in _withheld(case, is_hidden=False):
        restrictions.hide_photo(member, photo_id)


def may_be_hidden(member: User, photo_id: UUID) -> bool:
    """It is shown, or only withheld."""
    if Photo.objects.shown_of(member).filter(pk=photo_id).exists():
        return True
    pending = Finding.objects.filter(member=member, hides_photo=True, outcome=Finding.Outcome.PENDING)
    return pending.filter(photo=photo_id).exists()


def _withheld(case: Case, *, is_hidden: bool) -> list[UUID]:
    pending = Finding.objects.filter(case=case, hides_photo=True, outcome=Finding.Outcome.PENDING)
    photos = pending.filter(photo__hidden_at__isnull=not is_hidden)
    return list(photos.values_list("photo", flat=True))
