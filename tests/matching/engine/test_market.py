"""The market: attention has a price, the same from both ends, and nobody is promised more than they have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.matching.engine.market import (
    Graph,
    Int32s,
    asked,
    clear,
    expected_matches,
    is_waiting,
    overexposure,
    scores,
    union,
)

unhurried = settings(deadline=None, max_examples=40)


def _lists(members: int, best: int, seed: int, *, sides: int = 1) -> Graph:
    """Everybody's own best candidates, not yet symmetric; of the other side when there are two."""
    rng = np.random.default_rng(seed)
    appeal = rng.normal(0, 1.5, members)
    value = -np.abs(np.add.outer(appeal, appeal) + rng.normal(0, 1, (members, members)))
    value = np.minimum(value, value.T)
    side = np.arange(members) * sides // members
    allowed = (side[:, None] != side) if sides > 1 else ~np.eye(members, dtype=bool)
    rows = [np.flatnonzero(allowed[i])[np.argsort(-value[i][allowed[i]])[:best]] for i in range(members)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate([value[i][row] for i, row in enumerate(rows)])
    return Graph(indptr, np.concatenate(rows).astype(np.int32), values.astype(np.float32))


def _market(members: int, best: int, seed: int, *, sides: int = 1) -> Graph:
    lists = _lists(members, best, seed, sides=sides)
    return union(lists.indptr, lists.indices, lists.values)


def _rows(graph: Graph) -> Int32s:
    return np.repeat(np.arange(len(graph), dtype=np.int32), np.diff(graph.indptr))


def _pairs(graph: Graph, values: np.ndarray) -> dict[tuple[int, int], float]:
    return {(int(i), int(j)): float(x) for i, j, x in zip(_rows(graph), graph.indices, values, strict=True)}


markets = st.builds(
    _market, st.integers(4, 40), st.integers(1, 12), st.integers(0, 10**6), sides=st.sampled_from([1, 2])
)


@unhurried
@given(st.integers(4, 40), st.integers(1, 12), st.integers(0, 10**6))
def test_it_makes_a_pair_of_whoever_names_the_other(members: int, best: int, seed: int) -> None:
    lists = _lists(members, best, seed)
    named = _pairs(lists, lists.values)
    graph = union(lists.indptr, lists.indices, lists.values)
    found = _pairs(graph, graph.values)
    assert set(found) == set(named) | {(j, i) for i, j in named}
    assert all(found[i, j] == found[j, i] == named.get((i, j), named.get((j, i))) for i, j in found)
    assert all(np.all(np.diff(graph.indices[a:b]) > 0) for a, b in zip(graph.indptr, graph.indptr[1:], strict=False))


def test_it_takes_the_higher_of_two_values_for_one_pair() -> None:
    graph = union(np.array([0, 1, 2]), np.array([1, 0], dtype=np.int32), np.array([-2, -1], dtype=np.float32))
    assert graph.values.tolist() == [-1, -1]


@unhurried
@given(markets, st.floats(0.1, 20), st.sampled_from([0.2, 1.0, 3.0]))
def test_it_promises_nobody_more_or_less_than_their_attention(graph: Graph, most: float, temperature: float) -> None:
    capacity = np.linspace(0.1, most, len(graph)).astype(np.float32)
    prices = clear(graph, capacity, temperature=temperature, tolerance=1e-4, most_sweeps=3000)
    matched = np.bincount(_rows(graph), expected_matches(graph, prices), minlength=len(graph))
    alone = np.exp(-prices.price / temperature)
    assert prices.error <= 1e-4
    np.testing.assert_allclose(matched + alone, capacity, rtol=2e-3)


@unhurried
@given(markets, st.floats(0, 2))
def test_it_scores_a_pair_the_same_from_both_ends(graph: Graph, strength: float) -> None:
    capacity = np.ones(len(graph), dtype=np.float32)
    found = _pairs(graph, scores(graph, clear(graph, capacity), strength=strength))
    assert all(found[i, j] == pytest.approx(found[j, i], rel=1e-5) for i, j in found)


@unhurried
@given(markets, st.integers(0, 10**6))
def test_it_does_not_care_in_which_order_members_come(graph: Graph, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(graph)).astype(np.int32)
    capacity = np.linspace(0.5, 2, len(graph)).astype(np.float32)
    renamed = np.empty_like(capacity)
    renamed[order] = capacity
    rows = order[_rows(graph)]
    by_row = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(graph)))])
    other = union(indptr, order[graph.indices][by_row], graph.values[by_row])
    here = clear(graph, capacity, tolerance=1e-6, most_sweeps=3000).price
    there = clear(other, renamed, tolerance=1e-6, most_sweeps=3000).price
    np.testing.assert_allclose(there[order], here, atol=2e-3)


