"""What an experiment has shown so far, as its page and its verdict read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from functools import cached_property

from apps.flags.experiments.models import Experiment, Metric
from apps.flags.experiments.statistics import Comparison, Tally, compare, members_needed, power

LEVEL = 0.05


@dataclass(frozen=True)
class Plan:
    """What was fixed before the first look, and all that is computed from: `weights` by variant, the control first.

    With several treatments each gets its part of the level (Bonferroni): that any of them looks different by chance is
    then no more likely than it is with one.
    """

    rate: float
    smallest_lift: float
    weights: Mapping[str, int]

    @classmethod
    def of(cls, experiment: Experiment) -> "Plan":
        weights = {variant["name"]: variant["weight"] for variant in experiment.variants}
        return cls(float(experiment.expected_percent) / 100, experiment.smallest_lift_percent / 100, weights)

    @property
    def control(self) -> str:
        return next(iter(self.weights))

    @property
    def treatments(self) -> list[str]:
        return list(self.weights)[1:]

    @property
    def alpha(self) -> float:
        return LEVEL / len(self.treatments)

    @cached_property
    def needed(self) -> dict[str, int]:
        """How many observed members each variant needs."""
        pairs = {name: self._pair(name) for name in self.treatments}
        treated = {name: round(horizon * share) for name, (horizon, share) in pairs.items()}
        return {self.control: max(horizon - treated[name] for name, (horizon, _) in pairs.items()), **treated}

    def compare(self, control: Tally, treatment: Tally, name: str) -> Comparison:
        return compare(control, treatment, alpha=self.alpha, horizon=self._pair(name)[0])

    def power(self, observed: Mapping[str, int]) -> float:
        """Of the treatment that is worst off: the probability that the smallest lift would be found now."""
        return min(
            power(
                self.rate,
                self.smallest_lift,
                control=observed[self.control],
                treatment=observed[name],
                alpha=self.alpha,
                horizon=self._pair(name)[0],
            )
            for name in self.treatments
        )

    def _pair(self, treatment: str) -> tuple[int, float]:
        """Members that the control and this treatment need together, and the treatment's share of them."""
        weight = self.weights[treatment]
        share = weight / (weight + self.weights[self.control])
        return members_needed(self.rate, self.smallest_lift, alpha=self.alpha, treatment_share=share), share


@dataclass(frozen=True)
class VariantCount:
    """`exposed` members got the variant; of those `observed` were given the whole window to act. Only they count."""

    name: str
    weight: int
    is_control: bool
    exposed: int
    observed: int

    @property
    def in_progress(self) -> int:
        return self.exposed - self.observed


@dataclass(frozen=True)
class Arm:
    """One variant under one metric, compared with the control; the control itself has no comparison."""

    variant: str
    tally: Tally
    comparison: Comparison | None

    @property
    def share(self) -> float | None:
        """Of the observed members, from 0 to 1; None while there are none."""
        return self.tally.converted / self.tally.members if self.tally.members else None


@dataclass(frozen=True)
class MetricResult:
    """`arms` are in the order of the design, the control first. `is_harmful`: more is worse."""

    metric: Metric
    is_primary: bool
    is_harmful: bool
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class Point:
    """The primary metric of one treatment as it stood at the end of the day: relative lift and its interval."""

    day: date
    variant: str
    comparison: Comparison


class Finding(Enum):
    """What the primary metric says, the worst trouble first."""

    NOT_TO_BE_TRUSTED = auto()
    TOO_EARLY = auto()
    BETTER = auto()
    WORSE = auto()
    NO_DIFFERENCE = auto()


@dataclass(frozen=True)
class Verdict:
    """In plain words, in the language of whoever looks. `warnings` of harm come early, too."""

    finding: Finding
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """`variants` and each metric's arms have the control first; the first of `metrics` is the one that decides.

    `members_needed` is over all variants. `ratio_p_value`: how likely a split as uneven as this is when members are
    split as designed. `power`: how likely
    the smallest lift worth knowing would be found with those observed so far, from 0 to 1. `days_left` until enough
    are observed at the rate of the last week; 0: they are, None: nobody comes in.
    """

    as_of: datetime
    variants: tuple[VariantCount, ...]
    metrics: tuple[MetricResult, ...]
    members_needed: int
    ratio_p_value: float
    is_ratio_off: bool
    power: float
    days_left: int | None
    series: tuple[Point, ...]
    verdict: Verdict
