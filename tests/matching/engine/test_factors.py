"""Tastes that no column names: learned from swipes, silent about those who have none."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.engine.factors import Factors
from apps.matching.engine.fitting import fit
from apps.matching.engine.history import Column, Swipes

MEMBERS, SWIPES = 150, 12_000
unhurried = settings(deadline=None, max_examples=25)


class Hidden(NamedTuple):
    """Members of two kinds who like their own kind."""

    kind: Ints
    known: Swipes
    later: Swipes


@pytest.fixture(scope="module")
def hidden() -> Hidden:
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 2, MEMBERS)
    giver, receiver = rng.integers(0, MEMBERS, (2, SWIPES))
    liked = rng.random(SWIPES) < np.where(kind[giver] == kind[receiver], 0.8, 0.3)
    swipes, half = Swipes(giver, receiver, liked), np.arange(SWIPES) < SWIPES // 2
    return Hidden(kind, swipes.where(half), swipes.where(~half))


def _usual(swipes: Swipes) -> Column:
    return np.zeros(len(swipes.giver), dtype=np.float32)


def _loss(factors: Factors, swipes: Swipes) -> float:
    affinity = factors.affinity(swipes.giver, swipes.receiver)
    return float(np.log1p(np.exp(np.where(swipes.liked, -affinity, affinity))).mean())


def _nights(swipes: Swipes, count: int) -> Factors:
    factors = fit(swipes, _usual(swipes), MEMBERS)
    for _ in range(count - 1):
        factors = fit(swipes, _usual(swipes), MEMBERS, start=factors)
    return factors


def test_it_finds_a_taste_that_is_stated_nowhere(hidden: Hidden) -> None:
    factors = _nights(hidden.known, 4)
    affinity = factors.affinity(hidden.later.giver, hidden.later.receiver)
    alike = hidden.kind[hidden.later.giver] == hidden.kind[hidden.later.receiver]
    assert affinity[alike].mean() > affinity[~alike].mean() + 1
    assert _loss(factors, hidden.later) < _loss(Factors.none(MEMBERS), hidden.later) - 0.03


def test_it_goes_on_from_what_it_knew_the_night_before(hidden: Hidden) -> None:
    assert _loss(_nights(hidden.known, 3), hidden.known) < _loss(_nights(hidden.known, 1), hidden.known)


def test_it_finds_nothing_where_the_ranker_has_explained_all(hidden: Hidden) -> None:
    alike = hidden.kind[hidden.known.giver] == hidden.kind[hidden.known.receiver]
    explained = np.where(alike, np.log(0.8 / 0.2), np.log(0.3 / 0.7)).astype(np.float32)
    factors = fit(hidden.known, explained, MEMBERS)
    left = factors.affinity(hidden.later.giver, hidden.later.receiver)
    found = _nights(hidden.known, 4).affinity(hidden.later.giver, hidden.later.receiver)
    assert np.abs(left).mean() < np.abs(found).mean() / 3


@unhurried
@given(st.integers(0, 40), st.integers(0, 10**6))
def test_it_says_nothing_of_members_without_swipes(swipes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    giver, receiver = rng.integers(0, 10, (2, swipes))
    factors = fit(Swipes(giver, receiver, rng.random(swipes) < 0.5), np.zeros(swipes, dtype=np.float32), 12)
    assert not factors.taste[np.setdiff1d(np.arange(12), giver)].any()
    assert not factors.looks[np.setdiff1d(np.arange(12), receiver)].any()


@unhurried
@given(st.sampled_from([-500.0, -15.0, 0.0, 15.0, 500.0]), st.sampled_from([True, False]))
def test_it_stays_finite_however_sure_the_ranker_was(log_odds: float, liked: Bools) -> None:
    giver, receiver = np.repeat(np.arange(5), 20), np.tile(np.arange(5, 10), 20)
    swipes = Swipes(giver, receiver, np.full(100, liked))
    factors = fit(swipes, np.full(100, log_odds, dtype=np.float32), 10)
    assert np.isfinite(factors.taste).all()
    assert np.isfinite(factors.looks).all()


def test_it_learns_the_same_every_time(hidden: Hidden) -> None:
    one, other = _nights(hidden.known, 2), _nights(hidden.known, 2)
    assert np.array_equal(one.taste, other.taste)
    assert np.array_equal(one.looks, other.looks)


def test_it_takes_in_who_has_come_since(hidden: Hidden) -> None:
    early = hidden.known.where((hidden.known.giver < MEMBERS - 5) & (hidden.known.receiver < MEMBERS - 5))
    before = fit(early, _usual(early), MEMBERS)
    after = fit(hidden.known, _usual(hidden.known), MEMBERS, start=before)
    assert not before.looks[-5:].any()
    assert after.looks[-5:].any(axis=1).all()
