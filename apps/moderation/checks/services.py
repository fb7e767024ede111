"""Goes through what is new - messages, words of profiles, photos, members - and asks the rules about it.

Found by looking, not by being told: nothing waits for a broker while a message is passed on, and what an outage left
behind is looked at afterwards. `Check.looked_until` says how far each has come.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.conversations.models import Message
from apps.moderation.checks import models_bundled
from apps.moderation.checks.facts import member_facts, message_facts, photo_facts, profile_facts
from apps.moderation.checks.health import watched
from apps.moderation.evasion.services import bands, mark_photo_of_banned
from apps.moderation.models import Check, PhotoCheck, Rule
from apps.moderation.rules.facts import CATALOGUE
from apps.moderation.rules.live import rules_in_force
from apps.moderation.rules.services import OPENING, judge
from apps.users.models import Photo, Profile, User

BATCH, MAX_BATCHES = 200, 20
# A row shows its time before its transaction ends: what is younger than this may not be there yet.
SETTLED = timedelta(seconds=5)
# How far back a check looks that has never looked.
FIRST_LOOK = timedelta(hours=1)
BUSY_FOR = timedelta(minutes=10)
# After that a photo that cannot be looked at is left alone.
TRY_PHOTOS_FOR = timedelta(days=2)

Look = Callable[[datetime, datetime], tuple[int, datetime]]


def check_messages() -> int:
    """Asks about what was written or changed since the last time; how many."""
    return _catch_up("messages", _messages)


def check_profiles() -> int:
    """Asks about the words of profiles that were changed since the last time; how many."""
    return _catch_up("profiles", _profiles)


def check_members() -> int:
    """Asks about those who joined since the last time; how many."""
    return _catch_up("members", _members)


def check_member(member_id: UUID) -> None:
    """Does nothing when they are gone."""
    member = User.objects.filter(pk=member_id, telegram_id__isnull=False).first()
    if member:
        judge(Rule.About.MEMBER, member_facts(member), member=member, subject=f"member:{member.pk.hex}")


def check_photo(photo_id: UUID) -> None:
    """Looks at one photo and asks about it. Safe to run twice; does nothing when it is gone or not stored yet."""
    photo = Photo.objects.select_related("user").filter(pk=photo_id).exclude(file="").first()
    if photo is None:
        return
    found = _look_at(photo)
    if found.phash:
        mark_photo_of_banned(found)
    facts = photo_facts(found, wanted=_wanted(Rule.About.PHOTO))
    judge(Rule.About.PHOTO, facts, member=photo.user, subject=f"photo:{photo.pk.hex}", photo=photo)


def unchecked_photos() -> list[UUID]:
    """Photos of the last days that nobody has looked at, or not at all of them."""
    since = timezone.now() - TRY_PHOTOS_FOR
    stored = Photo.objects.filter(created_at__gte=since).exclude(file="")
    partly = Q(check_result=None) | Q(check_result__phash="") | Q(check_result__nudity=None)
    return list(stored.filter(partly).order_by("created_at").values_list("pk", flat=True)[:BATCH])


# ---- Catching up


def _catch_up(name: str, look: Look) -> int:
    """Batch after batch, until it has come to the present. One worker at a time."""
    now = timezone.now()
    Check.objects.get_or_create(name=name)
    free = Q(busy_until=None) | Q(busy_until__lt=now)
    if not Check.objects.filter(free, name=name).update(busy_until=now + BUSY_FOR):
        return 0
    count = 0
    try:
        for _ in range(MAX_BATCHES):
            since = Check.objects.values_list("looked_until", flat=True).get(name=name) or now - FIRST_LOOK
            until = timezone.now() - SETTLED
            looked, reached = look(since, until)
            Check.objects.filter(name=name).update(looked_until=reached, worked_at=timezone.now())
            count += looked
            if reached >= until:
                break
    finally:
        Check.objects.filter(name=name).update(busy_until=None)
    return count


def _messages(since: datetime, until: datetime) -> tuple[int, datetime]:
    until = _end_of_batch(list(_between("created_at", since, until, Message.objects.all())[: BATCH + 1]), until)
    window = Q(created_at__gt=since, created_at__lte=until) | Q(edited_at__gt=since, edited_at__lte=until)
    messages = list(Message.objects.filter(window).select_related("sender", "conversation"))
    written = [message for message in messages if message.text]
    for message, facts in zip(written, message_facts(written, wanted=_wanted(Rule.About.MESSAGE)), strict=True):
        # what was changed is something new to be found
        edit = f":{message.edited_at.timestamp():.0f}" if message.edited_at else ""
        subject = f"message:{message.pk.hex}{edit}"
        judge(Rule.About.MESSAGE, facts, member=message.sender, subject=subject, message=message)
    return len(written), until


def _profiles(since: datetime, until: datetime) -> tuple[int, datetime]:
    until = _end_of_batch(list(_between("bio_changed_at", since, until, Profile.objects.all())[: BATCH + 1]), until)
    changed = Profile.objects.filter(bio_changed_at__gt=since, bio_changed_at__lte=until).exclude(bio="")
    profiles = list(changed.select_related("user"))
    for profile, facts in zip(profiles, profile_facts(profiles, wanted=_wanted(Rule.About.PROFILE)), strict=True):
        words = hashlib.sha256(profile.bio.encode()).hexdigest()[:16]
        subject = f"profile:{profile.user_id.hex}:{words}"
        judge(Rule.About.PROFILE, facts, member=profile.user, subject=subject)
    return len(profiles), until


def _members(since: datetime, until: datetime) -> tuple[int, datetime]:
    until = _end_of_batch(list(_between("date_joined", since, until, User.objects.all())[: BATCH + 1]), until)
    joined = User.objects.filter(date_joined__gt=since, date_joined__lte=until, telegram_id__isnull=False)
    for member in joined:
        judge(Rule.About.MEMBER, member_facts(member), member=member, subject=f"member:{member.pk.hex}")
    return len(joined), until


def _between(field: str, since: datetime, until: datetime, rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """The moments of the rows after `since` up to `until`, in order."""
    window = rows.filter(**{f"{field}__gt": since, f"{field}__lte": until})
    return window.order_by(field).values_list(field, flat=True)


def _end_of_batch(moments: list[datetime], until: datetime) -> datetime:
    """Up to where this batch goes; rows of the same moment stay together."""
    return moments[BATCH - 1] if len(moments) > BATCH else until


def _wanted(about: str) -> frozenset[str]:
    """The facts that some rule in force asks for."""
    mentions = [rule.expression.mentions for rule in rules_in_force() if rule.about == about and rule.action in OPENING]
    return frozenset().union(*mentions) & frozenset(CATALOGUE)


# ---- One photo


def _look_at(photo: Photo) -> PhotoCheck:
    """What is known of it already, and what the models say of the rest."""
    found = PhotoCheck.objects.filter(photo=photo).first() or PhotoCheck(photo=photo)
    found.photo = photo
    with photo.file.open("rb") as file:
        picture = file.read()
    if found.nudity is None:
        with watched("nudity"):
            found.nudity = models_bundled.nudity(picture)
    if found.faces is None:
        with watched("faces"):
            found.faces = models_bundled.faces(picture)
    if not found.phash:
        with watched("photo hash"):
            found.phash = models_bundled.phash(picture)
            found.bands = bands(found.phash)
    found.save()
    return found
