"""Photos that a rule hid until a moderator has looked: hidden as long as its finding is not decided, and no longer.

At every moment hidden is what a decision in effect hides, and what an undecided finding withholds.
"""

from uuid import UUID

from django.db.models import QuerySet

from apps.moderation.models import Case, Decision, Finding
from apps.moderation.selectors import in_effect
from apps.users import restrictions
from apps.users.models import Photo, User


def show_withheld(case: Case, member: User) -> None:
    """Before a decision takes effect: what the moderator wants hidden is hidden by that. The caller holds the locks."""
    withheld = Finding.objects.filter(case=case, hides_photo=True, outcome=Finding.Outcome.PENDING)
    hidden = withheld.filter(photo__hidden_at__isnull=False).values_list("photo", flat=True)
    for photo_id in set(hidden) - _hidden_by_decision(member):
        restrictions.show_photo(member, photo_id)


def withhold(member: User) -> None:
    """Hides again what was shown, when findings are undecided again or what else hid it is undone."""
    for photo_id in _withheld(member).filter(photo__hidden_at=None).values_list("photo", flat=True):
        restrictions.hide_photo(member, photo_id)


def may_be_hidden(member: User, photo_id: UUID) -> bool:
    """It is shown, or only withheld."""
    if Photo.objects.shown_of(member).filter(pk=photo_id).exists():
        return True
    return _withheld(member).filter(photo=photo_id).exists() and photo_id not in _hidden_by_decision(member)


def _withheld(member: User) -> QuerySet[Finding]:
    undecided = Finding.objects.filter(member=member, hides_photo=True, outcome=Finding.Outcome.PENDING)
    return undecided.filter(photo__isnull=False)


def _hidden_by_decision(member: User) -> set[UUID]:
    # one that is about to take effect has kept nothing yet
    hiding = in_effect(member.pk).filter(action=Decision.Action.HIDE_PHOTO, kept__isnull=False).select_related("kept")
    return {UUID(decision.kept.content["photo"]) for decision in hiding}
