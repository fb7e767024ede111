"""The queue over time, and what was decided in time, as pictures; the numbers stand below them as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from apps.core.charts import Tick, points, round_step
from apps.moderation.dashboard.figures import Figures, Moment

WIDTH, HEIGHT = 640, 200
"""Of the plot, in the picture's units; labels stand around it."""
MAX_LABELS = 6


@dataclass(frozen=True)
class Bar:
    """One day: the part that was decided in time stands below the late one."""

    x: float
    width: float
    in_time: tuple[float, float]  # top and height
    late: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """`line` and `area` are points; `bars` are drawn instead where there are any."""

    id: str
    title: str
    axis: str
    in_words: str
    amounts: tuple[Tick, ...]
    days: tuple[Tick, ...]
    line: str = ""
    area: str = ""
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class _Scale:
    """Amounts from zero to a round number, moments from left to right."""

    moments: Sequence[Moment]
    highest: int

    @property
    def step(self) -> float:
        return max(round_step(max(self.highest, 1) / (MAX_LABELS - 1)), 1)

    @property
    def top(self) -> float:
        return max(ceil(self.highest / self.step), 1) * self.step

    @property
    def slot(self) -> float:
        return WIDTH / len(self.moments)

    def height(self, amount: float) -> float:
        return round(HEIGHT * amount / self.top, 1)

    def y(self, amount: float) -> float:
        return round(HEIGHT - self.height(amount), 1)

    def amounts(self) -> tuple[Tick, ...]:
        values = [number * self.step for number in range(round(self.top / self.step) + 1)]
        return tuple(Tick(self.y(value), number_format(int(value), force_grouping=True)) for value in values)

    def days(self) -> tuple[Tick, ...]:
        """The newest is always labelled."""
        every = ceil(len(self.moments) / MAX_LABELS)
        numbers = range(len(self.moments) - 1, -1, -every)
        return tuple(
            Tick(round((number + 0.5) * self.slot, 1), date_format(self.moments[number].start, "j M"))
            for number in numbers
        )


def depth(figures: Figures) -> Chart:
    """Undecided cases at the end of each hour or day."""
    moments = figures.moments
    scale = _Scale(moments, max(moment.depth for moment in moments))
    line = [(round((number + 0.5) * scale.slot, 1), scale.y(moment.depth)) for number, moment in enumerate(moments)]
    peak = max(moments, key=lambda moment: moment.depth)
    said = _("From {first} to {last}; the most were {most}, on {day}.").format(
        first=moments[0].depth, last=moments[-1].depth, most=peak.depth, day=date_format(peak.start, "j M")
    )
    title = (
        _("Undecided cases at the end of each hour")
        if figures.is_hourly
        else _("Undecided cases at the end of each day")
    )
    around = [(line[0][0], float(HEIGHT)), *line, (line[-1][0], float(HEIGHT))]
    return Chart(
        "depth", title, _("Cases"), said, scale.amounts(), scale.days(), line=points(line), area=points(around)
    )


def decided(figures: Figures) -> Chart:
    """Cases closed on each day, in time and late."""
    moments = _by_day(figures.moments)
    scale = _Scale(moments, max(moment.in_time + moment.late for moment in moments))
    bars = []
    for number, moment in enumerate(moments):
        low, high = scale.height(moment.in_time), scale.height(moment.late)
        left, width = round((number + 0.15) * scale.slot, 1), round(scale.slot * 0.7, 1)
        bars.append(Bar(left, width, (scale.y(moment.in_time), low), (round(HEIGHT - low - high, 1), high)))
    said = _("{closed} cases were decided, {late} of them late.").format(closed=figures.closed, late=figures.late)
    title = _("Cases decided each day")
    return Chart("decided", title, _("Cases"), said, scale.amounts(), scale.days(), bars=tuple(bars))


def _by_day(moments: Sequence[Moment]) -> list[Moment]:
    """Hours put together; the depth is that of the day's end."""
    days: dict[object, Moment] = {}
    for each in moments:
        so_far = days.get(each.start.date())
        days[each.start.date()] = (
            each
            if so_far is None
            else Moment(
                so_far.start,
                so_far.opened + each.opened,
                so_far.in_time + each.in_time,
                so_far.late + each.late,
                each.depth,
            )
        )
    return list(days.values())


def daily(figures: Figures) -> list[Moment]:
    """The rows of the table below the pictures, the newest first."""
    return _by_day(figures.moments)[::-1]
