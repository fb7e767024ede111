"""What an experiment claims holds at every look: on made-up members, whose truth is known."""

import math
from dataclasses import astuple, dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from apps.flags.experiments.statistics import (
    ENOUGH_OF_EITHER,
    Claim,
    Comparison,
    Tally,
    compare,
    members_needed,
    power,
    sample_ratio_p_value,
)

LOOKS, RUNS, ALPHA = 28, 1_000, 0.05
# three standard errors of a share of ALPHA among RUNS
ERROR = 3 * (ALPHA * (1 - ALPHA) / RUNS) ** 0.5

every_design = pytest.mark.parametrize(
    ("rate", "share"), [(rate, share) for rate in (0.02, 0.1, 0.4) for share in (0.5, 0.1)]
)


def _tallies(largest: int = 10**7) -> st.SearchStrategy[Tally]:
    return st.integers(0, largest).flatmap(lambda n: st.builds(Tally, st.just(n), st.integers(0, n)))


def _enough() -> st.SearchStrategy[Tally]:
    counts = st.integers(ENOUGH_OF_EITHER, 10**5)
    return st.builds(lambda with_it, without: Tally(with_it + without, with_it), counts, counts)


alphas, horizons = st.floats(0.0001, 0.5), st.integers(1, 10**7)


# ---- One look


@given(_tallies(), _tallies(), alphas, horizons)
def test_it_always_answers_with_numbers(control: Tally, treatment: Tally, alpha: float, horizon: int) -> None:
    seen = compare(control, treatment, alpha=alpha, horizon=horizon)

    assert 0 <= seen.p_value <= 1
    assert (seen.lift is None) == (seen.low is None) == (seen.high is None) == (not seen.is_enough)
    assert all(math.isfinite(number) for number in astuple(seen) if number is not None)


@given(_enough(), _enough(), alphas, horizons)
def test_it_shows_interval_lift_and_p_value_that_agree(c: Tally, t: Tally, alpha: float, horizon: int) -> None:
    seen = compare(c, t, alpha=alpha, horizon=horizon)

    assert seen.lift is not None
    assert seen.low is not None
    assert seen.high is not None
    assert -1 <= seen.low <= seen.lift <= seen.high
    assume(not math.isclose(seen.p_value, alpha))
    assert (seen.p_value < alpha) == (seen.low > 0 or seen.high < 0)


@given(_enough(), _enough(), horizons)
def test_it_says_the_same_whichever_arm_is_called_the_control(one: Tally, other: Tally, horizon: int) -> None:
    there, back = compare(one, other, horizon=horizon), compare(other, one, horizon=horizon)
    assume(there.high is not None and there.high < 1e6 and back.high is not None and back.high < 1e6)

    assert there.p_value == pytest.approx(back.p_value)
    assert _ratios(there) == pytest.approx([1 / ratio for ratio in reversed(_ratios(back))])


def _ratios(seen: Comparison) -> list[float]:
    return [1 + end for end in (seen.low, seen.lift, seen.high) if end is not None]


@given(_enough(), _enough(), alphas, horizons)
def test_it_is_less_precise_the_surer_it_has_to_be(c: Tally, t: Tally, alpha: float, horizon: int) -> None:
    loose, strict = (compare(c, t, alpha=level, horizon=horizon) for level in (alpha, alpha / 2))

    assert _ratios(strict)[0] <= _ratios(loose)[0]
    assert _ratios(strict)[2] >= _ratios(loose)[2]


def test_it_gives_the_numbers_that_the_formulas_give_by_hand() -> None:
    """At the horizon t ρ² is 5.9915 + log(6.9915) = 7.9362, and half the interval sqrt(9.2125) standard errors."""
    seen = compare(Tally(1_000, 100), Tally(1_000, 150), horizon=2_000)

    log_ratio = math.log(150.5 / 100.5)
    error = math.sqrt(1 / 100.5 + 1 / 150.5 - 2 / 1_000.5)
    assert _ratios(seen) == pytest.approx([math.exp(log_ratio + k * error) for k in (-3.03521, 0, 3.03521)], rel=1e-5)
    # sqrt(1 + t ρ²) / exp(z² / 2 · t ρ² / (1 + t ρ²))
    assert seen.p_value == pytest.approx(
        math.sqrt(8.9362) * math.exp(-((log_ratio / error) ** 2) / 2 * 0.888096), rel=1e-4
    )


@pytest.mark.parametrize("few", [Tally(0, 0), Tally(900, 0), Tally(900, 19), Tally(900, 881), Tally(900, 900)])
def test_it_says_nothing_before_either_outcome_is_there_often_enough(few: Tally) -> None:
    plenty = Tally(900, 400)

    assert astuple(compare(few, plenty, horizon=2_000)) == (None, None, None, 1.0, False)
    assert astuple(compare(plenty, few, horizon=2_000)) == (None, None, None, 1.0, False)
    assert compare(Tally(900, 20), Tally(900, 880), horizon=2_000).is_enough


