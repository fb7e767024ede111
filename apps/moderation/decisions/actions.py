"""What can be decided: one class for each measure, which can apply and undo itself exactly.

Limits, suspensions and bans are columns of the member made from all decisions in effect, so one can be undone while
another of the same kind goes on. What was taken out of a profile is stored with the decision (`Kept`) and put back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.matching.services import join_mutual_likes
from apps.moderation.errors import InvalidDecisionError
from apps.moderation.evasion.services import mark_banned, unmark
from apps.moderation.models import Decision, Kept, ReasonTemplate
from apps.moderation.rules.withheld import may_be_hidden, withhold
from apps.moderation.selectors import in_effect
from apps.users import restrictions
from apps.users.models import Profile, User

Action = Decision.Action
LONG_STANDING = timedelta(days=90)
DURATIONS_HOURS = (24, 72, 168, 720)
# Weight of all strikes in effect, from which on this is the next step.
NEXT_STEPS = ((8, Action.BAN), (4, Action.SUSPEND), (2, Action.LIMIT), (0, Action.WARN))


@dataclass(frozen=True)
class Order:
    """What a moderator wants done. `hours` and `photo_id` are for the measures that take them."""

    action: str
    template_id: UUID | None = None
    words: str = ""
    hours: int | None = None
    photo_id: UUID | None = None


class Measure:
    """`strike` is the weight that counts against the member, for `strike_days`."""

    action: ClassVar[Action]
    strike: ClassVar[int] = 0
    strike_days: ClassVar[int] = 180
    takes_hours: ClassVar[bool] = False
    takes_photo: ClassVar[bool] = False
    upholds_reports: ClassVar[bool] = True
    tells_member: ClassVar[bool] = True
    is_held_in_bulk: ClassVar[bool] = True
    permission: ClassVar[str] = ""  # besides the one to decide cases

    def check(self, member: User, order: Order) -> None:
        """Raises InvalidDecisionError for what cannot be done to this member."""
        if self.upholds_reports and order.template_id is None:
            raise InvalidDecisionError(_("Pick a reason: the member is told on what ground."))
        if self.takes_hours and order.hours not in DURATIONS_HOURS:
            raise InvalidDecisionError(_("Say for how long."))

    def until(self, order: Order, now: datetime) -> datetime | None:
        return now + timedelta(hours=order.hours) if self.takes_hours and order.hours else None

    def needs_second(self, member: User) -> bool:
        """Whether it has to wait for a second moderator."""
        return False

    def apply(self, decision: Decision, member: User, order: Order | None) -> None:
        """Does it. `order` is None when a held decision is released."""

    def undo(self, decision: Decision, member: User) -> None:
        """Leaves of it nothing. The entry that says so is written already."""


class Dismiss(Measure):
    action = Action.DISMISS
    upholds_reports = tells_member = is_held_in_bulk = False


class Warn(Measure):
    action = Action.WARN
    strike = 1
    is_held_in_bulk = False


class HidePhoto(Measure):
    action = Action.HIDE_PHOTO
    strike = 1
    takes_photo = True

    def check(self, member: User, order: Order) -> None:
        super().check(member, order)
        if not order.photo_id or not may_be_hidden(member, order.photo_id):
            raise InvalidDecisionError(_("Pick a photo that is shown at present."))

    def apply(self, decision: Decision, member: User, order: Order | None) -> None:
        assert order
        assert order.photo_id
        restrictions.hide_photo(member, order.photo_id)
        Kept.objects.create(decision=decision, member=member, content={"photo": str(order.photo_id)})

    def undo(self, decision: Decision, member: User) -> None:
        restrictions.show_photo(member, UUID(decision.kept.content["photo"]))
        withhold(member)


class EditBio(Measure):
    action = Action.EDIT_BIO
    strike = 1

    def check(self, member: User, order: Order) -> None:
        super().check(member, order)
        if not Profile.objects.filter(user=member).exclude(bio="").exists():
            raise InvalidDecisionError(_("The profile has no words that could be taken out."))

    def apply(self, decision: Decision, member: User, order: Order | None) -> None:
        taken = restrictions.take_bio(member)
        Kept.objects.create(decision=decision, member=member, content={"bio": taken})

    def undo(self, decision: Decision, member: User) -> None:
        later = in_effect(member.pk).filter(action=Action.EDIT_BIO, created_at__gt=decision.created_at)
        if not later.exists():  # else those words were taken out as well
            restrictions.give_back_bio(member, decision.kept.content["bio"])


class _Restriction(Measure):
    def apply(self, decision: Decision, member: User, order: Order | None) -> None:
        follow_log(member, self.action)

    def undo(self, decision: Decision, member: User) -> None:
        follow_log(member, self.action)


class Limit(_Restriction):
    action = Action.LIMIT
    strike = 2
    takes_hours = True


class Suspend(_Restriction):
    action = Action.SUSPEND
    strike = 4
    strike_days = 365
    takes_hours = True


class Ban(_Restriction):
    action = Action.BAN
    strike = 8
    strike_days = 3650

    def check(self, member: User, order: Order) -> None:
        super().check(member, order)
        if member.banned_at:
            raise InvalidDecisionError(_("This member is banned already."))

    def needs_second(self, member: User) -> bool:
        return timezone.now() - member.date_joined > LONG_STANDING

    def apply(self, decision: Decision, member: User, order: Order | None) -> None:
        super().apply(decision, member, order)
        mark_banned(decision, member)

    def undo(self, decision: Decision, member: User) -> None:
        super().undo(decision, member)
        unmark(decision)


class ShadowLimit(_Restriction):
    """The member goes on as before, and reaches nobody. For those who would only come back with a new account."""

    action = Action.SHADOW_LIMIT
    strike = 2
    takes_hours = True
    tells_member = False
    permission = "moderation.shadow_limit"

    def check(self, member: User, order: Order) -> None:
        super().check(member, order)
        silent = ReasonTemplate.objects.filter(policy__allows_shadow_limit=True)
        if order.template_id is None or not silent.filter(pk=order.template_id).exists():
            raise InvalidDecisionError(
                _("For this reason the member has to be told. A shadow limit is for deceptive advertising alone.")
            )

    def undo(self, decision: Decision, member: User) -> None:
        super().undo(decision, member)
        end_shadow(member)


def end_shadow(member: User) -> None:
    """What they liked meanwhile counts again. Does nothing while another shadow limit is in effect."""
    if not member.is_shadowed:
        join_mutual_likes(member)


MEASURES: dict[str, Measure] = {
    measure.action: measure
    for measure in (Dismiss(), Warn(), HidePhoto(), EditBio(), Limit(), Suspend(), Ban(), ShadowLimit())
}
_UNTIL = {
    Action.LIMIT: "limited_until",
    Action.SUSPEND: "suspended_until",
    Action.SHADOW_LIMIT: "shadowed_until",
}


def follow_log(member: User, *actions: Action) -> None:
    """Sets the member's columns for these restrictions to what the log says at this moment."""
    now, standing = timezone.now(), in_effect(member.pk)
    columns: dict[str, datetime | None] = {}
    for action in actions:
        of_kind = standing.filter(action=action)
        if action == Action.BAN:
            columns["banned_at"] = of_kind.aggregate(at=Min("created_at"))["at"]
        else:
            columns[_UNTIL[action]] = of_kind.filter(until__gt=now).aggregate(at=Max("until"))["at"]
    restrictions.restrict(member, **columns)


def next_step(strike_weight: int) -> Action:
    """What the thresholds suggest for somebody with this weight of strikes in effect."""
    return next(action for threshold, action in NEXT_STEPS if strike_weight >= threshold)
