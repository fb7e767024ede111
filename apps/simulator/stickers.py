"""A small set of built-in stickers, drawn by code."""

import io
import math
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageDraw

SIDE = 512
SCALE = 2
Canvas = ImageDraw.ImageDraw


def _at(*points: float) -> list[float]:
    return [point * SIDE * SCALE for point in points]


def _face(canvas: Canvas, colour: str = "#ffcf4a") -> None:
    canvas.ellipse(_at(0.08, 0.08, 0.92, 0.92), fill=colour, outline="#e8a020", width=14)


def _eyes(canvas: Canvas) -> None:
    for x in (0.33, 0.6):
        canvas.ellipse(_at(x, 0.34, x + 0.08, 0.46), fill="#4a3312")


def _smile(canvas: Canvas) -> None:
    _face(canvas)
    _eyes(canvas)
    canvas.arc(_at(0.28, 0.36, 0.72, 0.74), 20, 160, fill="#4a3312", width=30)


def _wink(canvas: Canvas) -> None:
    _face(canvas)
    canvas.ellipse(_at(0.33, 0.34, 0.41, 0.46), fill="#4a3312")
    canvas.arc(_at(0.56, 0.36, 0.72, 0.48), 200, 340, fill="#4a3312", width=26)
    canvas.arc(_at(0.28, 0.36, 0.72, 0.74), 20, 160, fill="#4a3312", width=30)


def _sad(canvas: Canvas) -> None:
    _face(canvas, "#9cc6f0")
    _eyes(canvas)
    canvas.arc(_at(0.3, 0.58, 0.7, 0.88), 205, 335, fill="#243b55", width=30)


def _heart(canvas: Canvas) -> None:
    points = []
    for step in range(200):
        t = step / 200 * 2 * math.pi
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points += _at(0.5 + x / 38, 0.47 - y / 38)
    canvas.polygon(points, fill="#f0476b")
    canvas.ellipse(_at(0.22, 0.24, 0.36, 0.36), fill="#ff8fa5")


def _star(canvas: Canvas) -> None:
    points = []
    for step in range(10):
        radius = 0.44 if step % 2 == 0 else 0.19
        angle = math.pi * (step / 5 - 0.5)
        points += _at(0.5 + radius * math.cos(angle), 0.52 + radius * math.sin(angle))
    canvas.polygon(points, fill="#ffb703", outline="#e08e00", width=14)


def _flower(canvas: Canvas) -> None:
    canvas.line(_at(0.5, 0.5, 0.5, 0.95), fill="#3f8f4f", width=36)
    canvas.ellipse(_at(0.52, 0.68, 0.76, 0.8), fill="#3f8f4f")
    for step in range(6):
        x, y = 0.5 + 0.19 * math.cos(step * math.pi / 3), 0.36 + 0.19 * math.sin(step * math.pi / 3)
        canvas.ellipse(_at(x - 0.13, y - 0.13, x + 0.13, y + 0.13), fill="#ef7fb2")
    canvas.ellipse(_at(0.39, 0.25, 0.61, 0.47), fill="#ffd166")


STICKERS: dict[str, tuple[str, Callable[[Canvas], None]]] = {
    "heart": ("❤️", _heart),
    "smile": ("😊", _smile),
    "wink": ("😉", _wink),
    "sad": ("😢", _sad),
    "star": ("⭐", _star),
    "flower": ("🌸", _flower),
}


@lru_cache
def sticker_webp(name: str) -> bytes:
    """The picture of a built-in sticker, 512 by 512. Raises KeyError for a name that is none."""
    picture = Image.new("RGBA", (SIDE * SCALE, SIDE * SCALE))
    STICKERS[name][1](ImageDraw.Draw(picture))
    buffer = io.BytesIO()
    picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "WEBP", quality=90)
    return buffer.getvalue()
