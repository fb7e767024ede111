"""Members who are there already, made without walking them through the bot."""

import itertools
from datetime import date
from typing import Any

from django.utils import timezone

from apps.bot.handlers.signup import CONSENT_VERSION
from apps.bot.models import Dialogue
from apps.users import services
from apps.users.models import Gender, Photo, User

_numbers = itertools.count(1)
TBILISI = (41.6938, 44.8015)


def member(
    name: str = "Ann",
    *,
    telegram_id: int | None = None,
    age: int = 28,
    gender: str = Gender.WOMAN,
    seeking: tuple[str, ...] = tuple(Gender.values),
    ages: tuple[int, int] = (18, 99),
    max_distance_km: int | None = 50,
    place: tuple[float, float] = TBILISI,
    language: str = "en",
    photos: int = 1,
    **profile: Any,
) -> User:
    """A published member. Further keywords are fields of the profile (bio, interests)."""
    number = next(_numbers)
    user = services.register(telegram_id or 1_000_000 + number, language=language)
    Dialogue.objects.get_or_create(user=user)
    services.record_consent(user, version=CONSENT_VERSION)
    today = timezone.localdate()
    services.set_place(user, latitude=place[0], longitude=place[1], place="Tbilisi, Georgia", country="GE")
    user.profile.name, user.profile.gender = name, gender
    user.profile.birth_date = date(today.year - age, 1, 1)
    user.profile.published_at = timezone.now()
    for field, value in profile.items():
        setattr(user.profile, field, value)
    user.profile.save()
    user.preferences.genders, user.preferences.max_distance_km = list(seeking), max_distance_km
    user.preferences.age_min, user.preferences.age_max = ages
    user.preferences.save()
    for position in range(photos):
        file_id = f"photo-{number}-{position}"
        Photo.objects.create(user=user, position=position, file_id=file_id, file_unique_id=f"{file_id}-unique")
    return user
