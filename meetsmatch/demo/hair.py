"""Hair: what hangs behind head and shoulders, and what lies on the head."""

from collections.abc import Callable, Sequence

from meetsmatch.demo.canvas import Canvas, Color, Point, mirrored, mix
from meetsmatch.demo.looks import Look

X, Y = 400.0, 450.0  # the middle of the face


def draw_behind(canvas: Canvas, look: Look) -> None:
    draw = _BEHIND.get(look.hairstyle)
    if draw:
        draw(canvas, look)


def draw_in_front(canvas: Canvas, look: Look) -> None:
    draw = _IN_FRONT.get(look.hairstyle)
    if draw:
        draw(canvas, look)


def _at(points: Sequence[Point]) -> list[Point]:
    return [(X + dx, Y + dy) for dx, dy in points]


def _sides(canvas: Canvas, points: Sequence[Point], fill: Color) -> None:
    """A shape once on each side."""
    for side in (-1, 1):
        canvas.blob([(X + side * dx, Y + dy) for dx, dy in points], fill)


def _even(canvas: Canvas, points: Sequence[Point], fill: Color) -> None:
    """A shape that is the same on both sides, from its right half."""
    canvas.blob(mirrored(_at(points), X), fill)


# Outlines read better in rows.
# fmt: off
# ---- Behind


def _long_behind(canvas: Canvas, look: Look) -> None:
    _even(
        canvas,
        [(0, -216), (110, -196), (178, -90), (190, 60), (196, 220), (214, 380), (120, 420), (0, 420)],
        look.hair_shade,
    )


def _wavy_behind(canvas: Canvas, look: Look) -> None:
    right = [(0, -220), (112, -200), (184, -96), (180, 0), (212, 70), (200, 150), (232, 220), (212, 300),
        (236, 372), (130, 420), (0, 400)]
    _even(canvas, right, look.hair_shade)


def _curly_behind(canvas: Canvas, look: Look) -> None:
    for dx, dy, radius in ((0, -150, 120), (110, -110, 110), (170, -10, 96), (190, 100, 92), (180, 200, 88),
        (150, 290, 74)):
        for side in (-1, 1):
            canvas.ellipse(X + side * dx, Y + dy, radius, radius, look.hair_shade)


def _afro_behind(canvas: Canvas, look: Look) -> None:
    canvas.ellipse(X, Y - 70, 246, 226, look.hair_shade)
    for dx, dy in ((-190, -10), (-214, -110), (-150, -220), (-50, -268), (60, -266), (156, -212), (214, -104),
        (190, -4)):
        canvas.ellipse(X + dx, Y + dy, 62, 62, look.hair_shade)


def _bob_behind(canvas: Canvas, look: Look) -> None:
    _even(canvas, [(0, -216), (112, -196), (180, -88), (192, 50), (188, 150), (150, 196), (0, 190)],
        look.hair_shade)


def _bun_behind(canvas: Canvas, look: Look) -> None:
    canvas.ellipse(X, Y - 240, 82, 74, look.hair_shade)
    canvas.ellipse(X - 10, Y - 246, 60, 54, look.hair)
    _even(canvas, [(0, -214), (106, -190), (160, -90), (158, 10), (120, 60), (0, 60)], look.hair_shade)


def _ponytail_behind(canvas: Canvas, look: Look) -> None:
    tail = [(60, -220), (170, -210), (236, -110), (232, 40), (258, 180), (206, 290), (180, 160), (160, 0),
        (90, -120)]
    canvas.blob(_at(tail), look.hair_shade)
    canvas.blob(_at([(140, -190), (206, -110), (210, 30), (226, 170), (196, 40), (170, -80)]), look.hair)


def _mane_behind(canvas: Canvas, look: Look) -> None:
    _even(canvas, [(0, -216), (108, -196), (172, -88), (182, 60), (188, 190), (150, 262), (0, 250)],
        look.hair_shade)


# ---- In front: caps that leave the forehead free


def _cap(canvas: Canvas, look: Look, hairline: Sequence[Point], *, lift: float = 0) -> None:
    """Hair on the skull down to the hairline, which goes from the right temple to the left."""
    skull = [(-156, 30), (-164, -60), (-138, -152), (-74, -208 - lift), (0, -222 - lift), (74, -208 - lift),
        (138, -152), (164, -60), (156, 30)]
    canvas.blob(_at([*skull, *hairline]), look.hair)


