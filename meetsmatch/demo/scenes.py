"""Drawn scenes for further photos of a profile: what a person likes to look at."""

from collections.abc import Callable
from functools import lru_cache
from random import Random

from meetsmatch.demo.canvas import HEIGHT, WIDTH, Canvas, Color, Point, color, mix

VARIANTS = 3
WHITE = color("#fffaf2")
INK = color("#2b2631")


@lru_cache(maxsize=64)
def draw_scene(name: str, variant: int) -> bytes:
    """A JPEG of 800 by 1000 pixels. `name` is one of SCENES' values, `variant` less than VARIANTS."""
    dice = Random(f"{name}/{variant}")  # noqa: S311
    return _DRAWINGS[name](variant, dice).jpeg()


def _colors(codes: str) -> list[Color]:
    return [color(f"#{code}") for code in codes.split()]


def _ridge(canvas: Canvas, dice: Random, y: float, height: float, fill: Color) -> None:
    points: list[Point] = [(0, y)]
    while points[-1][0] < WIDTH:
        x = points[-1][0] + dice.uniform(70, 150)
        points.append((x, y - height * (len(points) % 2) * dice.uniform(0.5, 1)))
    canvas.polygon([(0, HEIGHT), *points, (WIDTH, HEIGHT)], fill)


def _mountains(variant: int, dice: Random) -> Canvas:
    top, bottom, sun, *ridges = _colors(
        ("fbd3c0 fdeee0 ff8e6e c9a9b5 96809b 665f83 3c4468", "bfe3f5 f3fbff fff1b8 a9c9d8 7ba6b8 4e8090 2c5766",
         "3b3a6b e58f7b ffd9a0 8a5a83 643f70 43305c 261f42")[variant]
    )  # fmt: skip
    canvas = Canvas(top, bottom)
    canvas.glow(560, 300, 240, mix(sun, WHITE, 0.4), 0.7)
    canvas.ellipse(560, 300, 92, 92, sun)
    for step, ridge in enumerate(ridges):
        _ridge(canvas, dice, 520 + step * 120, 230 - step * 35, ridge)
    for _ in range(12):
        x, y = dice.uniform(0, WIDTH), dice.uniform(880, 985)
        canvas.polygon([(x - 34, y), (x, y - 120), (x + 34, y)], mix(ridges[-1], INK, 0.35))
    return canvas


def _coffee(variant: int, dice: Random) -> Canvas:
    top, bottom, table, cup = _colors(
        ("f6e3cf e8c9a5 8a5a3c fff7ee", "dfe9e4 b9d3c9 5d6f63 f2994a", "f3dce2 e2a9b8 6e4658 3d5a80")[variant]
    )
    canvas = Canvas(top, bottom)
    canvas.ellipse(600, 220, 150, 150, mix(top, WHITE, 0.5))
    canvas.polygon([(0, 700), (WIDTH, 700), (WIDTH, HEIGHT), (0, HEIGHT)], table)
    canvas.ellipse(400, 800, 280, 66, mix(table, INK, 0.3))
    canvas.ellipse(400, 780, 260, 60, mix(cup, INK, 0.12))
    canvas.ellipse(400, 772, 240, 50, cup)
    canvas.ring(582, 600, 84, 78, cup, 30)
    canvas.blob([(208, 500), (592, 500), (570, 680), (500, 764), (300, 764), (230, 680)], cup)
    canvas.ellipse(400, 506, 190, 44, mix(cup, INK, 0.16))
    canvas.ellipse(400, 510, 174, 36, color("#6b4028"))
    canvas.blob([(400, 538), (322, 512), (356, 490), (400, 504), (444, 490), (478, 512)], color("#f3dfc4"))
    for x in (320, 400, 480):
        lean = dice.uniform(-12, 12)
        canvas.line([(x, 430), (x + 24 + lean, 375), (x - 14, 320), (x + 16 + lean, 255)], mix(top, WHITE, 0.75), 15)
    return canvas


