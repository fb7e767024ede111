"""What a ramp does and what it watches, as people type it and as it is stored."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from apps.flags.errors import InvalidChangeError
from apps.flags.experiments.models import HARMFUL, Metric

MAX_STEPS = 20
MAX_PAUSE_MINUTES = 30 * 24 * 60
MAX_WINDOW_HOURS = 30 * 24
MAX_MEMBERS = 1_000_000
MAX_BOUND_PERCENT = 1000
_MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}
_STEP = re.compile(r"([\d.]+)\s*%?\s+for\s+(\d+)\s+(minute|hour|day)s?")


@dataclass(frozen=True)
class Step:
    """Lasts `pause_minutes` at least. Raises InvalidChangeError for what is out of range."""

    percent: Decimal
    pause_minutes: int

    def __post_init__(self) -> None:
        exponent = self.percent.as_tuple().exponent
        if not (isinstance(exponent, int) and 0 < self.percent <= 100 and exponent >= -2):
            raise InvalidChangeError(f"{self.percent} is no percentage over 0 and up to 100, with two decimals at most")
        if not 1 <= self.pause_minutes <= MAX_PAUSE_MINUTES:
            raise InvalidChangeError("a step lasts from one minute to 30 days")

    def __str__(self) -> str:
        """As `read_steps` reads it."""
        return f"{_plain(self.percent)} % for {self.duration}"

    @property
    def duration(self) -> str:
        for unit in ("day", "hour", "minute"):
            count, rest = divmod(self.pause_minutes, _MINUTES[unit])
            if not rest:
                return f"{count} {unit}{'' if count == 1 else 's'}"
        raise AssertionError("every pause is a number of minutes")

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(_number(stored["percent"]), int(stored["pause_minutes"]))

    def as_json(self) -> dict[str, Any]:
        return {"percent": _plain(self.percent), "pause_minutes": self.pause_minutes}


@dataclass(frozen=True)
class Guardrail:
    """By how many per cent the metric may get worse than without the flag. Raises InvalidChangeError."""

    metric: Metric
    bound_percent: Decimal

    def __post_init__(self) -> None:
        # what gets less often cannot get less often than never
        limit = MAX_BOUND_PERCENT if self.is_harmful else 99
        if not (self.bound_percent.is_finite() and 0 <= self.bound_percent <= limit):
            raise InvalidChangeError(f"the bound of “{self.metric.label}” is from 0 to {limit} %")

    @property
    def is_harmful(self) -> bool:
        return self.metric in HARMFUL

    @property
    def bound(self) -> float:
        """The relative change that is still allowed: +0.2 for 20 % more of what is harmful, -0.2 for 20 % less."""
        return float(self.bound_percent) / (100 if self.is_harmful else -100)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        if stored["metric"] not in Metric.values:
            raise InvalidChangeError(f"there is no metric {stored['metric']}")
        return cls(Metric(stored["metric"]), _number(stored["bound_percent"]))

    def as_json(self) -> dict[str, Any]:
        return {"metric": self.metric.value, "bound_percent": _plain(self.bound_percent)}


@dataclass(frozen=True)
class Design:
    """All that is decided before a ramp starts. Raises InvalidChangeError for what cannot be carried out."""

    steps: tuple[Step, ...]
    guardrails: tuple[Guardrail, ...] = ()
    window_hours: int = 24
    min_members: int = 100

    def __post_init__(self) -> None:
        percents = [step.percent for step in self.steps]
        if not 1 <= len(percents) <= MAX_STEPS:
            raise InvalidChangeError(f"a ramp has from one to {MAX_STEPS} steps")
        if percents != sorted(set(percents)):
            raise InvalidChangeError("each step has more per cent than the one before")
        if len({guardrail.metric for guardrail in self.guardrails}) < len(self.guardrails):
            raise InvalidChangeError("a metric has one guardrail")
        if not 1 <= self.window_hours <= MAX_WINDOW_HOURS:
            raise InvalidChangeError(f"members are observed for 1 to {MAX_WINDOW_HOURS} hours")
        if not 0 <= self.min_members <= MAX_MEMBERS:
            raise InvalidChangeError(f"a step waits for 0 to {MAX_MEMBERS} members")


def read_steps(lines: Iterable[str]) -> tuple[Step, ...]:
    """Such as “5 % for 1 day”, one a line. Raises InvalidChangeError."""
    return tuple(_read_step(line) for line in lines if line.strip())


def _read_step(line: str) -> Step:
    found = _STEP.fullmatch(line.strip())
    if found is None:
        raise InvalidChangeError(f"“{line.strip()}” is no step such as “5 % for 1 day”, “25 % for 12 hours”")
    percent, count, unit = found.groups()
    return Step(_number(percent), int(count) * _MINUTES[unit])


def _number(text: object) -> Decimal:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        raise InvalidChangeError(f"“{text}” is no number") from None


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
