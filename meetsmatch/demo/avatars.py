"""Portraits in a flat style, drawn from a look."""

from meetsmatch.demo import hair
from meetsmatch.demo.canvas import Canvas, Color, Point, color, mirrored, mix, smooth
from meetsmatch.demo.looks import Look

X, Y = 400.0, 450.0  # the middle of the face
INK = color("#2a1a1c")
WHITE = color("#fffaf5")
LIP = color("#b23a48")

_HEADS: dict[str, tuple[Point, ...]] = {
    "oval": ((0, -186), (82, -170), (132, -105), (143, -15), (135, 68), (106, 134), (58, 180), (0, 196)),
    "round": ((0, -184), (88, -166), (138, -100), (149, -10), (144, 74), (114, 138), (62, 176), (0, 188)),
    "square": ((0, -184), (86, -168), (136, -104), (145, -12), (141, 76), (120, 144), (70, 186), (0, 194)),
    "heart": ((0, -186), (86, -170), (138, -106), (147, -18), (132, 66), (96, 134), (48, 184), (0, 200)),
}


def draw_avatar(look: Look) -> bytes:
    """A JPEG of 800 by 1000 pixels."""
    canvas = Canvas(*look.background)
    canvas.ellipse(X + look.halo_x, Y + 20, 335, 335, mix(look.background[0], WHITE, 0.4))
    hair.draw_behind(canvas, look)
    _draw_body(canvas, look)
    _draw_head(canvas, look)
    _draw_beard(canvas, look)
    _draw_mouth(canvas, look)
    _draw_eyes(canvas, look)
    hair.draw_in_front(canvas, look)
    _draw_brows(canvas, look)
    _draw_extras(canvas, look)
    return canvas.jpeg()


def head_outline(look: Look) -> list[Point]:
    return smooth(mirrored([(X + dx, Y + dy) for dx, dy in _HEADS[look.face]], X))


# ---- Body and clothes


def _draw_body(canvas: Canvas, look: Look) -> None:
    broad = 0 if look.soft else 34
    neck = 58 if look.soft else 74
    shoulders = [(X, 770), (X + neck + 8, 752), (X + 190 + broad, 806), (X + 268 + broad, 880), (X + 300 + broad, 1060)]
    if look.top == "jacket":
        canvas.blob(mirrored(shoulders, X), look.cloth)
        canvas.polygon([(X - 96, 740), (X + 96, 740), (X + 40, 1010), (X - 40, 1010)], look.under)
    else:
        canvas.blob(mirrored(shoulders, X), look.cloth)
    if look.top == "stripes":
        _draw_stripes(canvas, look, broad)
    if look.top == "hoodie":
        canvas.blob(
            mirrored([(X, 720), (X + 128, 742), (X + 150, 800), (X + 70, 862), (X, 880)], X), _darker(look.cloth)
        )
    if look.top != "turtleneck":
        low = 96 if look.top == "v" else 40
        canvas.blob(
            mirrored([(X, 730), (X + neck + 22, 744), (X + neck - 4, 776 + low / 3), (X, 792 + low)], X), look.skin
        )
    canvas.polygon([(X - neck, 560), (X + neck, 560), (X + neck + 12, 772), (X - neck - 12, 772)], look.skin)
    canvas.blob(
        mirrored([(X, 590), (X + neck - 2, 570), (X + neck + 2, 650), (X + neck * 0.5, 690), (X, 700)], X), look.shade
    )
    _draw_collar(canvas, look, neck)


def _draw_stripes(canvas: Canvas, look: Look, broad: int) -> None:
    for step, y in enumerate(range(842, 1010, 56)):
        reach = (232, 272, 284, 290)[step] + broad
        canvas.line([(X - reach, y + 14), (X, y), (X + reach, y + 14)], look.under, 20)