def _skyline(variant: int, dice: Random) -> Canvas:
    top, bottom, sun, far, near, light = _colors(
        (
            "2b2d5b f08a7a ffd28a 5a4a7c 2a2448 ffd97a",
            "a9d8f0 fdf1dc ffe9a8 9fb8cc 5a7c98 fff4cf",
            "101735 3d3f78 f4f1de 2c3263 151a3c ffcf6b",
        )[variant]
    )
    canvas = Canvas(top, bottom)
    canvas.ellipse(250, 330, 96, 96, sun)
    for fill, base, tallest, lit in ((far, 60, 420, 0.0), (near, 90, 330, 0.45)):
        x = -20.0
        while x < WIDTH:
            width, height = base + dice.uniform(0, 50), dice.uniform(0.45, 1) * tallest
            _house(canvas, dice, (x, 830 - height, x + width), fill, light, lit)
            x += width + dice.uniform(-6, 14)
    canvas.polygon([(0, 825), (WIDTH, 825), (WIDTH, HEIGHT), (0, HEIGHT)], mix(bottom, far, 0.55))
    for _ in range(26):
        x, y, reach = dice.uniform(40, 760), dice.uniform(850, 985), dice.uniform(20, 70)
        canvas.line([(x - reach, y), (x + reach, y)], mix(bottom, sun, 0.5), 5)
    return canvas


def _house(
    canvas: Canvas, dice: Random, place: tuple[float, float, float], fill: Color, light: Color, lit: float
) -> None:
    left, top, right = place
    canvas.polygon([(left, top), (right, top), (right, 1000), (left, 1000)], fill)
    if dice.random() < 0.3:
        canvas.polygon([(left, top), ((left + right) / 2, top - 54), (right, top)], fill)
    for x in range(round(left) + 14, round(right) - 20, 26):
        for y in range(round(top) + 18, 810, 36):
            if dice.random() < lit:
                canvas.rounded(x, y, x + 12, y + 18, 2, light)


def _bike(variant: int, dice: Random) -> Canvas:
    top, bottom, hill, road, frame = _colors(
        (
            "bfe6f2 fdf6e3 9cc48a d9c7a5 e4572e",
            "fde3c8 fff6e9 e9b872 b98b5e 2f6690",
            "d6e2f5 f7f3ff a7b7dd 8a86a8 f3a712",
        )[variant]
    )
    canvas = Canvas(top, bottom)
    for cloud_x, cloud_y in ((160, 210), (560, 150), (690, 300)):
        for dx, radius in ((-46, 34), (0, 50), (48, 36)):
            canvas.ellipse(cloud_x + dx, cloud_y, radius, radius * 0.8, WHITE)
    canvas.ellipse(200, 900, 560, 330, mix(hill, WHITE, 0.25))
    canvas.ellipse(700, 940, 560, 330, hill)
    canvas.polygon([(0, 815), (WIDTH, 815), (WIDTH, HEIGHT), (0, HEIGHT)], road)
    for _ in range(14):
        x, y = dice.uniform(0, WIDTH), dice.uniform(850, 990)
        canvas.line([(x, y), (x + 40, y)], mix(road, WHITE, 0.3), 6)
    for x in (215, 585):
        canvas.ring(x, 690, 138, 138, INK, 14)
        canvas.ring(x, 690, 122, 122, mix(road, WHITE, 0.5), 4)
        for dx, dy in ((118, 0), (83, 83), (0, 118), (-83, 83)):
            canvas.line([(x - dx, 690 - dy), (x + dx, 690 + dy)], mix(INK, WHITE, 0.55), 2.5)
    back, pedals, saddle, head, front = (215, 690), (378, 690), (320, 500), (528, 488), (585, 690)
    for one, other in ((back, pedals), (back, saddle), (saddle, pedals), (pedals, head), (saddle, head), (head, front)):
        canvas.line([one, other], frame, 16)
    canvas.line([(320, 500), (306, 452)], INK, 12)
    canvas.line([(264, 446), (304, 440), (350, 450)], INK, 22)
    canvas.line([(528, 488), (516, 430), (562, 408), (590, 440)], INK, 13)
    canvas.ellipse(378, 690, 34, 34, INK)
    canvas.line([(356, 728), (400, 652)], mix(INK, WHITE, 0.4), 9)
    return canvas