@unhurried
@given(markets, st.sampled_from([-1e30, -1e4, -200.0, 0.0, 1e4]), st.sampled_from([1e-3, 1e4]))
def test_it_stays_finite_whatever_it_is_given(graph: Graph, value: float, capacity: float) -> None:
    uneven = np.where((_rows(graph) + graph.indices) % 3 == 0, np.float32(value), graph.values)
    extreme = Graph(graph.indptr, graph.indices, uneven.astype(np.float32))
    prices = clear(extreme, np.full(len(graph), capacity, dtype=np.float32), temperature=0.05, most_sweeps=30)
    assert np.isfinite(prices.price).all()
    assert np.isfinite(scores(extreme, prices)).all()
    assert prices.sweeps <= 30


def test_it_ranks_by_the_product_when_the_market_has_no_strength() -> None:
    graph = _market(30, 8, seed=1)
    prices = clear(graph, np.ones(30, dtype=np.float32))
    assert np.array_equal(scores(graph, prices, strength=0), graph.values)


def test_it_asks_more_for_the_attention_of_those_whom_all_want() -> None:
    everyone_wants_0 = np.array([-0.1 if 0 in (i, j) else -3.0 for i in range(20) for j in range(20) if i != j])
    others = np.array([j for i in range(20) for j in range(20) if i != j], dtype=np.int32)
    graph = union(np.arange(21) * 19, others, everyone_wants_0.astype(np.float32))
    prices = clear(graph, np.ones(20, dtype=np.float32))
    assert prices.price[0] > prices.price[1:].max() + 0.5


def test_it_asks_less_for_the_attention_of_those_who_have_more_of_it() -> None:
    graph = _market(30, 29, seed=2)
    scarce = clear(graph, np.ones(30, dtype=np.float32)).price
    ample = clear(graph, np.array([5.0, *[1.0] * 29], dtype=np.float32)).price
    assert ample[0] < scarce[0]


def test_it_leaves_those_without_candidates_alone() -> None:
    graph = union(np.array([0, 1, 1, 1]), np.array([1], dtype=np.int32), np.array([-1], dtype=np.float32))
    prices = clear(graph, np.ones(3, dtype=np.float32))
    assert prices.price[2] == 0


def test_it_answers_the_same_every_time() -> None:
    graph, capacity = _market(40, 10, seed=3), np.ones(40, dtype=np.float32)
    assert np.array_equal(clear(graph, capacity).price, clear(graph, capacity).price)


def test_it_knows_who_was_shown_more_than_is_usual_for_their_gender() -> None:
    shown = np.array([10, 20, 40, 100, 100, 0], dtype=np.float32)
    days = np.array([10, 10, 10, 10, 10, 0], dtype=np.float32)
    found = overexposure(shown, days, group=np.array([1, 1, 1, 2, 2, 2]))
    assert found[0] < found[1] < 0 < found[2]
    assert found[3] == found[4] == pytest.approx(0, abs=0.05)
    assert found[5] == pytest.approx(0, abs=1e-6)


def test_it_holds_nobody_overexposed_before_anybody_was_shown() -> None:
    nothing = np.zeros(4, dtype=np.float32)
    assert overexposure(nothing, nothing, group=np.array([1, 2, 1, 2])).tolist() == [0, 0, 0, 0]


def test_it_asks_more_for_whoever_was_shown_often_and_less_for_whoever_waits() -> None:
    graph = _market(20, 8, seed=4)
    prices = clear(graph, np.ones(20, dtype=np.float32))
    overexposed, nobody = np.linspace(-1, 1, 20).astype(np.float32), np.zeros(20, dtype=bool)
    plain = asked(prices, overexposed, nobody, fairness=0)
    assert np.array_equal(plain, prices.price)
    assert np.all(np.diff(asked(prices, overexposed, nobody) - plain) > 0)
    assert np.all(asked(prices, overexposed, ~nobody) < asked(prices, overexposed, nobody))
    assert not asked(prices, overexposed, nobody, strength=0, fairness=0).any()


def test_it_says_who_waits_for_a_first_match() -> None:
    likes, matches = np.array([0, 2, 3, 9], dtype=np.float32), np.array([0, 0, 0, 1])
    assert is_waiting(likes, matches).tolist() == [False, False, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_it_spreads_attention_over_more_people_when_it_has_a_price(seed: int) -> None:
    """Everybody looks at their best of the other side: by value alone they all look at the same few."""
    rng, side = np.random.default_rng(seed), 50
    appeal = rng.normal(0, 2, 2 * side)
    value = rng.normal(0, 1, (side, side)) + appeal[:side, None] + appeal[side:]
    other = np.r_[np.tile(np.arange(side, 2 * side), side), np.tile(np.arange(side), side)].astype(np.int32)
    graph = Graph(np.arange(2 * side + 1) * side, other, np.r_[value.ravel(), value.T.ravel()].astype(np.float32))
    prices = clear(graph, np.ones(2 * side, dtype=np.float32), temperature=0.5)

    def looked_at(strength: float) -> int:
        best = scores(graph, prices, strength=strength).reshape(2 * side, side).argmax(axis=1)
        return len(set(other.reshape(2 * side, side)[np.arange(2 * side), best].tolist()))

    assert looked_at(1) > looked_at(0.5) > looked_at(0)
    assert looked_at(1) > 3 * looked_at(0)
