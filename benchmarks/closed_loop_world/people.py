"""Who lives in the town: what they show, and the tastes that only their swipes betray.

The numbers are set so that likes look as they do where people were watched: women like one card in six and men one in
three, both sides differ much among themselves in how picky and how liked they are, what is stated (age, place,
interests) tells a part of it, shared habits more, and much is between two people alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import ANYWHERE_KM, People, distance_km, reach

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WOMAN, MAN = 1, 2
SHARE_OF_WOMEN = 0.45
INTERESTS, HABITS = 40, 4
NEWCOMERS = 0.3  # of the members join during the month, the others are there on its first day
MOST_CARDS = 80  # on one day

# Log odds of a like. A like is rare with women and frequent with men; both differ much among themselves.
USUAL = {WOMAN: -1.7, MAN: -0.5}
PICKINESS, ATTRACTIVENESS = 0.8, 1.0
SHARED_INTEREST, YEARS_FROM_IDEAL, KILOMETRES = 0.25, -0.12, -0.015
TASTE = 0.9  # for habits, which show in interests only by half
CHEMISTRY = 0.7  # of one for one other, which nothing tells


@dataclass(frozen=True)
class Town:
    """Columns by member, and by pair in reach: rows as in a CSR matrix, each pair once in either member's row.

    Nothing in it tells who likes whom.
    """

    days: int
    shown: People
    interests: Bools
    completeness: Floats
    joined: Ints  # day
    cards_a_day: Floats  # on a day on which the member looks
    looks: Floats  # P of looking on a day
    indptr: Ints
    viewer: Ints
    candidate: Ints
    back: Ints  # the same pair in the other's row

    def __len__(self) -> int:
        return len(self.shown)


def settle(members: int, days: int, seed: int) -> tuple[Town, Bools]:
    """The town, and by pair whether the viewer would like the candidate: known to nobody until they swipe."""
    rng = np.random.default_rng(seed)
    shown = _shown(members, rng)
    habits = rng.normal(size=(members, HABITS))
    interests = _interests(habits, rng)
    attractiveness = rng.normal(size=members)
    viewer, candidate = np.nonzero(_in_reach(shown))
    back = np.lexsort((viewer, candidate))
    odds = _log_odds(shown, interests, habits, attractiveness, viewer, candidate, rng)
    town = Town(
        days=days,
        shown=shown,
        interests=interests,
        # those who look better show a little more
        completeness=1 / (1 + np.exp(-0.5 * attractiveness - rng.normal(size=members))),
        joined=np.where(rng.random(members) < NEWCOMERS, rng.integers(1, days - 5, members), 0),
        cards_a_day=np.minimum(rng.lognormal(np.log(8), 0.8, members), MOST_CARDS),
        looks=rng.beta(3, 2, members),
        indptr=np.searchsorted(viewer, np.arange(members + 1)),
        viewer=viewer,
        candidate=candidate,
        back=back,
    )
    return town, rng.random(len(viewer)) < 1 / (1 + np.exp(-odds))


def _shown(members: int, rng: np.random.Generator) -> People:
    gender = np.where(rng.random(members) < SHARE_OF_WOMEN, WOMAN, MAN)
    age = np.clip(rng.gamma(5, 2.2, members) + 19, 19, 55).astype(np.int64)
    older = np.where(gender == WOMAN, 2, -2)
    spread = rng.integers(6, 16, members)
    return People(
        gender=gender,
        age=age,
        latitude=48.0 + rng.normal(0, 0.12, members),
        longitude=11.0 + rng.normal(0, 0.18, members),
        seeks=WOMAN + MAN - gender,
        age_min=np.maximum(age + older - spread, 18),
        age_max=age + older + spread,
        max_km=rng.choice([30.0, 60.0, ANYWHERE_KM], members),
    )


def _interests(habits: Floats, rng: np.random.Generator) -> Bools:
    """Three to eight each, common ones more often; which ones depends on habits, and on chance as much."""
    pull = rng.normal(size=(HABITS, INTERESTS)) / 2
    common = -0.6 * np.log(np.arange(1, INTERESTS + 1))
    wish = habits @ pull + common + rng.gumbel(size=(len(habits), INTERESTS))
    rank = np.argsort(np.argsort(-wish, axis=1), axis=1)
    result: Bools = rank < rng.integers(3, 9, len(habits))[:, None]
    return result


def _in_reach(shown: People) -> Bools:
    result = np.array([reach(shown.where(np.array([member])), shown) for member in range(len(shown))])
    np.fill_diagonal(result, False)
    return result


def _log_odds(
    shown: People,
    interests: Bools,
    habits: Floats,
    attractiveness: Floats,
    viewer: Ints,
    candidate: Ints,
    rng: np.random.Generator,
) -> Floats:
    """Of a like of the viewer's, by pair."""
    members = len(shown)
    usual = np.where(shown.gender == WOMAN, USUAL[WOMAN], USUAL[MAN])
    generous = usual + PICKINESS * rng.normal(size=members)
    wanted = rng.normal(size=(members, HABITS)) / np.sqrt(HABITS)
    ideal_age = (shown.age_min + shown.age_max) / 2
    shared = (interests.astype(np.float32) @ interests.T.astype(np.float32))[viewer, candidate]
    result: Floats = (
        generous[viewer]
        + ATTRACTIVENESS * attractiveness[candidate]
        + SHARED_INTEREST * (shared - 1)
        + YEARS_FROM_IDEAL * np.abs(shown.age[candidate] - ideal_age[viewer])
        + KILOMETRES * distance_km(shown.where(viewer), shown.where(candidate))
        + TASTE * np.einsum("ij,ij->i", wanted[viewer], habits[candidate])
        + CHEMISTRY * rng.normal(size=len(viewer))
    )
    return result