def test_it_sees_one_arm_do_more_than_another_that_hardly_does_it_at_all() -> None:
    having, lacking = Tally(150, 75), Tally(450, 3)

    assert not compare(lacking, having, horizon=1_000).is_enough
    assert (compare(lacking, having, horizon=1_000, claim=Claim.MORE).low or 0) > 10
    assert (compare(having, lacking, horizon=1_000, claim=Claim.LESS).high or 0) < -0.9
    assert not compare(lacking, having, horizon=1_000, claim=Claim.LESS).is_enough
    assert not compare(Tally(0, 0), having, horizon=1_000, claim=Claim.MORE).is_enough


def test_it_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="Of 10 members, 11"):
        Tally(10, 11)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        compare(Tally(0, 0), Tally(0, 0), alpha=5, horizon=100)
    with pytest.raises(ValueError, match="horizon must be at least one"):
        compare(Tally(0, 0), Tally(0, 0), horizon=0)
    with pytest.raises(ValueError, match=r"60.0% cannot be lifted by \+80.0%"):
        members_needed(0.6, 0.8)
    with pytest.raises(ValueError, match=r"0.0% cannot be lifted"):
        members_needed(0, 0.1)
    with pytest.raises(ValueError, match="and differ"):
        power(0.5, 0, control=100, treatment=100, horizon=100)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        members_needed(0.5, 0.1, alpha=0)
    with pytest.raises(ValueError, match="every weight must be above 0"):
        sample_ratio_p_value([1, 2], [1, 0])


# ---- Looking daily


@dataclass(frozen=True)
class Looks:
    """Runs by looks."""

    p_values: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    fixed_p_below_alpha: NDArray[np.bool_]

    @property
    def detected(self) -> NDArray[np.bool_]:
        """In each run, at some look."""
        return (self.p_values < ALPHA).any(axis=1)

    def always_contain(self, lift: float) -> float:
        return float(((self.lows <= lift) & (lift <= self.highs)).all(axis=1).mean())


def _look_daily(
    rate: float,
    lift: float,
    *,
    members: int,
    share: float | NDArray[np.float64],
    seed: int,
    horizon: int | None = None,
    claim: Claim = Claim.DIFFERENT,
) -> Looks:
    """The share of the treatment may differ from day to day; the horizon is when all members are in, unless told."""
    chance, daily = np.random.default_rng(seed), members // LOOKS
    treatment = chance.binomial(daily, share, (RUNS, LOOKS))
    control = daily - treatment
    arms = control, chance.binomial(control, rate), treatment, chance.binomial(treatment, rate * (1 + lift))
    c, with_c, t, with_t = (arm.cumsum(axis=1) for arm in arms)
    seen = [
        compare(Tally(*look[:2]), Tally(*look[2:]), alpha=ALPHA, horizon=horizon or members, claim=claim)
        for look in zip(*(arm.ravel().tolist() for arm in (c, with_c, t, with_t)), strict=True)
    ]
    columns = [(s.p_value, -1.0 if s.low is None else s.low, np.inf if s.high is None else s.high) for s in seen]
    p_values, lows, highs = np.array(columns).T.reshape(3, RUNS, LOOKS)
    return Looks(p_values, lows, highs, _z_test(c, with_c, t, with_t))


