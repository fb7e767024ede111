"""Percentages on 200,000 members who do not exist: as many as said, the same ones for ever, others for each flag."""

import random
from decimal import Decimal
from functools import cache
from itertools import combinations, pairwise
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from apps.flags.catalogue import Definition, Kind
from apps.flags.rules import audience, bucket, threshold
from apps.flags.state import State

MEMBERS = 200_000
SIGMAS = 4  # the members are the same in every run: what passes once passes for ever


@cache
def members() -> tuple[UUID, ...]:
    chance = random.Random(20261123)
    return tuple(UUID(int=chance.getrandbits(128), version=4) for _ in range(MEMBERS))


@cache
def buckets(name: str) -> NDArray[np.uint64]:
    return np.array([bucket(name.encode(), member) for member in members()], dtype=np.uint64)


def inside(name: str, percent: str) -> NDArray[np.bool_]:
    return buckets(name) < np.float64(threshold(Decimal(percent)))


@pytest.mark.parametrize("name", ["new_deck", "bot.notes", "a"])
@pytest.mark.parametrize("percent", ["0.1", "1", "5", "25", "50", "77.77", "99.5"])
def test_it_lets_in_as_many_as_it_says(name: str, percent: str) -> None:
    share = float(percent) / 100
    error = (share * (1 - share) / MEMBERS) ** 0.5

    assert abs(inside(name, percent).mean() - share) < SIGMAS * error


def test_it_spreads_members_evenly() -> None:
    counts, _edges = np.histogram(buckets("new_deck").astype(np.float64), bins=100, range=(0, 2.0**64))
    expected = MEMBERS / 100
    chi_squared = float(((counts - expected) ** 2 / expected).sum())

    assert abs(chi_squared - 99) < SIGMAS * (2 * 99) ** 0.5


def test_it_keeps_those_who_were_in_when_the_percentage_is_raised() -> None:
    steps = ["0", "0.01", "1", "5", "25", "50", "99.99", "100"]
    for lower, higher in pairwise(steps):
        assert not (inside("new_deck", lower) & ~inside("new_deck", higher)).any()


@pytest.mark.parametrize(("one", "other"), list(combinations(["new_deck", "new_deck2", "bot.notes", "a", "b"], 2)))
def test_it_draws_for_each_flag_anew(one: str, other: str) -> None:
    """Being in 30 % of one flag says nothing about being in 30 % of another: chi-squared of the table of both."""
    table = np.histogram2d(inside(one, "30"), inside(other, "30"), bins=2)[0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / MEMBERS
    chi_squared = float(((table - expected) ** 2 / expected).sum())
    correlation = np.corrcoef(buckets(one).astype(float), buckets(other).astype(float))[0, 1]

    assert chi_squared < SIGMAS**2
    assert abs(correlation) < SIGMAS / MEMBERS**0.5


def test_it_gives_a_member_the_same_place_for_ever() -> None:
    """These numbers are a promise: were they to change, every running ramp would be drawn anew."""
    assert bucket(b"new_deck", UUID(int=1)) == 6522040699861388087
    assert bucket(b"bot.notes", UUID(int=2**128 - 1)) == 17242411005704484384


class _Someone:
    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def test_it_lets_in_the_same_members_whoever_asks_and_more_of_them_with_every_step() -> None:
    new_deck = Definition("new_deck", Kind.OPERATION, owner="tests", purpose="a test", default=False)
    everybody = [_Someone(member) for member in members()]
    before = np.zeros(MEMBERS, dtype=bool)
    for percent in ["5", "25", "50", "100"]:
        asked = audience(new_deck, State(percent=Decimal(percent)), {})
        answers = np.array([asked.includes(someone) for someone in everybody])  # type: ignore[arg-type]

        assert (answers == inside("new_deck", percent)).all()
        assert not (before & ~answers).any()
        before = answers
