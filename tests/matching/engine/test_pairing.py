"""Everybody's best: the same people and the same values as one viewer at a time, in plain numpy."""

from dataclasses import replace

import numpy as np
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.matching.engine.eligibility import Ints, People, reach
from apps.matching.engine.factors import RANK, Factors
from apps.matching.engine.features import Members, Pairs
from apps.matching.engine.history import Column, History, Population, population_of_counts, rarity
from apps.matching.engine.pairing import Hidden, Places, Rows, best_candidates, places, pool
from apps.matching.engine.ranker import Model, likelihoods, starting_model

unhurried = settings(deadline=None, max_examples=60)
NAMES = [f"interest {number}" for number in range(12)]
World = tuple[Members, Places, Model]


def _world(count: int, spread: float, seed: int) -> World:
    """Members around Lisbon, in cells; the farther spread the more of them are out of each other's distance."""
    dice = np.random.default_rng(seed)
    cells = [
        h3.latlng_to_cell(38.7 + spread * lat, -9.1 + spread * lng, 7) for lat, lng in dice.normal(0, 1, (count, 2))
    ]
    latitude, longitude = np.array([h3.cell_to_latlng(cell) for cell in cells]).T
    low = dice.integers(18, 50, count)
    people = People(
        gender=dice.choice([1, 2, 4], count),
        age=dice.integers(18, 60, count),
        latitude=latitude,
        longitude=longitude,
        seeks=dice.integers(0, 8, count),
        age_min=low,
        age_max=low + dice.integers(0, 40, count),
        max_km=dice.choice([1.0, 10.0, 50.0, 250.0, 30_000.0], count),
    )
    swipes = dice.integers(0, 50, (2, count))
    history = History(swipes.sum(axis=0), swipes[0], swipes[1], swipes.mean(axis=0), *np.zeros((2, count)))
    history = History(**{name: column.astype(np.float32) for name, column in vars(history).items()})
    usual = population_of_counts(
        people.gender, history, rarity={"interests": rarity(dict.fromkeys(NAMES, 10), 40), "languages": {"en": 0.5}}
    )
    members = Members(
        people,
        history,
        dice.exponential(9, count).astype(np.float32),
        dice.random(count).astype(np.float32),
        {
            "interests": np.packbits(dice.random((count, 12)) < 0.3, axis=1),
            "languages": np.packbits(dice.random((count, 1)) < 0.5, axis=1),
        },
        factors=Factors(*_tastes(count, dice)) if dice.random() < 0.8 else None,
    )
    districts = np.array([h3.cell_to_parent(cell, 5) for cell in cells], dtype=np.int64)
    where = places(np.array(cells, dtype=np.int64), districts, latitude, longitude)
    return members, where, _model(usual, affinity=dice.choice([-0.7, 0.0, 0.9]))


def _tastes(count: int, dice: np.random.Generator) -> Column:
    """Of what members look for and of what they are; nothing is known of every third."""
    known = dice.random((2, count, 1)) < 2 / 3
    return (known * dice.normal(0, dice.choice([0.3, 2.0]), (2, count, RANK))).astype(np.float32)


def _model(usual: Population, affinity: float) -> Model:
    names = {
        "baseline": 1.0,
        "generosity": 0.8,
        "appeal": 1.2,
        "activity": 0.3,
        "nearness": 0.5,
        "age_gap": -0.2,
        "outside_age_range": -0.1,
        "shared.interests": 0.2,
        "shared.languages": 0.1,
        "shown_before": -0.3,
        "affinity": affinity,
    }
    return replace(
        starting_model(usual),
        features=tuple(names),
        coefficients=tuple(names.values()),
        means=(0.1,) * len(names),
        scales=(1.5,) * len(names),
        intercept=-0.4,
        slope=0.9,
    )


worlds = st.builds(_world, st.integers(1, 60), st.sampled_from([0.01, 0.3, 3.0]), st.integers(0, 10**6))
nobody = np.zeros(0, dtype=np.int32)


def _hidden(rows: list[list[int]]) -> Hidden:
    ends = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return Hidden(ends, np.array([each for row in rows for each in row], dtype=np.int32))


def _by_cell(where: Places) -> Ints:
    return np.argsort(where.cell, kind="stable")


