"""The way of an experiment as a picture: the lift of each treatment, day by day, within its interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core.charts import Tick, round_step
from apps.core.charts import points as path
from apps.flags.experiments.results import Point
from apps.flags.experiments.words import interval_in_words, p_value_in_words
from apps.flags.texts import signed

WIDTH, HEIGHT = 640, 200
"""Of the plot, in the picture's units; labels stand around it."""
MAX_LABELS = 6
# The first intervals may be ten times as wide as the last: they are cut off, or the rest would be a line.
_WIDEST = 2.5


@dataclass(frozen=True)
class Row:
    day: date
    lift: str
    interval: str
    p_value: str


@dataclass(frozen=True)
class Chart:
    """One treatment. `band` and `line` are points of a polygon and a polyline; `rows` are the same as numbers."""

    id: str
    variant: str
    band: str
    line: str
    last: tuple[float, float]
    zero: float
    lifts: tuple[Tick, ...]
    days: tuple[Tick, ...]
    rows: tuple[Row, ...]

    @property
    def in_words(self) -> str:
        first, last = self.rows[0], self.rows[-1]
        text = _("From {first} ({first_interval}) to {last} ({last_interval}), over {days} days.")
        return text.format(
            first=first.lift,
            first_interval=first.interval,
            last=last.lift,
            last_interval=last.interval,
            days=(last.day - first.day).days + 1,
        )


def charts(series: Sequence[Point]) -> list[Chart]:
    """One for each treatment, all to the same scale; none before two days can be compared."""
    days = sorted({point.day for point in series})
    if len(days) < 2:
        return []
    scale = _Scale(series, days)
    by_variant: dict[str, list[Point]] = {}
    for point in series:
        by_variant.setdefault(point.variant, []).append(point)
    return [scale.chart(f"lift-{number}", points) for number, points in enumerate(by_variant.values())]


class _Scale:
    def __init__(self, series: Sequence[Point], days: list[date]) -> None:
        self.days = days
        final = [point for point in series if point.day == days[-1]]
        width = max(_high(point) - _low(point) for point in final)
        middle = [point.comparison.lift or 0 for point in series]
        low = max(min(map(_low, series)), min(0, *middle, *map(_low, final)) - width * (_WIDEST - 1) / 2)
        high = min(max(map(_high, series)), max(0, *middle, *map(_high, final)) + width * (_WIDEST - 1) / 2)
        self.step = round_step((high - low) / (MAX_LABELS - 1))
        self.low, self.high = floor(low / self.step) * self.step, ceil(high / self.step) * self.step

    def chart(self, name: str, points: Sequence[Point]) -> Chart:
        lifts = [(self._x(point.day), self._y(point.comparison.lift or 0)) for point in points]
        upper = [(self._x(point.day), self._y(_high(point))) for point in points]
        lower = [(self._x(point.day), self._y(_low(point))) for point in points]
        return Chart(
            name,
            points[0].variant,
            band=path(upper + lower[::-1]),
            line=path(lifts),
            last=lifts[-1],
            zero=self._y(0),
            lifts=tuple(self._lifts()),
            days=tuple(self._days()),
            rows=tuple(map(_row, points)),
        )

    def _x(self, day: date) -> float:
        return round(WIDTH * (day - self.days[0]).days / (self.days[-1] - self.days[0]).days, 1)

    def _y(self, lift: float) -> float:
        return round(HEIGHT * (self.high - lift) / (self.high - self.low), 1)

    def _lifts(self) -> Iterator[Tick]:
        for number in range(round((self.high - self.low) / self.step) + 1):
            value = round(self.low + number * self.step, 6)
            yield Tick(self._y(value), signed(value) if value else "0 %")

    def _days(self) -> Iterator[Tick]:
        every = ceil(len(self.days) / MAX_LABELS)
        for day in self.days[::-1][::every]:
            yield Tick(self._x(day), date_format(day, "j M"))


def _row(point: Point) -> Row:
    found = point.comparison
    return Row(point.day, signed(found.lift), interval_in_words(found), p_value_in_words(found.p_value))


def _low(point: Point) -> float:
    return point.comparison.low or 0


def _high(point: Point) -> float:
    return point.comparison.high or 0
