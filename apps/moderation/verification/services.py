"""Photo verification: who may try, the selfie that comes in, and what a moderator decides.

Whoever decides locks the member's row first and the attempt's second, as in `decisions.services`.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from apps import flags
from apps.core.errors import RuleError
from apps.moderation import notices
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.services import Person
from apps.moderation.verification.models import Gesture, Verification
from apps.users.badge import give_badge, is_verified, main_photo
from apps.users.models import Photo, User
from apps.users.restrictions import lock_members

DECIDE_VERIFICATION = "moderation.decide_verification"
VALID_DAYS = 180
ATTEMPTS, WITHIN = 3, timedelta(days=7)
RENEW_WITHIN = timedelta(days=30)
KEEP_SELFIE, WAIT_AT_MOST = timedelta(days=7), timedelta(days=30)
Status = Verification.Status


# ---- The member


def is_offered(member: User) -> bool:
    return flags.is_enabled("users.verification", member)


def check_may_verify(member: User) -> None:
    """Raises RuleError: verify_off, verify_no_photo, verify_done, verify_waiting, verify_too_often."""
    if not is_offered(member):
        raise RuleError("verify_off")
    main, now = main_photo(member), timezone.now()
    if main is None:
        raise RuleError("verify_no_photo")
    until = member.profile.verified_until
    if until and is_verified(member.profile, main) and until - now > RENEW_WITHIN:
        raise RuleError("verify_done", until=until)
    latest = list(Verification.objects.filter(member=member).order_by("-created_at")[:ATTEMPTS])
    if any(attempt.status == Status.WAITING for attempt in latest):
        raise RuleError("verify_waiting")
    if len(latest) == ATTEMPTS and latest[-1].created_at > now - WITHIN:
        raise RuleError("verify_too_often", until=latest[-1].created_at + WITHIN)


def gesture_for(member: User) -> Gesture:
    """By lot, but the same until a selfie comes: who asks again and again does not get the one they have a photo of."""
    attempts = Verification.objects.filter(member=member).count()
    lot = salted_hmac("moderation.verification", f"{member.pk}:{attempts}", algorithm="sha256").digest()
    return list(Gesture)[int.from_bytes(lot[:4], "big") % len(Gesture)]


@transaction.atomic
def submit(member: User, gesture: str, *, file_id: str, file_unique_id: str) -> Verification:
    """The attempt, which waits for a moderator. Raises RuleError: selfie_reused, and those of `check_may_verify`."""
    check_may_verify(member)
    is_on_profile = Photo.objects.filter(user=member, file_unique_id=file_unique_id).exists()
    if is_on_profile or Verification.objects.filter(member=member, file_unique_id=file_unique_id).exists():
        raise RuleError("selfie_reused")
    try:
        with transaction.atomic():
            return Verification.objects.create(
                member=member, gesture=Gesture(gesture), file_id=file_id, file_unique_id=file_unique_id
            )
    except IntegrityError:
        raise RuleError("verify_waiting") from None


# ---- The moderator


def waiting() -> QuerySet[Verification]:
    """Who has waited longest comes first."""
    return Verification.objects.filter(status=Status.WAITING).order_by("created_at", "pk")


def next_waiting(after: Verification | None = None) -> Verification | None:
    """The one behind `after`, or the first one."""
    if after is None:
        return waiting().first()
    behind = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, pk__gt=after.pk)
    return waiting().filter(behind).first() or waiting().exclude(pk=after.pk).first()


@transaction.atomic
def approve(key: UUID, *, by: Person, photo_id: UUID | None) -> Verification:
    """Gives the badge for the photo that this person compared, which must still be the first.

    Raises NotAllowedError, ConflictError, InvalidDecisionError.
    """
    attempt, member = _locked(key, by)
    main = main_photo(member)
    if main is None or main.pk != photo_id:
        raise ConflictError(_("The first photo has changed while you looked. You have changed nothing; look again."))
    until = timezone.now() + timedelta(days=flags.value("users.verification_days", member, VALID_DAYS))
    give_badge(member, photo_id=main.pk, until=until)
    _decide(attempt, by, status=Status.APPROVED)
    notices.send_verified(member, attempt.pk, until)
    return attempt


@transaction.atomic
def reject(key: UUID, *, by: Person, reason: str) -> Verification:
    """Raises as `approve`."""
    if reason not in Verification.Reason.values:
        raise InvalidDecisionError(_("Pick a reason: the member is told on what ground."))
    attempt, member = _locked(key, by)
    _decide(attempt, by, status=Status.REJECTED, reason=reason)
    notices.send_not_verified(member, attempt.pk, reason)
    return attempt


def _locked(key: UUID, by: Person) -> tuple[Verification, User]:
    if not by.has_perm(DECIDE_VERIFICATION):
        raise NotAllowedError(_("You do not have the right to do this."))
    member_id = Verification.objects.filter(pk=key).values_list("member", flat=True).first()
    members = lock_members([member_id]) if member_id else []
    attempt = Verification.objects.select_for_update(no_key=True).filter(pk=key).first()
    if not members or attempt is None:
        raise InvalidDecisionError(_("The member has been erased: there is nothing left to decide."))
    if attempt.status != Status.WAITING:
        raise ConflictError(_("It has been decided already: {how}.").format(how=attempt.get_status_display()))
    return attempt, members[0]


def _decide(attempt: Verification, by: Person, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(attempt, name, value)
    attempt.decided_by_id, attempt.decided_at = by.pk, timezone.now()
    attempt.save()


# ---- Retention


def purge_selfies() -> int:
    """Lets go of selfies a week after they were decided on, and of those that nobody looked at for a month; how many.

    Safe to run twice: what is gone is not found again.
    """
    now = timezone.now()
    old = Verification.objects.filter(status=Status.WAITING, created_at__lt=now - WAIT_AT_MOST)
    expired = old.update(status=Status.EXPIRED, file_id="", decided_at=now)
    decided = Verification.objects.exclude(file_id="").filter(decided_at__lt=now - KEEP_SELFIE)
    return expired + decided.update(file_id="")
