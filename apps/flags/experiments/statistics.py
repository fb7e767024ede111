"""How sure an experiment is of what it shows, at any look: nothing here is spoilt by looking daily. Pure: no Django.

`compare` follows Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic
confidence sequences" (Annals of Statistics 2024, arXiv 2103.06476), inverted for the p-value as in Johari, Koomen,
Pekelis and Walsh, "Always valid inference" (Operations Research 2022, arXiv 1512.04922). `sample_ratio_p_value` follows
Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022, arXiv 2011.03567).
docs/experiments.md tells what the numbers mean and what was measured, docs/adr/0013-sequential-statistics.md why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import NormalDist

# Members with the outcome, and without it, that each arm must have. From 10 on the level of 5 % held in simulations of
# a thousand looks (5/95 to 50/50, rates of 0.5 to 90 %, horizons far too short); with 5 it did not: up to 6 %.
ENOUGH_OF_EITHER = 20

# How firmly arms are believed to fill as designed, in members: tuned to shares that are off by one or two points.
_BELIEF_IN_WEIGHTS = 1_000

_LARGEST_EXPONENT = 700.0  # math.exp overflows a little later


@dataclass(frozen=True, slots=True)
class Tally:
    """One arm: its members whose observation window is over, and those of them with the outcome.

    Raises ValueError where these cannot be.
    """

    members: int
    converted: int

    def __post_init__(self) -> None:
        if not 0 <= self.converted <= self.members:
            raise ValueError(f"Of {self.members} members, {self.converted} cannot have the outcome.")

    @property
    def rate(self) -> float:
        """From 0 to 1; 0 without members."""
        return self.converted / self.members if self.members else 0.0

    @property
    def is_enough(self) -> bool:
        """Whether the normal approximation holds for this arm."""
        return min(self.converted, self.members - self.converted) >= ENOUGH_OF_EITHER


@dataclass(frozen=True, slots=True)
class Comparison:
    """The treatment against the control. `lift`, `low` and `high` are relative to the control: 0.12 is 12 % more.

    With probability 1 - alpha, all intervals ever shown contain the true lift. `p_value` is below alpha exactly when
    the interval leaves 0 out. Unless `is_enough`, there are no lift and interval (None), and `p_value` is 1.
    """

    lift: float | None
    low: float | None
    high: float | None
    p_value: float
    is_enough: bool


TOO_EARLY = Comparison(lift=None, low=None, high=None, p_value=1.0, is_enough=False)


class Claim(Enum):
    """What somebody wants to know of the treatment, and so which arm needs enough of either.

    Whoever has few converted only looks less surely worse: the logarithm of a small count is skewed that way. So to
    claim that one arm has more, that arm needs enough, and of the other one member will do. Then only the end of the
    interval that the claim is about keeps its level.
    """

    DIFFERENT = auto()
    MORE = auto()
    LESS = auto()

    def needs(self, control: Tally, treatment: Tally) -> Sequence[Tally]:
        return {Claim.DIFFERENT: (control, treatment), Claim.MORE: (treatment,), Claim.LESS: (control,)}[self]


def compare(
    control: Tally, treatment: Tally, *, alpha: float = 0.05, horizon: int, claim: Claim = Claim.DIFFERENT
) -> Comparison:
    """What can be said now, however often it was asked before.

    The lift is estimated as the logarithm of the ratio of the rates (Katz et al., Biometrics 1978), with half a
    conversion and half a member added to each arm; its error is approximately normal, of known variance.

    `horizon`: members of both arms, split evenly, at which the interval is tightest. Like `alpha` it must be fixed
    before the first look; it costs width, not validity, if it is wrong. Raises ValueError for what cannot be.
    """
    _check(alpha, horizon)
    has_both = control.members and treatment.members
    if not (has_both and all(arm.is_enough for arm in claim.needs(control, treatment))):
        return TOO_EARLY
    estimate = _log_rate(treatment) - _log_rate(control)
    variance = _variance_of_log_rate(control) + _variance_of_log_rate(treatment)
    progress = _progress(control.members, treatment.members, alpha=alpha, horizon=horizon)
    margin = _errors_to_exclude_0(progress, alpha) * math.sqrt(variance)
    return Comparison(
        lift=_as_lift(estimate),
        low=_as_lift(estimate - margin),
        high=_as_lift(estimate + margin),
        p_value=_p_value(estimate**2 / variance, progress),
        is_enough=True,
    )


def sample_ratio_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """How likely arms designed to fill as `weights` (of any sum) ever look as uneven as `counts` do.

    1 over the Bayes factor of any multinomial, Dirichlet distributed around the weights, against the designed one.
    Valid at every look as long as the weights stay the same. Raises ValueError unless every arm has a positive weight.
    """
    if len(counts) != len(weights) or not counts:
        raise ValueError("Every arm needs a count and a weight.")
    if min(counts) < 0 or min(weights) <= 0 or not math.isfinite(sum(weights)):
        raise ValueError("Counts cannot be negative, and every weight must be above 0.")
    log_evidence = math.lgamma(_BELIEF_IN_WEIGHTS) - math.lgamma(_BELIEF_IN_WEIGHTS + sum(counts))
    for count, weight in zip(counts, weights, strict=True):
        share = weight / sum(weights)
        belief = _BELIEF_IN_WEIGHTS * share
        log_evidence += math.lgamma(belief + count) - math.lgamma(belief) - count * math.log(share)
    return math.exp(min(0.0, -log_evidence))


def members_needed(
    rate: float, smallest_lift: float, *, alpha: float = 0.05, power: float = 0.8, treatment_share: float = 0.5
) -> int:
    """Members of both arms with whom `smallest_lift` on `rate` is detected with probability `power`: the horizon.

    (e + z)² variances for one member, over the squared logarithm of the lift: as for a fixed sample, but e, the
    standard errors at which the interval leaves 0 out, is 3.04 for an even split at 5 % and not 1.96. A little more
    than needed, since earlier looks may detect it too. Raises ValueError unless all but the lift are between 0 and 1,
    the lifted rate included, and for a lift of 0.
    """
    _check_share(alpha=alpha, power=power, treatment_share=treatment_share)
    lifted = _lifted(rate, smallest_lift)
    variance = _variance_per_member(rate) / (1 - treatment_share) + _variance_per_member(lifted) / treatment_share
    progress = _progress(1 - treatment_share, treatment_share, alpha=alpha, horizon=1)
    errors = _errors_to_exclude_0(progress, alpha) + NormalDist().inv_cdf(power)
    detecting = errors**2 * variance / math.log1p(smallest_lift) ** 2
    fewest = min((1 - treatment_share) * min(rate, 1 - rate), treatment_share * min(lifted, 1 - lifted))
    return math.ceil(max(detecting, ENOUGH_OF_EITHER / fewest))


def power(
    rate: float, smallest_lift: float, *, control: int, treatment: int, alpha: float = 0.05, horizon: int
) -> float:
    """The probability that `smallest_lift` on `rate` is detected by one look with these members in each arm.

    0 while too few are expected with or without the outcome. Raises ValueError as `members_needed` does.
    """
    _check(alpha, horizon)
    lifted = _lifted(rate, smallest_lift)
    fewest = min(control * min(rate, 1 - rate), treatment * min(lifted, 1 - lifted))
    if fewest < ENOUGH_OF_EITHER:
        return 0.0
    variance = _variance_per_member(rate) / control + _variance_per_member(lifted) / treatment
    progress = _progress(control, treatment, alpha=alpha, horizon=horizon)
    effect = abs(math.log1p(smallest_lift)) / math.sqrt(variance)
    return NormalDist().cdf(effect - _errors_to_exclude_0(progress, alpha))


# ---- The sequence


def _progress(control: float, treatment: float, *, alpha: float, horizon: float) -> float:
    """The paper's t ρ². Minimising the width gives t ρ² = log(1 + t ρ²) - 2 log alpha at the horizon; one step of that
    recursion, begun at -2 log alpha, is within a thousandth of the tightest.

    t is the number of members that, split evenly, would tell as much as these do. It grows as the information on the
    log ratio does, however the arms are filled: with plain members instead, early looks at uneven arms would count
    for more than they tell.
    """
    evenly_split = 4 / (1 / control + 1 / treatment)
    doubt = -2 * math.log(alpha)
    return (doubt + math.log1p(doubt)) * evenly_split / horizon


def _errors_to_exclude_0(progress: float, alpha: float) -> float:
    """Half the width of the interval in standard errors."""
    return math.sqrt((1 + 1 / progress) * (math.log1p(progress) - 2 * math.log(alpha)))


def _p_value(squared_errors: float, progress: float) -> float:
    """1 over the mixture likelihood ratio: the smallest alpha whose interval leaves 0 out, for this progress."""
    log_ratio = (squared_errors * progress / (1 + progress) - math.log1p(progress)) / 2
    return math.exp(min(0.0, -log_ratio))


def _as_lift(log_ratio: float) -> float:
    return math.expm1(min(log_ratio, _LARGEST_EXPONENT))


def _log_rate(arm: Tally) -> float:
    return math.log((arm.converted + 0.5) / (arm.members + 0.5))


def _variance_of_log_rate(arm: Tally) -> float:
    return 1 / (arm.converted + 0.5) - 1 / (arm.members + 0.5)


# ---- The design


def _variance_per_member(rate: float) -> float:
    """Of the logarithm of a rate, times the members it is of."""
    return (1 - rate) / rate


def _lifted(rate: float, lift: float) -> float:
    """Raises ValueError unless both rates are inside 0 and 1, and differ."""
    lifted = rate * (1 + lift)
    if not (0 < rate < 1 and 0 < lifted < 1 and lift):
        raise ValueError(
            f"A rate of {rate:.1%} cannot be lifted by {lift:+.1%}: both rates must be inside 0 and 100 %, and differ."
        )
    return lifted


def _check(alpha: float, horizon: int) -> None:
    _check_share(alpha=alpha)
    if horizon < 1:
        raise ValueError(f"The horizon must be at least one member, and not {horizon}.")


def _check_share(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} must be between 0 and 1, and not {share}.")