def _draw_collar(canvas: Canvas, look: Look, neck: int) -> None:
    dark = _darker(look.cloth)
    if look.top == "turtleneck":
        canvas.rounded(X - neck - 20, 690, X + neck + 20, 800, 26, dark)
        canvas.rounded(X - neck - 20, 690, X + neck + 20, 726, 18, look.cloth)
    elif look.top in {"shirt", "jacket"}:
        flap = look.cloth if look.top == "shirt" else look.under
        for side in (-1, 1):
            canvas.polygon(
                [(X + side * (neck + 4), 722), (X + side * (neck + 40), 768), (X + side * 66, 868), (X, 812)],
                mix(flap, WHITE, 0.18),
            )
            if look.top == "jacket":
                canvas.polygon(
                    [
                        (X + side * (neck + 22), 748),
                        (X + side * 172, 800),
                        (X + side * 128, 900),
                        (X + side * 46, 1010),
                    ],
                    dark,
                )
        if look.top == "shirt":
            canvas.line([(X, 830), (X, 1000)], dark, 5)
            for y in (880, 950):
                canvas.ellipse(X + 16, y, 7, 7, mix(look.cloth, WHITE, 0.6))
    elif look.top == "hoodie":
        for side in (-1, 1):
            canvas.line(
                [(X + side * 44, 832), (X + side * 50, 900), (X + side * 46, 950)], mix(look.cloth, WHITE, 0.7), 9
            )
    elif look.top != "v":
        canvas.line(
            [(X - neck - 16, 758), (X - neck * 0.6, 806), (X, 832), (X + neck * 0.6, 806), (X + neck + 16, 758)],
            dark,
            16,
        )


def _darker(shade: Color) -> Color:
    return mix(shade, color("#10101c"), 0.2)


# ---- Face


