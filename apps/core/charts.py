"""What pictures of numbers share: a scale with round steps, ticks, and points as SVG wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10


@dataclass(frozen=True)
class Tick:
    """A place on one side of the plot and what it stands for."""

    at: float
    label: str


def round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, … of its size."""
    size = 10.0 ** floor(log10(rough))
    return next(size * nice for nice in (1, 2, 5, 10) if size * nice >= rough)


def points(places: Sequence[tuple[float, float]]) -> str:
    """Of a polygon or a polyline."""
    return " ".join(f"{x},{y}" for x, y in places)