def _cat(variant: int, dice: Random) -> Canvas:
    top, bottom, fur, eyes, cushion = _colors(
        (
            "fbe6d4 f5c9a8 e08a3c 7fa650 b56576",
            "dbe9ef a9c7d6 4a4a55 e9c46a e07a5f",
            "eee4f4 cdb4db f4efe8 5b8db8 84a59d",
        )[variant]
    )
    dark = mix(fur, INK, 0.28)
    canvas = Canvas(top, bottom)
    canvas.ellipse(400, 400, 320, 320, mix(top, WHITE, 0.5))
    canvas.ellipse(400, 960, 380, 120, cushion)
    canvas.line([(610, 900), (712, 850), (706, 740), (640, 690)], dark, 46)
    canvas.blob([(400, 560), (530, 620), (610, 780), (600, 920), (400, 950), (200, 920), (190, 780), (270, 620)], fur)
    canvas.ellipse(400, 800, 104, 120, mix(fur, WHITE, 0.45))
    for side in (-1, 1):
        canvas.polygon([(400 + side * 190, 400), (400 + side * 186, 210), (400 + side * 56, 306)], fur)
        canvas.polygon([(400 + side * 168, 370), (400 + side * 166, 256), (400 + side * 88, 316)], color("#e9a0a0"))
        canvas.ellipse(400 + side * 72, 912, 58, 40, mix(fur, WHITE, 0.3))
    canvas.ellipse(400, 440, 204, 178, fur)
    for dx in (-44, 0, 44):
        canvas.line([(400 + dx, 276), (400 + dx * 0.7, 330)], dark, 15)
    canvas.ellipse(400, 512, 92, 62, mix(fur, WHITE, 0.45))
    for side in (-1, 1):
        canvas.ellipse(400 + side * 86, 430, 36, 42, eyes)
        canvas.ellipse(400 + side * 86, 430, 13, 36, INK)
        canvas.ellipse(400 + side * 86 + 9, 414, 8, 8, WHITE)
        canvas.line([(400, 512), (400 + side * 22, 534), (400 + side * 46, 526)], INK, 6)
        for dy in (-16, 6, 28):
            canvas.line(
                [(400 + side * 84, 508 + dy / 2), (400 + side * 216, 500 + dy + dice.uniform(-6, 6))],
                mix(fur, INK, 0.55),
                4,
            )
    canvas.blob([(378, 484), (422, 484), (400, 510)], color("#d96c75"))
    return canvas


def _books(variant: int, dice: Random) -> Canvas:
    wall, wall_low, shelf = _colors(("f3e7d7 e3cfb4 8a5a3c", "dbe6e4 b7cdc9 4e6058", "e9e1f0 c9b8da 5f4b66")[variant])
    spines = _colors("e4572e f3a712 2f4858 76949f b56576 588157 355070 eaac8b 6d597a f7ede2 84a59d c8553d")
    canvas = Canvas(wall, wall_low)
    for bottom in (330, 640, 950):
        x = 60.0
        while x < 690:
            width, height = dice.uniform(34, 66), dice.uniform(150, 225)
            if dice.random() < 0.1:
                _plant(canvas, x + 50, bottom)
                x += 124
                continue
            spine = dice.choice(spines)
            canvas.rounded(x, bottom - height, x + width, bottom, 6, spine)
            for y in (bottom - height + 26, bottom - 40):
                canvas.rounded(x + 7, y, x + width - 7, y + 9, 3, mix(spine, WHITE, 0.55))
            x += width + 5
        canvas.rounded(30, bottom, 770, bottom + 24, 6, shelf)
    return canvas


def _plant(canvas: Canvas, x: float, bottom: float) -> None:
    leaf = color("#5f8f5a")
    for lean, reach in ((-56, 120), (-26, 160), (6, 176), (34, 150), (60, 112)):
        canvas.blob(
            [
                (x, bottom - 60),
                (x + lean * 0.4 - 16, bottom - reach * 0.7),
                (x + lean, bottom - reach),
                (x + lean * 0.6 + 14, bottom - reach * 0.6),
            ],
            leaf,
        )
    canvas.polygon([(x - 40, bottom - 74), (x + 40, bottom - 74), (x + 28, bottom), (x - 28, bottom)], color("#c8553d"))


