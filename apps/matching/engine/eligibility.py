"""Reach: who may be shown to whom. The one definition, for one viewer against many candidates at once.

Pure numpy. Genders are bits of the caller's choosing, ages full years, places the centres of H3 cells in degrees.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088
ANYWHERE_KM = 30_000.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """Columns of equal length, one entry a person."""

    gender: Ints  # one bit each
    age: Ints
    latitude: Floats
    longitude: Floats
    seeks: Ints  # the bits of the genders they want to meet
    age_min: Ints
    age_max: Ints
    max_km: Floats  # ANYWHERE_KM: no limit

    def __len__(self) -> int:
        return len(self.age)

    def where(self, kept: Bools | Ints) -> "People":
        """Some of them: by a mask, or by positions."""
        return People(**{name: column[kept] for name, column in self.__dict__.items()})

    def and_(self, others: "People") -> "People":
        """These and the others after them."""
        return People(
            **{name: np.concatenate([column, getattr(others, name)]) for name, column in self.__dict__.items()}
        )

    def with_preferences(self, **columns: Any) -> "People":
        """The same people with other preferences: what would be in reach if they changed their mind."""
        return People(**{**self.__dict__, **columns})


def full_years(born: Ints, today: int) -> Ints:
    """Ages on that day. Dates are numbers such as 19980824: the year is over when month and day have been reached."""
    return (today - born) // 10_000


def distance_km(one: People, many: People) -> Floats:
    """Great-circle distance of the cells' centres (haversine formula)."""
    lat1, lat2 = np.radians(one.latitude), np.radians(many.latitude)
    half_lat = (lat2 - lat1) / 2
    half_lng = np.radians(many.longitude - one.longitude) / 2
    a = np.sin(half_lat) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(half_lng) ** 2
    result: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(a, 0, 1)))
    return result


def fits(chooser: People, chosen: People, distance: Floats) -> dict[str, Bools]:
    """By criterion (gender, age, distance): does `chosen` fit the preferences of `chooser`? Broadcasts either way."""
    return {
        "gender": (chooser.seeks & chosen.gender) != 0,
        "age": (chosen.age >= chooser.age_min) & (chosen.age <= chooser.age_max),
        "distance": distance <= chooser.max_km,
    }


def reach(viewer: People, others: People) -> Bools:
    """Who of the others may be shown to the viewer: both sides' preferences hold. Symmetric."""
    distance = distance_km(viewer, others)
    mine = fits(viewer, others, distance)
    theirs = fits(others, viewer, distance)
    everything: Bools = np.logical_and.reduce([*mine.values(), *theirs.values()])
    return everything


def only_obstacle(viewer: People, others: People) -> dict[str, Bools]:
    """By criterion of the viewer's own preferences: who would be in reach but for this one criterion."""
    distance = distance_km(viewer, others)
    mine = fits(viewer, others, distance)
    wants_me = np.logical_and.reduce(list(fits(others, viewer, distance).values()))
    return {
        name: ~mine[name] & wants_me & np.logical_and.reduce([fit for other, fit in mine.items() if other != name])
        for name in mine
    }