def _row(rows: Rows, turn: int) -> dict[int, float]:
    own = slice(rows.indptr[turn], rows.indptr[turn + 1])
    return dict(zip(rows.candidate[own].tolist(), rows.value[own].tolist(), strict=True))


@unhurried
@given(worlds)
def test_it_finds_exactly_those_in_reach_who_are_not_hidden(world: World) -> None:
    members, where, _model = world
    count = len(members)
    viewers = _by_cell(where)
    hidden = [[other for other in range(count) if (viewer * 7 + other) % 3 == 0] for viewer in viewers.tolist()]
    rows = best_candidates(pool(*world), viewers=viewers, hidden=_hidden(hidden), best=count)
    for turn, viewer in enumerate(viewers.tolist()):
        expected = set(np.flatnonzero(reach(members.people.where(np.array([viewer])), members.people)).tolist())
        assert set(_row(rows, turn)) == expected - {viewer, *hidden[turn]}


@unhurried
@given(worlds)
def test_it_values_a_pair_as_the_ranker_does(world: World) -> None:
    members, _where, model = world
    viewers = np.arange(len(members))
    rows = best_candidates(pool(*world), viewers=viewers, hidden=_hidden([[]] * len(members)), best=len(members))
    giver = np.repeat(viewers, np.diff(rows.indptr))
    pairs = Pairs.of(giver, rows.candidate.astype(np.int64))
    expected = likelihoods(model, members, pairs).score(pairs.likes_giver)
    assert np.isfinite(rows.value).all()
    np.testing.assert_allclose(rows.value, expected, rtol=1e-4, atol=1e-4)


@unhurried
@given(worlds, st.integers(1, 5))
def test_it_keeps_the_best(world: World, best: int) -> None:
    _assert_it_keeps_the_best(world, best)


@unhurried
@given(worlds, st.integers(1, 5))
def test_it_keeps_the_best_of_the_hopeless_too(world: World, best: int) -> None:
    """Below the lowest log odds that count, one direction no longer makes up for the other."""
    members, where, model = world
    steep = replace(model, coefficients=tuple(25 * each for each in model.coefficients), intercept=-12.0)
    _assert_it_keeps_the_best((members, where, steep), best)


def _assert_it_keeps_the_best(world: World, best: int) -> None:
    members, where, _model = world
    viewers, hidden = _by_cell(where), _hidden([[]] * len(members))
    everybody = best_candidates(pool(*world), viewers=viewers, hidden=hidden, best=len(members))
    kept = best_candidates(pool(*world), viewers=viewers, hidden=hidden, best=best)
    for turn in range(len(viewers)):
        all_values = sorted(_row(everybody, turn).values(), reverse=True)
        assert sorted(_row(kept, turn).values(), reverse=True) == pytest.approx(all_values[:best], rel=1e-5)


@unhurried
@given(worlds)
def test_it_is_symmetric(world: World) -> None:
    members = world[0]
    rows = best_candidates(
        pool(*world), viewers=np.arange(len(members)), hidden=_hidden([[]] * len(members)), best=len(members)
    )
    found = {(one, other): value for one in range(len(members)) for other, value in _row(rows, one).items()}
    assert found == {(other, one): pytest.approx(value, rel=1e-4, abs=1e-4) for (one, other), value in found.items()}


@unhurried
@given(worlds)
def test_it_looks_among_some_only(world: World) -> None:
    members = world[0]
    some, viewers = np.arange(0, len(members), 2), np.arange(len(members))
    hidden = _hidden([[]] * len(members))
    rows = best_candidates(pool(*world, among=some), viewers=viewers, hidden=hidden, best=len(members))
    everybody = best_candidates(pool(*world), viewers=viewers, hidden=hidden, best=len(members))
    for viewer in range(len(members)):
        assert set(_row(rows, viewer)) == set(_row(everybody, viewer)) & set(some.tolist())


@unhurried
@given(worlds)
def test_it_finds_nobody_among_nobody(world: World) -> None:
    """A territory without a new face asks for just that."""
    viewers = np.arange(len(world[0]))
    none = pool(*world, among=np.zeros(0, dtype=np.int64))
    rows = best_candidates(none, viewers=viewers, hidden=_hidden([[]] * len(viewers)), best=3)
    assert not rows.indptr.any()
