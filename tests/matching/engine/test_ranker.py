import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.engine.eligibility import People
from apps.matching.engine.factors import Factors
from apps.matching.engine.features import Columns, Members, Pairs, features
from apps.matching.engine.history import Population, Swipes, population_of, rarity
from apps.matching.engine.ranker import Likelihoods, Model, likelihoods, starting_model
from apps.matching.engine.training import (
    Impressions,
    auc,
    calibration_error,
    evaluate,
    is_better,
    mutual_in_top,
    train,
)

SIZE, DAYS = 120, 12
Town = tuple[Members, Population]


@pytest.fixture(scope="module")
def town() -> Town:
    """Members whose tastes differ: some are picky, some are liked by many, and shared interests help."""
    rng = np.random.default_rng(7)
    anything = np.zeros(SIZE, dtype=np.int64)
    people = People(
        gender=np.tile([1, 2], SIZE // 2),
        age=rng.integers(20, 50, SIZE),
        latitude=rng.normal(0, 0.1, SIZE),
        longitude=rng.normal(0, 0.1, SIZE),
        seeks=anything + 3,
        age_min=anything + 25,
        age_max=anything + 45,
        max_km=anything + 50.0,
    )
    bits = np.packbits(rng.random((SIZE, 12)) < 0.3, axis=1)
    weights = rarity({f"interest {number}": 10 for number in range(12)}, 40)
    picky, charm = rng.normal(0, 1, SIZE), rng.normal(0, 1, SIZE)
    giver, receiver = rng.integers(0, SIZE, (2, SIZE * 30))
    liked = rng.random(len(giver)) < 1 / (1 + np.exp(picky[giver] - charm[receiver]))
    swipes = Swipes(giver, receiver, liked)
    usual = population_of(people.gender, swipes, rarity={"interests": weights})
    inactive = rng.exponential(5, SIZE).astype(np.float32)
    known = Members(
        people,
        usual.history(people.gender, swipes),
        inactive,
        np.ones(SIZE, dtype=np.float32),
        {"interests": bits},
        {"smokes": np.where(rng.random(SIZE) < 0.5, np.nan, 1).astype(np.float32)},
        Factors(*rng.normal(0, 0.5, (2, SIZE, 4)).astype(np.float32)),
    )
    return known, usual


def shown(town: Town, *, seed: int, noise: bool = False, cards: int = 3000) -> Impressions:
    """Cards that were swiped by what the columns say, or by nothing at all."""
    rng = np.random.default_rng(seed)
    known, usual = town
    columns = features(known, Pairs.of(*rng.integers(0, SIZE, (2, cards))), usual)
    wish = columns["generosity"] + columns["appeal"] + 0.3 * columns["shared.interests"] - 0.5
    position = rng.integers(0, 10, cards)
    chance = 0.4 if noise else 1 / (1 + np.exp(-wish + 0.5 * np.log1p(position)))
    return Impressions(
        columns, rng.random(cards) < chance, position, np.ones(cards, dtype=np.float32), rng.integers(0, DAYS, cards)
    )


@pytest.fixture(scope="module")
def model(town: Town) -> Model:
    return train(shown(town, seed=1), town[1], version="1")


def some_pairs(cards: int = 200) -> Pairs:
    rng = np.random.default_rng(3)
    giver, receiver = rng.integers(0, SIZE, (2, cards))
    return Pairs(giver, receiver, rng.random(cards) < 0.1, rng.integers(0, 4, cards))


def test_it_learns_what_members_like(town: Town, model: Model) -> None:
    figures = evaluate(model, shown(town, seed=2))
    assert figures["auc"] > 0.72
    assert figures["calibration_error"] < 0.03
    assert figures["log_loss"] < 0.6


def test_it_blames_the_place_of_a_card_and_not_the_member_on_it(town: Town, model: Model) -> None:
    assert model.position_effect == pytest.approx(-0.5, abs=0.15)
    # the first place is what scores are for, so members look better than they did further down
    later = shown(town, seed=2)
    assert model.predict(later.columns).mean() > later.liked.mean()


def test_it_weighs_what_was_shown_rarely_as_if_it_had_been_shown_always(town: Town) -> None:
    everything = shown(town, seed=4, cards=12_000)
    rng = np.random.default_rng(5)
    # a deck that hides four of five passes would make members look generous
    propensity = np.where(everything.liked, 1, 0.2).astype(np.float32)
    biased = everything.where(rng.random(len(everything)) < propensity)
    weighed = replace(biased, propensity=np.where(biased.liked, 1, 0.2).astype(np.float32))
    naive, corrected = (train(each, town[1], version="1") for each in (biased, weighed))
    assert evaluate(corrected, everything)["calibration_error"] < 0.03
    assert evaluate(naive, everything)["calibration_error"] > 0.1


def test_it_scores_a_deck_as_it_was_trained(town: Town, model: Model) -> None:
    known, usual = town
    pairs = some_pairs()
    found = likelihoods(model, known, pairs)
    np.testing.assert_allclose(found.there, model.predict(features(known, pairs, usual)), atol=1e-5)
    np.testing.assert_allclose(found.back, model.predict(features(known, pairs.reversed(), usual)), atol=1e-5)


def test_it_takes_a_like_that_is_there_for_certain() -> None:
    found = Likelihoods(np.array([0.5, 0.5], dtype=np.float32), np.array([0.1, 0.1], dtype=np.float32))
    pending, open_ = found.score(np.array([True, False]))
    assert pending == pytest.approx(np.log(0.5))
    assert open_ == pytest.approx(np.log(0.05))


def test_it_ranks_the_same_whatever_the_order_of_the_candidates(town: Town, model: Model) -> None:
    pairs, shuffled = some_pairs(), np.random.default_rng(0).permutation(200)
    found = likelihoods(model, town[0], pairs)
    again = likelihoods(model, town[0], Pairs(**{name: column[shuffled] for name, column in vars(pairs).items()}))
    np.testing.assert_array_equal(again.score(pairs.likes_giver[shuffled]), found.score(pairs.likes_giver)[shuffled])


@given(st.lists(st.just(float("nan")) | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8))
def test_it_gives_a_finite_score_whatever_it_is_told(model: Model, values: list[float]) -> None:
    columns: Columns = {name: np.array(values, dtype=np.float32) for name in model.features}
    predicted = model.predict(columns)
    assert ((predicted > 0) & (predicted < 1)).all()
    assert np.isfinite(Likelihoods(predicted, predicted).score(np.zeros(len(values), dtype=bool))).all()


@given(value=st.floats(-5, 20, width=32), more=st.floats(0, 20, width=32))
def test_it_never_lowers_a_score_for_more_of_what_it_holds_for_good(model: Model, value: float, more: float) -> None:
    columns: Columns = {"shared.interests": np.array([value, value + more], dtype=np.float32)}
    assert dict(zip(model.features, model.coefficients, strict=True))["shared.interests"] > 0
    few, many = model.predict(columns)
    assert many >= few


def test_it_says_what_moved_a_score(town: Town, model: Model) -> None:
    columns = features(town[0], some_pairs(), town[1])
    parts = model.contributions(columns)
    log_odds = np.log(model.predict(columns) / (1 - model.predict(columns)))
    np.testing.assert_allclose(np.sum(list(parts.values()), axis=0) + model.constant, log_odds, atol=1e-3)


def test_it_is_neutral_about_what_it_does_not_know(model: Model) -> None:
    unknown = {name: np.full(1, np.nan, dtype=np.float32) for name in model.features}
    assert model.predict(unknown)[0] == pytest.approx(1 / (1 + np.exp(-model.constant)), abs=1e-5)


def test_it_is_the_same_model_after_it_was_stored(model: Model) -> None:
    assert Model.from_json(json.loads(json.dumps(model.to_json()))) == model


def test_it_refuses_a_stored_model_of_another_release(model: Model) -> None:
    stored = {**model.to_json(), "features": ["zodiac", *model.features[1:]]}
    with pytest.raises(ValueError, match="another release: zodiac"):
        Model.from_json(stored)


def test_it_starts_from_history_alone(town: Town) -> None:
    start, impressions = starting_model(town[1]), shown(town, seed=6)
    assert evaluate(start, impressions)["auc"] > 0.68
    assert np.isfinite(likelihoods(start, town[0], some_pairs()).score(some_pairs().likes_giver)).all()


def test_it_replaces_a_model_only_by_one_that_is_better_beyond_chance(town: Town, model: Model) -> None:
    start, later = starting_model(town[1]), shown(town, seed=8)
    verdict = is_better(model, start, later)
    assert verdict.is_better
    assert verdict.low < verdict.gain < verdict.high
    assert not is_better(start, model, later).is_better
    assert not is_better(model, model, later).is_better


def test_it_replaces_nothing_on_the_word_of_a_single_day(town: Town, model: Model) -> None:
    one_day = replace(shown(town, seed=8), group=np.zeros(3000, dtype=np.int64))
    assert not is_better(model, starting_model(town[1]), one_day).is_better


def test_it_has_next_to_no_opinion_when_there_was_nothing_to_learn(town: Town) -> None:
    predicted = train(shown(town, seed=9, noise=True), town[1], version="1").predict(shown(town, seed=2).columns)
    assert predicted.std() < 0.05


def test_it_asks_for_likes_and_passes_before_it_trains(town: Town) -> None:
    impressions = shown(town, seed=1)
    with pytest.raises(ValueError, match="likes and passes"):
        train(impressions.where(impressions.liked), town[1], version="1")


def test_it_counts_ties_by_halves() -> None:
    liked = np.array([True, False, True, False])
    assert auc(np.array([0.9, 0.1, 0.8, 0.2]), liked) == 1
    assert auc(np.full(4, 0.5), liked) == 0.5
    assert calibration_error(np.full(4, 0.5), liked) == pytest.approx(0.5)


def test_it_counts_mutual_likes_among_the_first_few_and_draws_lots_for_ties() -> None:
    viewer = np.array([1, 0, 0, 0, 1])
    mutual = np.array([True, True, False, True, False])
    clear = mutual_in_top(np.array([1.0, 3.0, 2.0, 1.0, 2.0]), viewer, mutual, 1)
    assert clear.tolist() == [0, 1, 0, 0, 0]
    by_lot = mutual_in_top(np.zeros(5), viewer, mutual, 1)
    assert by_lot.sum() == pytest.approx(2 / 3 + 1 / 2)
