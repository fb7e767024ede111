import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.users import gazetteer

LONDON, MADRID, TBILISI, MOSCOW = 2643743, 3117735, 611717, 524901


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("London", LONDON),
        ("Londres", LONDON),
        ("Лондон", LONDON),
        ("Moscú", MOSCOW),
        ("moscu", MOSCOW),
        ("Москва", MOSCOW),
        ("МОСКВА", MOSCOW),
        ("Тбилиси", TBILISI),
        ("  madrid  ", MADRID),
        ("Madrid, ES", MADRID),
        ("madrid,España", MADRID),
        ("Мадрид, Испания", MADRID),
    ],
)
def test_it_finds_a_city_as_members_type_it(typed: str, found: int) -> None:
    assert gazetteer.find(typed)[0].geoname_id == found


def test_it_finds_a_name_of_two_words_however_it_is_joined() -> None:
    names = {
        gazetteer.find(typed)[0].name for typed in ("New York", "new   york", "NEW-YORK", "Нью-Йорк", "Nueva York")
    }
    assert names == {"New York City"}


def test_it_offers_a_choice_for_an_ambiguous_name_the_biggest_first() -> None:
    places = gazetteer.find("Valencia")
    assert [place.country_code for place in places[:2]] == ["VE", "ES"]
    assert places[0].population >= places[1].population


def test_it_tells_namesakes_apart_by_their_labels() -> None:
    for typed in ("Springfield", "San José", "Valencia"):
        labels = [gazetteer.label(place, "en") for place in gazetteer.find(typed)]
        assert len(set(labels)) == len(labels)


def test_it_lets_a_country_or_state_narrow_the_choice() -> None:
    assert gazetteer.find("Valencia, Spain")[0].country_code == "ES"
    assert gazetteer.find("Springfield, IL")[0].region == "Illinois"
    assert gazetteer.find("Springfield, Illinois")[0].region == "Illinois"


def test_it_ignores_a_country_that_does_not_fit() -> None:
    assert gazetteer.find("London, Atlantis") == gazetteer.find("London")


def test_it_completes_the_beginning_of_a_name() -> None:
    assert "Barcelona" in {place.name for place in gazetteer.find("barcelo")}


def test_it_prefers_the_whole_name_to_a_bigger_city_that_begins_so() -> None:
    assert gazetteer.find("York")[0].name == "York"


def test_it_gives_no_more_than_was_asked_for() -> None:
    assert len(gazetteer.find("sa", limit=3)) == 3


@pytest.mark.parametrize("typed", ["", " ", "x", ",", ", Spain", "...", "\n\n", "🙂", "xyzzyx"])
def test_it_finds_nothing_in_what_is_no_name(typed: str) -> None:
    assert gazetteer.find(typed) == []


@pytest.mark.parametrize("typed", ["a" * 4096, "ё́" * 2048, "sa," + "b" * 4093, "\n" * 4096, "ﷺ" * 4096, ("a " * 2048)])
def test_it_is_quick_with_hostile_input(typed: str) -> None:
    gazetteer.find("warm up, ES")
    started = time.process_time()
    gazetteer.find(typed)
    assert time.process_time() - started < 0.1


@given(st.text(max_size=200))
def test_it_never_raises_and_names_each_city_once(typed: str) -> None:
    ids = [place.geoname_id for place in gazetteer.find(typed)]
    assert len(ids) == len(set(ids))


def test_it_finds_what_it_found_again_by_its_id() -> None:
    for place in gazetteer.find("Córdoba"):
        assert gazetteer.by_id(place.geoname_id) == place


def test_it_knows_no_city_of_a_made_up_id() -> None:
    assert gazetteer.by_id(-1) is None
    assert gazetteer.by_id(999_999_999) is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [
        (51.5072, -0.1276, "London"),
        (40.459, -3.677, "Madrid"),  # in a district that the data knows by its own name
        (40.305, -3.730, "Getafe"),  # a town of its own in Madrid's outskirts
        (41.72, 44.78, "Tbilisi"),
    ],
)
def test_it_names_the_city_that_a_shared_place_belongs_to(latitude: float, longitude: float, name: str) -> None:
    place = gazetteer.nearest(latitude, longitude)
    assert place is not None
    assert place.name == name


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, -30.0), (90.0, 0.0), (float("nan"), 0.0)])
def test_it_names_nothing_far_from_every_city(latitude: float, longitude: float) -> None:
    assert gazetteer.nearest(latitude, longitude) is None


def test_it_labels_a_place_in_the_language_of_the_member() -> None:
    moscow = gazetteer.by_id(MOSCOW)
    assert moscow is not None
    assert [gazetteer.label(moscow, language) for language in ("en", "es", "ru")] == [
        "Moscow, Russia",
        "Moscú, Rusia",
        "Москва, Россия",
    ]