def _z_test(
    c: NDArray[np.int64], with_c: NDArray[np.int64], t: NDArray[np.int64], with_t: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """What one would do who looks once: the pooled test of two proportions at 5 %."""
    pooled = (with_c + with_t) / (c + t)
    error = np.sqrt(pooled * (1 - pooled) * (1 / c + 1 / t))
    return np.abs(with_t / t - with_c / c) > 1.96 * error


@every_design
def test_it_seldom_finds_a_difference_where_there_is_none_though_looked_at_daily(rate: float, share: float) -> None:
    looks = _look_daily(rate, 0, members=int(2_000 / rate), share=share, seed=1)

    assert looks.detected.mean() <= ALPHA + ERROR
    assert looks.always_contain(0) >= 1 - ALPHA - ERROR
    assert looks.fixed_p_below_alpha.any(axis=1).mean() > 0.15  # what the daily look does to an ordinary test


@pytest.mark.parametrize("share", [0.95, 0.5, 0.05])
@pytest.mark.parametrize("rate", [0.005, 0.4])
def test_it_seldom_claims_that_an_arm_does_more_where_it_does_not(rate: float, share: float) -> None:
    looks = _look_daily(rate, 0, members=int(1_000 / rate), share=share, horizon=1_000, seed=5, claim=Claim.MORE)

    assert (looks.lows > 0).any(axis=1).mean() <= ALPHA + ERROR


@pytest.mark.parametrize(
    ("rate", "lift", "share"), [(0.02, 0.2, 0.5), (0.1, -0.1, 0.5), (0.1, 0.1, 0.1), (0.4, 0.05, 0.5)]
)
def test_it_finds_the_lift_it_was_planned_for(rate: float, lift: float, share: float) -> None:
    planned = members_needed(rate, lift, power=0.8, treatment_share=share)
    looks = _look_daily(rate, lift, members=planned, share=share, seed=2)

    assert looks.detected.mean() == pytest.approx(0.84, abs=0.04)
    assert looks.always_contain(lift) >= 1 - ALPHA - ERROR


def test_it_stays_true_while_an_arm_is_widened() -> None:
    """5 % of the members, then a quarter, then half: uneven looks may not count for more than they tell."""
    widened = np.repeat([0.05, 0.25, 0.5, 0.5], LOOKS // 4)
    looks = _look_daily(0.1, 0, members=20_000, share=widened, seed=3, horizon=2_000)

    assert looks.detected.mean() <= ALPHA + ERROR


# ---- Planning


@given(st.floats(0.01, 0.6), st.floats(0.02, 0.5), st.integers(100, 10**6), st.integers(100, 10**6))
def test_it_has_more_power_with_more_members_and_larger_lifts(rate: float, lift: float, c: int, t: int) -> None:
    chance = power(rate, lift, control=c, treatment=t, horizon=10_000)

    assert 0 <= chance <= 1
    # past the horizon the interval asks for ever more standard errors, which costs a hopeless experiment a trifle
    assume(chance > 0.01)
    assert power(rate, lift, control=2 * c, treatment=t, horizon=10_000) >= chance
    assert power(rate, lift, control=c, treatment=2 * t, horizon=10_000) >= chance
    assume(rate * (1 + 1.1 * lift) <= 0.5)  # past a half, those without the outcome become the few
    assert power(rate, 1.1 * lift, control=c, treatment=t, horizon=10_000) >= chance


@given(st.floats(0.01, 0.6), st.floats(0.02, 0.5), st.floats(0.5, 0.99), st.sampled_from([0.1, 0.5]))
def test_it_plans_for_the_power_it_reports(rate: float, lift: float, wanted: float, share: float) -> None:
    planned = members_needed(rate, lift, power=wanted, treatment_share=share)
    arms = {"control": math.ceil(planned * (1 - share)), "treatment": math.ceil(planned * share)}

    assert power(rate, lift, **arms, horizon=planned) >= wanted - 0.01


def test_it_needs_about_twice_the_members_of_a_single_look() -> None:
    """(3.0352 + 0.8416)² (0.9 / 0.1 + 0.89 / 0.11) · 2 / log(1.1)², against (1.9600 + 0.8416)²."""
    assert members_needed(0.1, 0.1) == pytest.approx(56_557, abs=10)
    assert members_needed(0.1, 0.1) / 29_535 == pytest.approx(1.915, abs=0.001)


# ---- Sample ratio


def test_it_gives_the_bayes_factor_of_the_paper() -> None:
    """One member: the integral over the Dirichlet is the designed share, and nothing is learnt. Two in one arm:
    (500 · 501) / (1000 · 1001) against 1/4, which speaks for a mismatch by 1.000999."""
    assert sample_ratio_p_value([1, 0], [1, 1]) == pytest.approx(1)
    assert sample_ratio_p_value([2, 0], [1, 1]) == pytest.approx(1 / (4 * 500 * 501 / (1_000 * 1_001)))


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0.01, 100)), min_size=1, max_size=5))
def test_it_always_tells_how_likely_the_ratio_is(arms: list[tuple[int, float]]) -> None:
    counts, weights = zip(*arms, strict=True)

    assert 0 <= sample_ratio_p_value(counts, weights) <= 1


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(0, 10_000))
def test_it_has_nothing_against_the_designed_ratio(weights: list[int], times: int) -> None:
    assert sample_ratio_p_value([times * weight for weight in weights], weights) == pytest.approx(1)


def test_it_catches_52_to_48_where_even_arms_were_designed() -> None:
    treatment = int(np.random.default_rng(4).binomial(200_000, 0.52))

    assert sample_ratio_p_value([200_000 - treatment, treatment], [50, 50]) < 0.001


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_it_seldom_doubts_arms_that_fill_as_designed(share: float) -> None:
    daily = 200_000 // LOOKS
    treatment = np.random.default_rng(5).binomial(daily, share, (RUNS, LOOKS)).cumsum(axis=1).tolist()
    alarms = sum(
        any(sample_ratio_p_value([daily * (day + 1) - t, t], [1 - share, share]) < ALPHA for day, t in enumerate(run))
        for run in treatment
    )

    assert alarms / RUNS <= ALPHA
