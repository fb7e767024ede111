"""Drawing with smooth shapes on a picture that is larger than its result, so that edges come out soft."""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

Point = tuple[float, float]
Color = tuple[int, int, int]
Vector = NDArray[np.float64]

WIDTH, HEIGHT = 800, 1000
SCALE = 2
JPEG_QUALITY = 80
_STEPS = 10


def color(code: str) -> Color:
    """The colour of a code such as #ffcc00."""
    red, green, blue = ImageColor.getrgb(code)[:3]
    return red, green, blue


def mix(one: Color, other: Color, share: float) -> Color:
    """`one` with that share (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def mirrored(points: Sequence[Point], axis: float) -> list[Point]:
    """A closed outline from its right half, which is given from top to bottom."""
    return [*points, *((2 * axis - x, y) for x, y in reversed(points) if abs(x - axis) > 1)]


def smooth(points: Sequence[Point], *, closed: bool = True) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    knots = np.array(points, dtype=float)
    padded = np.vstack([knots[-1:], knots, knots[:2]]) if closed else np.vstack([knots[:1], knots, knots[-1:]])
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
    pieces = [_between(padded[i : i + 4], t) for i in range(len(padded) - 3)]
    curve = np.vstack(pieces if closed else [*pieces, knots[-1:]])
    return [(x, y) for x, y in curve.tolist()]


def _between(knots: Vector, t: Vector) -> Vector:
    """The curve from the second to the third of four knots."""
    before, start, end, after = knots
    bend = 2 * before - 5 * start + 4 * end - after
    twist = 3 * start - before - 3 * end + after
    curve: Vector = 0.5 * (2 * start + (end - before) * t + bend * t**2 + twist * t**3)
    return curve


class Canvas:
    """A portrait-format picture in units of the result's pixels."""

    def __init__(self, top: Color, bottom: Color) -> None:
        ramp = np.linspace(0, 1, HEIGHT * SCALE)[:, None, None]
        column = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
        self.image = Image.fromarray(column.astype(np.uint8)).resize(
            (WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.NEAREST
        )
        self.pen = ImageDraw.Draw(self.image)

    def blob(self, points: Sequence[Point], fill: Color) -> None:
        """A closed smooth shape."""
        self.polygon(smooth(points), fill)

    def polygon(self, points: Sequence[Point], fill: Color) -> None:
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Color) -> None:
        self.pen.ellipse(_box(x, y, rx, ry), fill=fill)

    def ring(self, x: float, y: float, rx: float, ry: float, fill: Color, width: float) -> None:
        self.pen.ellipse(_box(x, y, rx, ry), outline=fill, width=round(width * SCALE))

    def frame(self, x: float, y: float, rx: float, ry: float, radius: float, fill: Color, width: float) -> None:
        """The outline of a box with round corners."""
        self.pen.rounded_rectangle(_box(x, y, rx, ry), radius * SCALE, outline=fill, width=round(width * SCALE))

    def half(self, x: float, y: float, rx: float, ry: float, fill: Color) -> None:
        """The lower half of an ellipse."""
        self.pen.pieslice(_box(x, y, rx, ry), 0, 180, fill=fill)

    def rounded(self, left: float, top: float, right: float, bottom: float, radius: float, fill: Color) -> None:
        box = (left * SCALE, top * SCALE, right * SCALE, bottom * SCALE)
        self.pen.rounded_rectangle(box, radius * SCALE, fill=fill)

    def line(self, points: Sequence[Point], fill: Color, width: float) -> None:
        """A smooth stroke with round ends."""
        curve = [(x * SCALE, y * SCALE) for x, y in smooth(points, closed=False)]
        self.pen.line(curve, fill=fill, width=round(width * SCALE), joint="curve")
        radius = width * SCALE / 2
        for x, y in (curve[0], curve[-1]):
            self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def glow(self, x: float, y: float, radius: float, fill: Color, strength: float) -> None:
        """A soft round spot; `strength` is its opacity (0 to 1) in the middle."""
        corner = round((x - radius) * SCALE), round((y - radius) * SCALE)
        self.image.paste(fill, corner, _spot(round(2 * radius * SCALE), strength))

    def jpeg(self) -> bytes:
        buffer = io.BytesIO()
        self.image.reduce(SCALE).save(buffer, "JPEG", quality=JPEG_QUALITY)
        return buffer.getvalue()


def _box(x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
    return (x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE


@lru_cache(maxsize=16)
def _spot(size: int, strength: float) -> Image.Image:
    spot = Image.radial_gradient("L").resize((size, size))
    return spot.point(lambda level: max(0, round((181 - level) * strength * 1.4)))