def _sea(variant: int, dice: Random) -> Canvas:
    top, bottom, sun, water, sand = _colors(
        (
            "8fd3f4 e9f8ff fff3b0 2a9db5 f2d9a8",
            "fbb393 fde6c8 fff1c9 c8688a 5c4a72",
            "b6e3e0 f4fbf4 ffd97a 3d8f9c e9cfa6",
        )[variant]
    )
    canvas = Canvas(top, bottom)
    canvas.ellipse(540, 330, 100, 100, sun)
    for step in range(6):
        y = 470.0 + step * 62
        crest: list[Point] = [(x, y + dice.uniform(-7, 7) + (12 if x % 200 else -12)) for x in range(-100, 1000, 100)]
        canvas.polygon([(-100, HEIGHT), *crest, (900, HEIGHT)], mix(water, WHITE, 0.42 - step * 0.08))
    canvas.polygon([(230, 600), (420, 600), (390, 650), (262, 650)], mix(INK, water, 0.2))
    canvas.polygon([(320, 590), (320, 380), (430, 580)], WHITE)
    canvas.polygon([(308, 590), (308, 420), (226, 584)], mix(WHITE, sun, 0.6))
    canvas.ellipse(300, 1040, 620, 190, mix(sand, WHITE, 0.5))
    canvas.ellipse(300, 1062, 620, 190, sand)
    return canvas


def _camp(variant: int, dice: Random) -> Canvas:
    top, bottom, wood, tent = _colors(
        ("141b41 3f5b8c 16243f f3a712", "2a1a4a a35b7f 241334 e4572e", "0f2d3a 3d8680 0e2530 f4e285")[variant]
    )
    canvas = Canvas(top, bottom)
    for _ in range(90):
        x, y, radius = dice.uniform(0, WIDTH), dice.uniform(0, 600), dice.uniform(1.2, 3.6)
        canvas.ellipse(x, y, radius, radius, WHITE)
    canvas.ellipse(610, 200, 70, 70, color("#f6efd2"))
    canvas.ellipse(582, 184, 62, 62, mix(top, bottom, 0.2))
    for step in range(22):
        x, height = step * 40 + dice.uniform(-18, 18), dice.uniform(200, 380)
        for part in range(3):
            y = 800 - height * part / 3.4
            canvas.polygon([(x - 62 + part * 14, y), (x, y - height * 0.45), (x + 62 - part * 14, y)], wood)
    canvas.polygon([(0, 700), (WIDTH, 700), (WIDTH, 800), (0, 800)], wood)
    canvas.polygon([(0, 790), (WIDTH, 790), (WIDTH, HEIGHT), (0, HEIGHT)], mix(wood, INK, 0.3))
    canvas.glow(400, 800, 300, tent, 0.5)
    canvas.polygon([(400, 580), (640, 880), (160, 880)], tent)
    canvas.polygon([(400, 580), (640, 880), (520, 880)], mix(tent, INK, 0.25))
    canvas.polygon([(400, 640), (452, 880), (340, 880)], mix(tent, INK, 0.6))
    return canvas


_DRAWINGS: dict[str, Callable[[int, Random], Canvas]] = {
    "mountains": _mountains, "coffee": _coffee, "skyline": _skyline, "bike": _bike, "cat": _cat, "books": _books,
    "sea": _sea, "camp": _camp,
}  # fmt: skip
_SHOWN_BY = {
    "mountains": ("hiking", "climbing", "skiing", "running", "photography"),
    "coffee": ("coffee", "tea", "baking", "languages"),
    "skyline": ("travel", "city-walks", "concerts", "museums"),
    "bike": ("cycling", "gym", "football"),
    "cat": ("cats", "volunteering"),
    "books": ("books", "writing", "history", "science", "chess"),
    "sea": ("sea", "swimming", "yoga"),
    "camp": ("camping", "astronomy", "guitar"),
}
# What somebody with an interest would show.
SCENES: dict[str, str] = {interest: scene for scene, interests in _SHOWN_BY.items() for interest in interests}
DEFAULT_SCENE = "skyline"  # everybody has a city to show
