"""Knows banned members when they come back, and members who show each other's photos.

A mark is the keyed hash of a Telegram id, of a phone number or of a part of a photo's hash. The key is random, lies
encrypted with FIELD_ENCRYPTION_KEYS in the database, and is written anew like every other field when those rotate.
"""

import hmac
import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from celery import current_app
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.moderation.models import AccountLink, BanMark, Decision, MarkKey, MarkKind, PhoneMark, PhotoCheck
from apps.moderation.selectors import in_effect_at_all
from apps.users.models import User

# A photo's hash in parts, of which a copy keeps most: smaller and worse ones kept 11 of 16 and differed in 6 bits, but
# two portraits drawn by the same hand shared 5 at most and differed in 20.
BITS, PARTS, ENOUGH_PARTS = 256, 16, 8
NEAR_BITS = 12
KEEP_MARKS = timedelta(days=3 * 365)


# ---- Marks


def mark_banned(decision: Decision, member: User) -> None:
    """Remembers who is banned. The caller's transaction bans them. Safe to run twice."""
    BanMark.objects.filter(decision=decision).delete()
    marks = [BanMark(decision=decision, kind=MarkKind.TELEGRAM, digest=_telegram_digest(member))]
    phone = PhoneMark.objects.filter(member=member).first()
    if phone:
        marks.append(BanMark(decision=decision, kind=MarkKind.PHONE, digest=phone.digest))
    for found in PhotoCheck.objects.filter(photo__user=member).exclude(phash=""):
        marks += _photo_marks(decision, found)
    BanMark.objects.bulk_create(marks)


def mark_photo_of_banned(found: PhotoCheck) -> None:
    """For a photo that was checked only after its owner had been banned. Safe to run twice."""
    ban = in_effect_at_all().filter(case__member=found.photo.user_id, action=Decision.Action.BAN).first()
    if ban is None or not found.phash:
        return
    known = BanMark.objects.filter(decision=ban, kind=MarkKind.PHOTO, digest__in=_part_digests(found.phash))
    if known.count() < PARTS:
        BanMark.objects.bulk_create(_photo_marks(ban, found))


def unmark(decision: Decision) -> None:
    """Forgets it, with all links that it led to."""
    BanMark.objects.filter(decision=decision).delete()
    AccountLink.objects.filter(decision=decision).delete()


def purge_marks() -> int:
    """Deletes those that are too old; how many."""
    return BanMark.objects.filter(created_at__lt=timezone.now() - KEEP_MARKS).delete()[0]


def note_phone(member: User, number: str) -> None:
    """The member has shown the bot their own phone number: only its hash is kept, and looked up by a worker."""
    digits = "".join(each for each in number if each.isdigit())
    if digits:
        transaction.on_commit(lambda: _look_again(member.pk), robust=True)
        PhoneMark.objects.update_or_create(member=member, defaults={"digest": digests(("phone", digits))[0]})


def _look_again(member_id: UUID) -> None:
    current_app.signature("moderation.check_member", (str(member_id),)).delay()


# ---- Who is known


def banned_before(member: User) -> list[AccountLink]:
    """Bans in effect of somebody with the same Telegram id or phone number, as links of this member."""
    wanted = Q(kind=MarkKind.TELEGRAM, digest=_telegram_digest(member))
    phone = PhoneMark.objects.filter(member=member).first()
    if phone:
        wanted |= Q(kind=MarkKind.PHONE, digest=phone.digest)
    marks = BanMark.objects.filter(wanted, decision__in=in_effect_at_all()).exclude(decision__case__member=member)
    return [_link(member, mark.kind, decision_id=mark.decision_id) for mark in marks]


def copies_on_banned(found: PhotoCheck) -> list[AccountLink]:
    """Bans in effect of members, erased ones too, who showed nearly this photo."""
    if not is_telling(found.phash):
        return []
    marks = BanMark.objects.filter(kind=MarkKind.PHOTO, digest__in=_part_digests(found.phash))
    near = marks.values("group", "decision").annotate(same=Count("pk")).filter(same__gte=ENOUGH_PARTS)
    member = found.photo.user
    bans = in_effect_at_all().filter(pk__in={row["decision"] for row in near}).exclude(case__member=member)
    return [_link(member, MarkKind.PHOTO, decision_id=ban.pk) for ban in bans]


def copies_on_others(found: PhotoCheck) -> list[AccountLink]:
    """Other members with nearly this photo: one part the same, and few bits different in all."""
    candidates = PhotoCheck.objects.filter(bands__overlap=bands(found.phash)).exclude(photo__user=found.photo.user_id)
    rows = candidates.values_list("photo__user", "phash")
    owners = {owner for owner, phash in rows if distance(phash, found.phash) <= NEAR_BITS}
    return [_link(found.photo.user, MarkKind.PHOTO, other_id=owner) for owner in sorted(owners)]


def links_of(member_id: UUID) -> QuerySet[AccountLink]:
    """Of both directions, for the case page."""
    links = AccountLink.objects.filter(Q(member=member_id) | Q(other=member_id))
    return links.select_related("decision__case", "other__profile", "member__profile").order_by("-created_at")


def _link(member: User, kind: str, *, decision_id: UUID | None = None, other_id: UUID | None = None) -> AccountLink:
    key: dict[str, Any] = {"member": member, "kind": kind, "decision_id": decision_id, "other_id": other_id}
    return AccountLink.objects.get_or_create(**key)[0]


# ---- Hashes


def digests(*named: tuple[str, object]) -> list[str]:
    """For each kind and value 128 bits that nobody without the key can tie to it. One query."""
    # read each time: a process that remembered a key whose making was rolled back would know nobody
    key, __ = MarkKey.objects.get_or_create(number=1, defaults={"key": secrets.token_hex(32)})
    secret = bytes.fromhex(key.key)
    return [hmac.digest(secret, f"{kind}:{value}".encode(), "sha256").hex()[:32] for kind, value in named]


def _telegram_digest(member: User) -> str:
    return digests(("telegram", member.telegram_id))[0]


def bands(phash: str) -> list[int]:
    """The parts of a hash, each with its place, for looking up photos that share one. Of a blank picture: none."""
    if not is_telling(phash):
        return []
    return [place << 16 | part for place, part in enumerate(_parts(phash))]


def is_telling(phash: str) -> bool:
    """Not of a blank picture: those are all alike. Half of the bits are set in a usual one."""
    return BITS // 8 <= int(phash or "0", 16).bit_count() <= BITS - BITS // 8


def distance(one: str, other: str) -> int:
    """Bits in which two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _photo_marks(decision: Decision, found: PhotoCheck) -> Iterable[BanMark]:
    if not is_telling(found.phash):
        return []
    group = uuid4()
    return [
        BanMark(decision=decision, kind=MarkKind.PHOTO, digest=each, group=group) for each in _part_digests(found.phash)
    ]


def _part_digests(phash: str) -> Collection[str]:
    return digests(*((f"photo{place}", part) for place, part in enumerate(_parts(phash))))


def _parts(phash: str) -> list[int]:
    bits = BITS // PARTS
    return [int(phash, 16) >> (place * bits) & (2**bits - 1) for place in range(PARTS)]
