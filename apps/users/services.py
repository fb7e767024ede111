"""What members do to themselves: sign up, fill in a profile, say whom they look for, pause, leave."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from h3.api import basic_int as h3

from apps import flags
from apps.core.errors import AwayError, RuleError
from apps.core.resilience.policies import REDIS
from apps.flags.experiments.models import Metric
from apps.users.catalogue import INTERESTS
from apps.users.models import (
    AREA_RESOLUTION,
    CELL_RESOLUTION,
    MAX_AGE,
    MAX_BIO,
    MAX_NAME,
    MAX_PHOTOS,
    MIN_AGE,
    AbandonedFile,
    Gender,
    Language,
    Photo,
    Preferences,
    Profile,
    User,
)

MAX_INTERESTS = 10
OLDEST_YEARS = 110
MOVE_AGAIN_AFTER = timedelta(hours=6)
ACTIVITY_GRAIN = timedelta(minutes=5)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CONTACT_IN_NAME = re.compile(r"[@/\\<>]|https?:|t\.me|\d{5,}", re.IGNORECASE)


# ---- Coming and going


def register(telegram_id: int, *, language: str, source: str = "") -> User:
    """The member with this Telegram id, made with an empty draft profile if new. Safe to call twice, also at once."""
    user, is_new = User.objects.get_or_create(
        telegram_id=telegram_id,
        defaults={"language": language if language in Language.values else "en", "source": source[:64]},
    )
    if is_new:
        Profile.objects.create(user=user)
        Preferences.objects.create(user=user)
    return user


def record_consent(user: User, *, version: str) -> None:
    """They agreed to this version of the terms and the privacy notice, now."""
    user.consent_version = version
    user.consented_at = timezone.now()
    user.save(update_fields=["consent_version", "consented_at"])


def record_activity(user: User, *, has_telegram_premium: bool) -> None:
    """They just did something: keeps `last_active_at` to within five minutes and revives who had blocked the bot."""
    now = timezone.now()
    is_known = user.unreachable_at is None and user.has_telegram_premium is has_telegram_premium
    if is_known and now - user.last_active_at < ACTIVITY_GRAIN:
        return
    user.last_active_at, user.unreachable_at, user.has_telegram_premium = now, None, has_telegram_premium
    user.save(update_fields=["last_active_at", "unreachable_at", "has_telegram_premium"])


def mark_unreachable(user: User) -> None:
    """They blocked the bot or left Telegram: out of all decks until they come back."""
    User.objects.filter(pk=user.pk, unreachable_at=None).update(unreachable_at=timezone.now())
    user.unreachable_at = user.unreachable_at or timezone.now()


def set_paused(user: User, *, paused: bool) -> None:
    user.paused_at = timezone.now() if paused else None
    user.save(update_fields=["paused_at"])


def set_language(user: User, language: str) -> None:
    user.language = Language(language)
    user.save(update_fields=["language"])


def set_plus_until(user: User, until: datetime | None) -> None:
    """What their purchases come to (payments.services keeps the books). Here it is read without a query."""
    user.plus_until = until
    user.save(update_fields=["plus_until"])


@transaction.atomic
def erase(user: User) -> None:
    """Removes the member and all that hangs on them, here and in the media store. Safe to call twice."""
    # waits for those who just wrote something that refers to the member, and lets nobody else do so
    User.objects.select_for_update().filter(pk=user.pk).first()
    flags.record(Metric.DELETION, user)
    _abandon_files(Photo.objects.filter(user=user).exclude(file="").values_list("file", flat=True))
    user.delete()


# ---- Profile


def set_name(user: User, text: str) -> None:
    """Raises RuleError: name_empty, name_too_long, name_contact."""
    name = _one_line(text)
    if not any(character.isalpha() for character in name):
        raise RuleError("name_empty")
    if len(name) > MAX_NAME:
        raise RuleError("name_too_long", max=MAX_NAME)
    if _CONTACT_IN_NAME.search(name):
        raise RuleError("name_contact")
    _save_profile(user, name=name)


def set_birth_date(user: User, birth_date: date) -> None:
    """Raises RuleError: birth_date_impossible, minor.

    The caller must erase a minor: nothing of them is kept.
    """
    today = timezone.localdate()
    if birth_date > today or today.year - birth_date.year > OLDEST_YEARS:
        raise RuleError("birth_date_impossible")
    if is_minor(birth_date):
        raise RuleError("minor")
    _save_profile(user, birth_date=birth_date)


def is_minor(birth_date: date) -> bool:
    """Born, but less than eighteen full years ago."""
    return 0 <= Profile(birth_date=birth_date).age < MIN_AGE


def set_gender(user: User, gender: str) -> None:
    _save_profile(user, gender=Gender(gender))


def set_place(user: User, *, latitude: float, longitude: float, place: str, country: str) -> None:
    """Keeps the H3 cell around the point and forgets the point. `country` is its ISO 3166 code, or empty.

    Raises RuleError: place_unknown, place_too_soon.

    A published member may move every six hours: who could move at will could measure where others are.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise RuleError("place_unknown")
    cell = h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)
    if cell == user.profile.cell:
        return
    now, moved_at = timezone.now(), user.profile.place_changed_at
    if user.profile.published_at and moved_at and now - moved_at < MOVE_AGAIN_AFTER:
        raise RuleError("place_too_soon", hours=MOVE_AGAIN_AFTER // timedelta(hours=1))
    area = h3.cell_to_parent(cell, AREA_RESOLUTION)
    _save_profile(user, cell=cell, area=area, place=place[:80], country=country, place_changed_at=now)


def toggle_interest(user: User, slug: str) -> None:
    """Raises RuleError: interest_unknown, interests_too_many."""
    chosen = list(user.profile.interests)
    if slug in chosen:
        chosen.remove(slug)
    elif slug not in INTERESTS:
        raise RuleError("interest_unknown")
    elif len(chosen) >= MAX_INTERESTS:
        raise RuleError("interests_too_many", max=MAX_INTERESTS)
    else:
        chosen.append(slug)
    _save_profile(user, interests=chosen)


def set_bio(user: User, text: str) -> None:
    """An empty text clears it. Raises RuleError: bio_too_long."""
    bio = clean_text(text)
    if len(bio) > MAX_BIO:
        raise RuleError("bio_too_long", max=MAX_BIO, length=len(bio))
    _save_profile(user, bio=bio, bio_changed_at=timezone.now())


def missing_parts(user: User) -> list[str]:
    """The steps that a profile still needs before it can be published, in the order in which they are asked."""
    profile = user.profile
    parts = {
        "name": profile.name,
        "birth_date": profile.birth_date,
        "gender": profile.gender,
        "seeking": user.preferences.genders,
        "place": profile.cell,
        "photos": Photo.objects.filter(user=user).exists(),
    }
    return [part for part, value in parts.items() if not value]


def publish(user: User) -> None:
    """From now on the member stands in decks. Raises RuleError: profile_incomplete."""
    if missing_parts(user):
        raise RuleError("profile_incomplete")
    if user.profile.published_at is None:
        _save_profile(user, published_at=timezone.now())


# ---- Photos


def add_photo(user: User, *, file_id: str, file_unique_id: str) -> Photo | None:
    """The new last photo; None when this very photo is there already. Raises RuleError: photos_too_many.

    The worker fetches our own copy afterwards.
    """
    photos = Photo.objects.filter(user=user)
    if photos.filter(file_unique_id=file_unique_id).exists():
        return None
    last = photos.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    if position >= MAX_PHOTOS:
        raise RuleError("photos_too_many", max=MAX_PHOTOS)
    photo = Photo.objects.create(user=user, position=position, file_id=file_id, file_unique_id=file_unique_id)
    if user.photoless_at:
        follow_photos(user)

    def fetch() -> None:
        with suppress(AwayError), REDIS.guard():  # the sweep finds it later
            current_app.signature("users.store_photo", (str(photo.pk),)).delay()

    transaction.on_commit(fetch, robust=True)
    return photo


def remove_photo(user: User, photo_id: UUID) -> None:
    """Safe to call twice. Raises RuleError: photo_last, for a published profile keeps at least one that is shown."""
    photos = list(Photo.objects.filter(user=user))
    photo = next((photo for photo in photos if photo.pk == photo_id), None)
    if photo is None:
        return
    others_shown = any(other.hidden_at is None for other in photos if other != photo)
    if user.profile.published_at and not others_shown and (photo.hidden_at is None or len(photos) == 1):
        raise RuleError("photo_last")
    if photo.file.name:
        _abandon_files([photo.file.name])
    photo.delete()
    Photo.objects.filter(user=user, position__gt=photo.position).update(position=F("position") - 1)


def follow_photos(user: User) -> None:
    """Notes whether anything is left to show of a member; called wherever that may have changed."""
    has_shown = Photo.objects.shown_of(user).exists() or not Photo.objects.filter(user=user).exists()
    user.photoless_at = None if has_shown else user.photoless_at or timezone.now()
    user.save(update_fields=["photoless_at"])


# ---- Preferences


def toggle_sought_gender(user: User, gender: str) -> None:
    """Raises RuleError: seeking_nobody, for a published member looks for at least one gender."""
    chosen = set(user.preferences.genders) ^ {Gender(gender).value}
    if not chosen and user.profile.published_at:
        raise RuleError("seeking_nobody")
    _save_preferences(user, genders=[value for value in Gender.values if value in chosen])


def set_age_range(user: User, youngest: int, oldest: int) -> None:
    """Raises RuleError: age_range_impossible."""
    if not MIN_AGE <= youngest <= oldest <= MAX_AGE:
        raise RuleError("age_range_impossible", min=MIN_AGE, max=MAX_AGE)
    _save_preferences(user, age_min=youngest, age_max=oldest)


def set_max_distance(user: User, km: int | None) -> None:
    """None: anywhere. Raises RuleError: distance_impossible."""
    if km is not None and not 1 <= km <= 1000:
        raise RuleError("distance_impossible")
    _save_preferences(user, max_distance_km=km)


# ---- Words


def clean_text(text: str) -> str:
    """What a member wrote in one Unicode form, without control and direction marks, at most one blank line in a row."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _one_line(text: str) -> str:
    return " ".join(clean_text(text).split())


def _save_profile(user: User, **fields: object) -> None:
    for name, value in fields.items():
        setattr(user.profile, name, value)
    user.profile.save(update_fields=list(fields))


def _save_preferences(user: User, **fields: object) -> None:
    for name, value in fields.items():
        setattr(user.preferences, name, value)
    user.preferences.save(update_fields=list(fields))


def _abandon_files(names: Collection[str] | Sequence[str]) -> None:
    AbandonedFile.objects.bulk_create(AbandonedFile(name=name) for name in names)
