"""Percentages on 200,000 members who do not exist: as many as said, the same ones for ever, others for each flag."""

from decimal import Decimal
from functools import cache
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from apps.flags.catalogue import Definition, Kind
from apps.flags.rules import audience, bucket, threshold
from apps.flags.state import State

MEMBERS = 200_000
# Five standard deviations: chance alone fails one test in about two million.
SIGMAS = 5


@cache
def members() -> tuple[UUID, ...]:
    bits = np.random.default_rng(20261123).bytes(16 * MEMBERS)
    return tuple(UUID(bytes=bits[start : start + 16], version=4) for start in range(0, len(bits), 16))


@cache
def buckets(name: str) -> NDArray[np.uint64]:
    return np.array([bucket(name.encode(), member) for member in members()], dtype=np.uint64)


def inside(name: str, percent: str) -> NDArray[np.bool_]:
    return buckets(name) < np.float64(threshold(Decimal(percent)))


@pytest.mark.parametrize("name", ["new_deck", "bot.notes", "a"])
@pytest.mark.parametrize("percent", ["0.1", "1", "5", "20", "50", "77.77", "99"])
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
    steps = ["0", "0.01", "1", "5", "10", "20", "50", "99.99", "100"]
    for lower, higher in pairwise(steps):
        assert not (inside("new_deck", lower) & ~inside("new_deck", higher)).any()


@pytest.mark.parametrize(("one", "other"), [("new_deck", "new_deck2"), ("bot.notes", "bot.like_notice"), ("a", "b")])
def test_it_draws_for_each_flag_anew(one: str, other: str) -> None:
    """Who is in 30 % of one flag is in 20 % of another as often as anybody: 6 % are in both."""
    both = (inside(one, "30") & inside(other, "20")).mean()
    error = (0.06 * 0.94 / MEMBERS) ** 0.5
    correlation = np.corrcoef(buckets(one).astype(float), buckets(other).astype(float))[0, 1]

    assert abs(both - 0.06) < SIGMAS * error
    assert abs(correlation) < SIGMAS / MEMBERS**0.5


def test_it_gives_a_member_the_same_place_for_ever() -> None:
    """These numbers are a promise: were they to change, every running ramp would be drawn anew."""
    assert bucket(b"new_deck", UUID(int=1)) == 6522040699861388087
    assert bucket(b"bot.notes", UUID(int=2**128 - 1)) == 17242411005704484384


class _Someone:
    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def test_it_answers_as_the_hash_says() -> None:
    new_deck = Definition("new_deck", Kind.OPERATION, owner="tests", purpose="a test", default=False)
    asked = audience(new_deck, State(percent=Decimal("12.5")), {})

    answers = np.array([asked.includes(_Someone(member)) for member in members()[:20_000]])  # type: ignore[arg-type]

    assert (answers == inside("new_deck", "12.5")[:20_000]).all()