def _shine(canvas: Canvas, look: Look, points: Sequence[Point], width: float = 12) -> None:
    canvas.line(_at(points), look.hair_light, width)


def _curtains(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        lock = [(0, -224), (80, -212), (150, -150), (184, -40), (188, 90), (172, 190), (150, 120), (146, 10),
            (122, -76), (58, -140), (0, -178)]
        canvas.blob(_at([(side * dx, dy) for dx, dy in lock]), look.hair)
        _shine(canvas, look, [(side * 62, -186), (side * 120, -138), (side * 154, -60)], 10)


def _long_curtains(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(150, -60), (182, -20), (194, 110), (206, 260), (222, 380), (160, 400), (150, 300), (152, 170),
        (144, 50)], look.hair)
    _curtains(canvas, look)


def _wavy_front(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(146, -60), (186, -20), (206, 70), (190, 150), (222, 230), (200, 310), (226, 372), (160, 396),
        (168, 310), (144, 220), (160, 140), (140, 40)], look.hair)
    _side_sweep(canvas, look)


def _side_sweep(canvas: Canvas, look: Look) -> None:
    big = [(-92, -196), (0, -230), (90, -212), (156, -140), (178, -30), (170, 70), (146, 20), (128, -70),
        (60, -112), (-30, -130)]
    small = [(-60, -214), (-120, -180), (-166, -90), (-174, 40), (-148, 20), (-140, -50), (-112, -110), (-64, -150)]
    canvas.blob(_at(small), look.hair)
    canvas.blob(_at(big), look.hair)
    _shine(canvas, look, [(-30, -190), (60, -180), (122, -120), (146, -50)])


def _long_side(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(146, -40), (178, 0), (190, 140), (204, 300), (190, 396), (140, 390), (146, 240), (148, 100)],
        look.hair)
    _side_sweep(canvas, look)


def _fringe(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(136, 20), (126, -70), (60, -78), (0, -72), (-60, -78), (-126, -70), (-136, 20)])
    _shine(canvas, look, [(-96, -150), (-30, -176), (40, -176), (100, -146)])


def _long_fringe(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(146, -60), (176, -20), (190, 130), (206, 290), (200, 390), (150, 396), (150, 250), (146, 100)],
        look.hair)
    _fringe(canvas, look)


def _bob_fringe(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(140, -70), (178, -30), (190, 60), (184, 150), (140, 176), (142, 60)], look.hair)
    _fringe(canvas, look)


def _bob_front(canvas: Canvas, look: Look) -> None:
    _sides(canvas, [(140, -70), (178, -30), (192, 60), (184, 156), (138, 180), (148, 60)], look.hair)
    _side_sweep(canvas, look)


def _pulled_back(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(140, 10), (132, -66), (96, -124), (0, -146), (-96, -124), (-132, -66), (-140, 10)])
    _shine(canvas, look, [(-84, -160), (-30, -188), (30, -188)])


def _curly_front(canvas: Canvas, look: Look) -> None:
    for dx, dy, radius in ((0, -190, 62), (66, -182, 60), (120, -140, 54), (152, -76, 46), (166, -6, 44),
        (174, 66, 46), (180, 140, 48), (168, 214, 44)):
        for side in (-1, 1):
            canvas.ellipse(X + side * dx, Y + dy, radius, radius, look.hair)
    for dx, dy in ((-104, -166), (-30, -206), (52, -200), (120, -150), (170, 30), (-172, 40)):
        canvas.line(_at([(dx - 20, dy + 6), (dx, dy - 12), (dx + 20, dy + 4)]), look.hair_light, 8)


def _afro_front(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(142, 10), (132, -70), (84, -112), (0, -124), (-84, -112), (-132, -70), (-142, 10)],
        lift=30)
    for dx, dy in ((-130, -160), (-60, -220), (20, -230), (96, -200), (150, -130)):
        canvas.line(_at([(dx - 16, dy + 5), (dx, dy - 9), (dx + 16, dy + 5)]), look.hair_light, 8)


def _pixie(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(140, 24), (132, -50), (108, -92), (30, -84), (-70, -116), (-124, -70), (-140, 24)],
        lift=14)
    _shine(canvas, look, [(-70, -180), (10, -186), (84, -150)])


def _crop(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(140, -20), (130, -84), (92, -126), (0, -134), (-92, -126), (-130, -84), (-140, -20)],
        lift=6)
    _shine(canvas, look, [(-70, -176), (0, -190), (60, -182)])


