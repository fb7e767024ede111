"""Who the made-up members are. A seed and a number decide everything: each comes out the same for ever."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID, uuid5

from h3.api import basic_int as h3

from apps.users import gazetteer
from apps.users.catalogue import INTERESTS
from apps.users.models import CELL_RESOLUTION, MAX_AGE, MIN_AGE, Gender
from meetsmatch.demo.looks import Look, invent_look
from meetsmatch.demo.scenes import DEFAULT_SCENE, SCENES, VARIANTS
from meetsmatch.demo.words import WORDS, Words

NAMESPACE = UUID("6f7c4b5e-8d0f-4c55-9a53-2f0f6a7f7d11")
FIRST_TELEGRAM_ID = 9_000_000_000
MEMBERS_PER_SEED = 100_000
# Ages count from here: the clock would make people of another run other people. They only get older.
BORN_BEFORE = date(2026, 1, 1)
OLDEST = 65
SCATTER_KM = 15.0
KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class City:
    """A GeoNames id, and how often each language is spoken by the members there."""

    geoname_id: int
    languages: dict[str, int]


CITIES = (
    City(2643743, {"en": 76, "es": 14, "ru": 10}),  # London
    City(3117735, {"es": 74, "en": 16, "ru": 10}),  # Madrid
    City(611717, {"ru": 58, "en": 34, "es": 8}),  # Tbilisi
)


@dataclass(frozen=True)
class Person:
    """`number` counts from 0 within a seed. `pictures` are the scene and variant of each photo after the portrait."""

    seed: int
    number: int
    language: str
    name: str
    gender: str
    birth_date: date
    cell: int
    place: str
    country: str
    interests: list[str]
    bio: str
    seeks: list[str]
    age_min: int
    age_max: int
    max_distance_km: int | None
    look: Look
    pictures: list[tuple[str, int]]
    autopilot: bool
    idle: timedelta  # how long before the first run they were last there

    @property
    def id(self) -> UUID:
        return self.uuid("member")

    @property
    def telegram_id(self) -> int:
        return telegram_id_of(self.seed, self.number)

    @property
    def city(self) -> int:
        return self.number % len(CITIES)

    @property
    def age(self) -> int:
        """Full years on the first of January 2026."""
        return (BORN_BEFORE - self.birth_date).days * 400 // 146097

    def uuid(self, *parts: object) -> UUID:
        """A key of a row of theirs: the same in every run."""
        return uuid5(NAMESPACE, "/".join(str(part) for part in (self.seed, self.number, *parts)))

    def dice(self, purpose: str) -> Random:
        return dice_for(self.seed, self.number, purpose)

    def would_like(self, other: "Person") -> bool:
        """Whether the other is whom they look for. Where they live is left aside."""
        return other.gender in self.seeks and self.age_min <= other.age <= self.age_max


def telegram_id_of(seed: int, number: int) -> int:
    return FIRST_TELEGRAM_ID + seed * MEMBERS_PER_SEED + number


def dice_for(seed: int, number: int, purpose: str) -> Random:
    """Chance of its own for each purpose: what is added later does not change what was there."""
    return Random(f"{seed}/{number}/{purpose}")  # noqa: S311


def invent_people(count: int, seed: int) -> Iterator[Person]:
    for number in range(count):
        yield _invent(number, seed)


def _invent(number: int, seed: int) -> Person:
    dice = dice_for(seed, number, "person")
    city, turn = CITIES[number % len(CITIES)], number // len(CITIES)
    language = dice.choices(list(city.languages), list(city.languages.values()))[0]
    gender = Gender.NONBINARY if turn % 25 == 0 else Gender.WOMAN if turn % 2 else Gender.MAN
    age = _age(dice)
    # A third on autopilot: in every city, of every gender, open to everybody, so that a newcomer's like is answered.
    autopilot = turn % 3 == 0
    interests = dice.sample(list(INTERESTS), dice.choices(range(3, 9), (14, 24, 24, 18, 12, 8))[0])
    home = gazetteer.by_id(city.geoname_id)
    assert home is not None
    cell = _cell_around(home, dice)
    age_min, age_max = (MIN_AGE, MAX_AGE) if autopilot else _age_range(dice, age)
    return Person(
        seed=seed,
        number=number,
        language=language,
        name=dice.choice(_names(WORDS[language], gender)),
        gender=gender.value,
        birth_date=BORN_BEFORE - timedelta(days=math.ceil(age * 365.2425) + dice.randint(1, 364)),
        cell=cell,
        place=gazetteer.label(home, language),
        country=home.country_code,
        interests=[slug for slug in INTERESTS if slug in interests],
        bio=_bio(dice, WORDS[language], interests),
        seeks=list(Gender.values) if autopilot else _sought(dice, gender),
        age_min=age_min,
        age_max=age_max,
        max_distance_km=None if autopilot else dice.choices((10, 25, 50, 100, None), (8, 24, 34, 20, 14))[0],
        look=invent_look(dice_for(seed, number, "look"), gender.value, age),
        pictures=_pictures(dice, interests),
        autopilot=autopilot,
        idle=timedelta(minutes=int(14 * 24 * 60 * dice.random() ** 2)),
    )


def _age(dice: Random) -> int:
    while True:
        age = round(dice.gauss(25, 4) if dice.random() < 0.35 else dice.gauss(34, 11))
        if MIN_AGE <= age <= OLDEST:
            return age


def _names(words: Words, gender: Gender) -> tuple[str, ...]:
    return {Gender.WOMAN: words.women, Gender.MAN: words.men, Gender.NONBINARY: words.anybody}[gender]


def _cell_around(city: gazetteer.Place, dice: Random) -> int:
    """An H3 cell, the nearer to the city the likelier."""
    distance_degrees, bearing = SCATTER_KM * dice.random() ** 0.8 / KM_PER_DEGREE, dice.uniform(0, math.tau)
    latitude = city.latitude + distance_degrees * math.cos(bearing)
    longitude = city.longitude + distance_degrees * math.sin(bearing) / math.cos(math.radians(city.latitude))
    cell: int = h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)
    return cell


def _bio(dice: Random, words: Words, interests: list[str]) -> str:
    of_interests = [words.about_interest[slug] for slug in interests if slug in words.about_interest]
    sentences = [dice.choice(words.about), *of_interests[:1], dice.choice(words.wishes)]
    kept = dice.choices((1, 2, 3), (12, 38, 50))[0]
    return " ".join(sentence for sentence in sentences[:kept] if sentence)


def _sought(dice: Random, gender: Gender) -> list[str]:
    other = {Gender.WOMAN: Gender.MAN, Gender.MAN: Gender.WOMAN}.get(gender)
    if other is None or dice.random() < 0.12:
        return list(Gender.values)
    if dice.random() < 0.1:
        return [gender.value]
    return [other.value, Gender.NONBINARY.value] if dice.random() < 0.2 else [other.value]


def _age_range(dice: Random, age: int) -> tuple[int, int]:
    return max(MIN_AGE, age - dice.randint(4, 14)), min(MAX_AGE, age + dice.randint(5, 15))


def _pictures(dice: Random, interests: list[str]) -> list[tuple[str, int]]:
    scenes = list(dict.fromkeys(SCENES[slug] for slug in interests if slug in SCENES)) or [DEFAULT_SCENE]
    count = dice.choices((0, 1, 2, 3), (18, 34, 30, 18))[0]
    return [(scene, dice.randrange(VARIANTS)) for scene in scenes[:count]]