def _draw_head(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        canvas.ellipse(X + side * 145, Y + 18, 25, 38, look.skin)
        canvas.ellipse(X + side * 147, Y + 20, 13, 23, look.shade)
    canvas.polygon(head_outline(look), look.skin)
    blush = mix(look.skin, color("#e2504f"), 0.4)
    for side in (-1, 1):
        canvas.glow(X + side * 88, Y + 76, 52, blush, 0.62 if look.soft else 0.35)
    if look.freckles:
        for dx, dy in ((-98, 52), (-80, 64), (-64, 52), (-86, 78), (98, 52), (80, 64), (64, 52), (86, 78)):
            canvas.ellipse(X + dx, Y + dy, 3.4, 3.4, mix(look.skin, color("#a8552f"), 0.5))
    canvas.line(
        [(X - 4, Y + 20), (X - 14, Y + 66), (X - 6, Y + 78), (X + 14, Y + 76)], look.shade, 8 if look.soft else 9
    )
    if look.lines:
        for side in (-1, 1):
            canvas.line([(X + side * 44, Y + 84), (X + side * 62, Y + 104), (X + side * 66, Y + 124)], look.shade, 5)
            canvas.line([(X + side * 108, Y + 4), (X + side * 122, Y - 4)], look.shade, 4)


def _draw_beard(canvas: Canvas, look: Look) -> None:
    if not look.beard:
        return
    tone = mix(look.skin, look.hair, 0.24 if look.beard == "stubble" else 0.9)
    depth = {"stubble": 0, "short": 4, "full": 26}.get(look.beard, 0)
    if look.beard != "moustache":
        jaw = [(X + dx * 0.985, Y + dy * 0.99 + (depth if dy > 120 else 0)) for dx, dy in _HEADS[look.face][3:]]
        cheek = [(130, 6), (112, 62), (84, 94), (46, 86), (0, 92)]
        upper = [*((X - dx, Y + dy) for dx, dy in cheek), *((X + dx, Y + dy) for dx, dy in cheek[-2::-1])]
        canvas.polygon(smooth(mirrored(jaw, X), closed=False) + smooth(upper, closed=False), tone)
    if look.beard in {"moustache", "full", "short"}:
        canvas.blob(
            mirrored([(X, Y + 90), (X + 34, Y + 92), (X + 62, Y + 118), (X + 30, Y + 112), (X, Y + 106)], X), tone
        )


def _draw_mouth(canvas: Canvas, look: Look) -> None:
    y = Y + 122
    lip = mix(look.skin, LIP, 0.75 if look.soft else 0.42)
    if look.mouth == "laugh":
        canvas.half(X, y - 8, 54, 44, mix(LIP, INK, 0.55))
        canvas.blob([(X - 46, y - 8), (X + 46, y - 8), (X + 38, y + 8), (X, y + 14), (X - 38, y + 8)], WHITE)
        canvas.line([(X - 54, y - 9), (X, y - 5), (X + 54, y - 9)], lip, 8 if look.soft else 6)
    elif look.mouth == "smile":
        canvas.blob(
            [(X - 48, y - 6), (X, y + 8), (X + 48, y - 6), (X + 26, y + 24), (X, y + 30), (X - 26, y + 24)], WHITE
        )
        canvas.line([(X - 52, y - 8), (X, y + 6), (X + 52, y - 8)], lip, 8)
        canvas.line([(X - 46, y + 4), (X - 22, y + 26), (X + 22, y + 26), (X + 46, y + 4)], lip, 9 if look.soft else 6)
    else:
        lift = 10 if look.mouth == "smirk" else 0
        if look.soft:
            canvas.blob(
                [(X - 40, y), (X - 12, y - 9), (X, y - 5), (X + 12, y - 9), (X + 40, y - lift), (X, y + 22)], lip
            )
        canvas.line([(X - 44, y - 4), (X, y + 8), (X + 44, y - 6 - lift)], mix(lip, INK, 0.35), 7)


def _draw_eyes(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        x, y = X + side * 60, Y + 6
        canvas.blob(
            [(x - 31, y + 3), (x - 14, y - 15), (x + 14, y - 15), (x + 31, y + 3), (x + 13, y + 15), (x - 13, y + 15)],
            WHITE,
        )
        canvas.ellipse(x, y - 1, 15.5, 15.5, look.eyes)
        canvas.ellipse(x, y - 1, 8, 8, INK)
        canvas.ellipse(x + 5, y - 7, 4.5, 4.5, WHITE)
        lid = [(x - 33, y + 4), (x - 15, y - 15), (x + 15, y - 15), (x + 33, y + 4)]
        canvas.line(lid, INK, 8 if look.soft else 6)
        if look.soft:
            canvas.line([(x + side * 30, y), (x + side * 44, y - 12)], INK, 6)
            canvas.line([(x + side * 20, y - 12), (x + side * 33, y - 24)], INK, 5)


def _draw_brows(canvas: Canvas, look: Look) -> None:
    tone = mix(look.hair, INK, 0.35)
    for side in (-1, 1):
        inner, arch, outer = (X + side * 32, Y - 44), (X + side * 66, Y - 58), (X + side * 102, Y - 42)
        canvas.line([inner, arch, outer], tone, 9 if look.soft else 14)


def _draw_extras(canvas: Canvas, look: Look) -> None:
    if look.glasses:
        frame = mix(INK, look.cloth, 0.25)
        for side in (-1, 1):
            if look.glasses == "round":
                canvas.ring(X + side * 62, Y + 8, 54, 52, frame, 8)
            else:
                canvas.frame(X + side * 62, Y + 8, 56, 42, 20, frame, 9)
            canvas.line([(X + side * 116, Y), (X + side * 146, Y - 6)], frame, 8)
        canvas.line([(X - 10, Y + 2), (X, Y - 3), (X + 10, Y + 2)], frame, 8)
    if look.earrings:
        for side in (-1, 1):
            canvas.ellipse(X + side * 150, Y + 66, 9, 9, color("#f2c14e"))