def _parted(canvas: Canvas, look: Look) -> None:
    _cap(
        canvas, look, [(140, -16), (128, -88), (70, -118), (-50, -150), (-104, -130), (-132, -86), (-140, -16)],
            lift=12
    )
    canvas.line(_at([(-62, -158), (-80, -200)]), look.hair_shade, 6)
    _shine(canvas, look, [(-20, -178), (50, -176), (106, -138)])


def _quiff(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(140, -20), (130, -90), (100, -130), (0, -140), (-100, -130), (-130, -90), (-140, -20)])
    top = [(-112, -140), (-124, -214), (-60, -268), (40, -282), (118, -250), (138, -170), (104, -134), (0, -148)]
    canvas.blob(_at(top), look.hair)
    _shine(canvas, look, [(-70, -190), (-20, -234), (60, -246)])


def _buzz(canvas: Canvas, look: Look) -> None:
    skull = [(-150, 0), (-152, -70), (-128, -148), (-70, -192), (0, -202), (70, -192), (128, -148), (152, -70),
        (150, 0)]
    canvas.blob(
        _at([*skull, (138, -40), (128, -96), (84, -130), (0, -138), (-84, -130), (-128, -96), (-138, -40)]),
            look.hair
    )


def _curls(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(142, -6), (132, -80), (90, -116), (0, -124), (-90, -116), (-132, -80), (-142, -6)])
    for dx, dy in ((-142, -110), (-112, -172), (-52, -212), (16, -222), (80, -202), (128, -152), (148, -96),
        (-84, -130), (-20, -146), (48, -140), (100, -116)):
        canvas.ellipse(X + dx, Y + dy, 44, 42, look.hair)
    for dx, dy in ((-110, -176), (-44, -214), (30, -220), (96, -184), (-60, -140), (20, -150), (84, -124)):
        canvas.line(_at([(dx - 15, dy + 7), (dx, dy - 8), (dx + 15, dy + 5)]), look.hair_light, 7)


def _tousled(canvas: Canvas, look: Look) -> None:
    _cap(canvas, look, [(142, 6), (132, -70), (100, -88), (62, -112), (20, -90), (-30, -118), (-70, -92),
        (-126, -80), (-142, 6)])
    top = [(-140, -120), (-136, -196), (-88, -244), (-46, -232), (6, -262), (52, -236), (104, -240), (136, -190),
        (142, -110), (0, -130)]
    canvas.blob(_at(top), look.hair)
    for dx in (-70, 0, 68):
        _shine(canvas, look, [(dx - 26, -150), (dx - 12, -186), (dx + 18, -206)], 9)


def _afro_short(canvas: Canvas, look: Look) -> None:
    _cap(
        canvas, look, [(142, -10), (132, -84), (100, -120), (0, -126), (-100, -120), (-132, -84), (-142, -10)],
            lift=34
    )
    for dx, dy in ((-150, -120), (-118, -190), (-56, -236), (20, -250), (92, -222), (138, -164), (156, -96)):
        canvas.ellipse(X + dx, Y + dy, 34, 34, look.hair)


def _bald(canvas: Canvas, look: Look) -> None:
    canvas.line(_at([(-60, -148), (-26, -164)]), mix(look.skin, (255, 255, 255), 0.35), 12)


# fmt: on
_Drawing = Callable[[Canvas, Look], None]
_BEHIND: dict[str, _Drawing] = {
    "straight": _long_behind,
    "side": _long_behind,
    "fringe": _long_behind,
    "wavy": _wavy_behind,
    "curly": _curly_behind,
    "bob": _bob_behind,
    "bob-fringe": _bob_behind,
    "bun": _bun_behind,
    "ponytail": _ponytail_behind,
    "afro": _afro_behind,
    "mane": _mane_behind,
}
_IN_FRONT: dict[str, _Drawing] = {
    "straight": _long_curtains,
    "side": _long_side,
    "fringe": _long_fringe,
    "wavy": _wavy_front,
    "curly": _curly_front,
    "bob": _bob_front,
    "bob-fringe": _bob_fringe,
    "bun": _pulled_back,
    "ponytail": _side_sweep,
    "afro": _afro_front,
    "pixie": _pixie,
    "crop": _crop,
    "parted": _parted,
    "quiff": _quiff,
    "buzz": _buzz,
    "curls": _curls,
    "tousled": _tousled,
    "afro-short": _afro_short,
    "bald": _bald,
    "mane": _curtains,
}
