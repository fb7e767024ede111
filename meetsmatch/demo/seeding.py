"""Brings the made-up members into database, media store and simulator. Safe to run twice and after a crash."""

import io
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.utils import timezone
from h3.api import basic_int as h3
from PIL import Image

from apps.bot.handlers.signup import CONSENT_VERSION
from apps.bot.models import Dialogue
from apps.moderation.services import adopt_reports
from apps.simulator.models import Persona
from apps.users.models import AREA_RESOLUTION, Photo, Preferences, Profile, User
from meetsmatch.demo.avatars import draw_avatar
from meetsmatch.demo.people import Person, invent_people, telegram_id_of
from meetsmatch.demo.scenes import draw_scene
from meetsmatch.demo.society import invent_society

SOURCE = "demo"
THUMBNAIL_SIZE = 256
THUMBNAIL_BOX = (30, 30, 370, 370)  # head and shoulders of a portrait that is read at half its size
# User name and password: group.
STAFF = {
    "admin": "",
    "moderator": "Moderator",
    "senior": "Senior moderator",
    "product": "Product manager",
    "approver": "Flag approver",
    "payments": "Payments",
}

Progress = Callable[[int, int], None]


def seed_members(count: int, seed: int, progress: Progress) -> int:
    """How many members were missing and have been made. `progress` hears how many are drawn, and of how many."""
    telegram_ids = [telegram_id_of(seed, number) for number in range(count)]
    taken = dict(User.objects.filter(telegram_id__in=telegram_ids).values_list("telegram_id", "pk"))
    played = set(Persona.objects.filter(pk__in=telegram_ids).values_list("pk", flat=True))
    if len(taken) == len(played) == count:
        return 0
    people = list(invent_people(count, seed))
    new = [person for person in people if person.telegram_id not in taken]
    unplayed = [person for person in people if person.telegram_id not in played]
    _draw({person.id: person for person in (*new, *unplayed)}.values(), progress)
    # Somebody may have deleted a made-up account and signed up anew with its persona: that is another member.
    around = [person for person in people if taken.get(person.telegram_id, person.id) == person.id]
    with transaction.atomic():
        _write_members(new, timezone.now())
        _write(_persona(person) for person in unplayed)
        society = invent_society(around, new, timezone.now())
        for rows in (society.swipes, society.matches, society.conversations, society.messages, society.reports):
            _write(rows)
    adopt_reports()
    return len(new)


def seed_staff() -> list[str]:
    """The names of the staff accounts that were missing and have been made; each name is its password."""
    made = [name for name in STAFF if not User.objects.filter(username=name).exists()]
    for name in made:
        user = User.objects.create_user(name, name, is_staff=True, is_superuser=not STAFF[name])
        user.groups.set(Group.objects.filter(name=STAFF[name]))
    return made


# ---- Pictures


def _draw(people: Collection[Person], progress: Progress) -> None:
    for done, person in enumerate(people, 1):
        portrait = draw_avatar(person.look)
        _store(_photo_name(person, 0), portrait)
        _store(_thumbnail_name(person), _thumbnail(portrait))
        for position, (scene, variant) in enumerate(person.pictures, 1):
            _store(_photo_name(person, position), draw_scene(scene, variant))
        progress(done, len(people))


def _store(name: str, content: bytes) -> None:
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content))


def _thumbnail(portrait: bytes) -> bytes:
    with Image.open(io.BytesIO(portrait)) as image:
        image.draft("RGB", (image.width // 2, image.height // 2))
        small = image.resize((THUMBNAIL_SIZE, THUMBNAIL_SIZE), box=THUMBNAIL_BOX)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _photo_name(person: Person, position: int) -> str:
    return f"photos/demo/{person.id}-{position}.jpg"


def _thumbnail_name(person: Person) -> str:
    return f"simulator/avatars/{person.telegram_id}.jpg"


# ---- Rows


def _write_members(people: Collection[Person], now: datetime) -> None:
    _write(_user(person, now) for person in people)
    _write(_profile(person, now) for person in people)
    _write(_preferences(person) for person in people)
    _write(Dialogue(user_id=person.id) for person in people)
    _write(
        Photo(
            id=person.uuid("photo", position), user_id=person.id, position=position, file=_photo_name(person, position)
        )
        for person in people
        for position in range(1 + len(person.pictures))
    )


def _write(rows: Iterable[models.Model]) -> None:
    rows = list(rows)
    if rows:
        type(rows[0])._default_manager.bulk_create(rows)


def _user(person: Person, now: datetime) -> User:
    joined_at = _joined_at(person, now)
    return User(
        id=person.id,
        telegram_id=person.telegram_id,
        language=person.language,
        source=SOURCE,
        consent_version=CONSENT_VERSION,
        consented_at=joined_at,
        date_joined=joined_at,
        last_active_at=now - person.idle,
    )


def _joined_at(person: Person, now: datetime) -> datetime:
    return now - person.idle - timedelta(hours=person.dice("joined").randint(2, 60 * 24))


def _profile(person: Person, now: datetime) -> Profile:
    joined_at = _joined_at(person, now)
    return Profile(
        user_id=person.id,
        name=person.name,
        birth_date=person.birth_date,
        gender=person.gender,
        cell=person.cell,
        area=h3.cell_to_parent(person.cell, AREA_RESOLUTION),
        place=person.place,
        country=person.country,
        place_changed_at=joined_at,
        interests=person.interests,
        bio=person.bio,
        published_at=joined_at + timedelta(minutes=5),
    )


def _preferences(person: Person) -> Preferences:
    return Preferences(
        user_id=person.id,
        genders=person.seeks,
        age_min=person.age_min,
        age_max=person.age_max,
        max_distance_km=person.max_distance_km,
    )


def _persona(person: Person) -> Persona:
    return Persona(
        telegram_id=person.telegram_id,
        first_name=person.name,
        username=f"demo_{person.seed}_{person.number}",
        language_code=person.language,
        avatar=_thumbnail_name(person),
        autopilot=person.autopilot,
    )
