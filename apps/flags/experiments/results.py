"""What an experiment has shown so far, as its page and its verdict read it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

from apps.flags.experiments.models import Metric
from apps.flags.experiments.statistics import Comparison, Tally


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

    `ratio_p_value`: how likely a split as uneven as this is when members are split as designed. `power`: how likely
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
