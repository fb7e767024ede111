from collections import Counter
from datetime import date

import pytest
from h3.api import basic_int as h3

from apps.users import gazetteer
from apps.users.catalogue import INTERESTS
from apps.users.models import CELL_RESOLUTION, MAX_BIO, MAX_NAME, MAX_PHOTOS, Gender, Language
from meetsmatch.demo.people import CITIES, Person, invent_people
from meetsmatch.demo.words import WORDS


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return list(invent_people(300, seed=1))


def test_it_invents_the_same_people_from_the_same_seed(people: list[Person]) -> None:
    assert list(invent_people(300, seed=1)) == people


def test_it_adds_people_without_changing_those_before(people: list[Person]) -> None:
    assert list(invent_people(20, seed=1)) == people[:20]


def test_it_invents_others_from_another_seed(people: list[Person]) -> None:
    others = list(invent_people(300, seed=2))
    assert not {person.id for person in people} & {person.id for person in others}
    assert not {person.telegram_id for person in people} & {person.telegram_id for person in others}


def test_it_invents_adults_with_complete_profiles(people: list[Person]) -> None:
    for person in people:
        assert 18 <= person.age <= 65
        assert person.birth_date < date(2008, 1, 1)
        assert 0 < len(person.name) <= MAX_NAME
        assert 0 < len(person.bio) <= MAX_BIO
        assert 3 <= len(person.interests) <= 8
        assert set(person.interests) <= set(INTERESTS)
        assert person.seeks
        assert person.age_min <= person.age_max
        assert 1 + len(person.pictures) <= min(4, MAX_PHOTOS)


def test_it_mixes_genders_languages_and_ages(people: list[Person]) -> None:
    genders = Counter(person.gender for person in people)
    assert genders[Gender.WOMAN] == genders[Gender.MAN] == 144
    assert genders[Gender.NONBINARY] == 12
    languages = Counter(person.language for person in people)
    assert all(languages[language] > 50 for language in Language.values)
    assert sum(person.age < 40 for person in people) > 200
    assert any(person.age > 55 for person in people)


def test_it_scatters_people_around_their_city(people: list[Person]) -> None:
    for person in people:
        place = gazetteer.by_id(CITIES[person.city].geoname_id)
        assert place is not None
        centre = (place.latitude, place.longitude)
        assert h3.get_resolution(person.cell) == CELL_RESOLUTION
        assert h3.great_circle_distance(centre, h3.cell_to_latlng(person.cell)) < 18
    assert len({person.cell for person in people}) > 150


def test_it_has_somebody_of_each_gender_who_answers_in_each_city(people: list[Person]) -> None:
    answering = {(person.city, person.gender) for person in people if person.autopilot}
    assert answering == {(city, gender) for city in range(len(CITIES)) for gender in Gender.values}
    assert 80 <= sum(person.autopilot for person in people) <= 120


@pytest.mark.parametrize("city", range(len(CITIES)))
@pytest.mark.parametrize(("gender", "seeks"), [("woman", "man"), ("man", "woman")])
@pytest.mark.parametrize("age", [22, 30, 45])
def test_it_gives_a_newcomer_enough_people_to_meet(
    people: list[Person], city: int, gender: str, seeks: str, age: int
) -> None:
    candidates = [
        person
        for person in people
        if person.city == city and person.gender == seeks and gender in person.seeks
        if person.age_min <= age <= person.age_max
    ]
    assert len(candidates) >= 20


def test_it_speaks_every_language_of_the_product() -> None:
    assert set(WORDS) == set(Language.values)
    for words in WORDS.values():
        assert len(words.about) + len(words.about_interest) + len(words.wishes) >= 60
        assert set(words.about_interest) <= set(INTERESTS)
