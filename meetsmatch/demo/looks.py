"""What a made-up person looks like, decided before anything is drawn."""

from dataclasses import dataclass
from random import Random

from apps.users.models import Gender
from meetsmatch.demo.canvas import Color, color, mix

SKINS = ("#fbdcc6", "#f6cba9", "#edb98d", "#dfa174", "#c68855", "#a56b43", "#83502f", "#633a22")
HAIRS = ("#1e1a1d", "#2d211d", "#46301f", "#6a4226", "#8f5b31", "#b98345", "#dcb46c", "#a9482a", "#c96f3b")
BRIGHT_HAIRS = ("#d8608f", "#4a8fb5", "#7d5fb2", "#3f9c86")
GREY = "#b9b6b4"
EYES = ("#4a2f1f", "#5d4027", "#35628a", "#4f7f96", "#4f7a4f", "#6b6b3a")
BACKGROUNDS = (
    ("#ffe3d3", "#ffb59e"), ("#d9f0ee", "#8fd0c8"), ("#e6e2fb", "#b5a8ee"), ("#fff0c9", "#ffd07a"), ("#dcecfb",
    "#94c3ee"),
    ("#fbdfe8", "#f0a3bd"), ("#e6f2d8", "#b0d08a"), ("#efe6dc", "#d3b99b"), ("#d5e4e8", "#7fa9b5"), ("#fde2c8",
    "#f2a265"),
)  # fmt: skip
CLOTHES = (
    "#2f4858", "#e4572e", "#f3a712", "#76949f", "#3d5a80", "#98c1d9", "#ee6c4d", "#293241", "#6d597a", "#b56576",
    "#355070", "#eaac8b", "#588157", "#a3b18a", "#f7ede2", "#84a59d", "#c8553d", "#ffffff", "#1d3557", "#7b2d43",
)  # fmt: skip
LONG_HAIR = ("straight", "wavy", "fringe", "side", "curly", "bob", "bun", "ponytail", "bob-fringe", "pixie", "afro")
SHORT_HAIR = ("crop", "parted", "quiff", "buzz", "curls", "tousled", "bald", "afro-short", "mane")
FACES = ("oval", "round", "square", "heart")
MOUTHS = ("smile", "smile", "laugh", "laugh", "soft", "smirk")
TOPS = ("crew", "v", "shirt", "hoodie", "turtleneck", "stripes", "jacket")


@dataclass(frozen=True)
class Look:
    soft: bool  # lashes, fuller lips and narrower shoulders
    skin: Color
    hair: Color
    hairstyle: str
    face: str
    eyes: Color
    mouth: str
    beard: str
    glasses: str
    top: str
    cloth: Color
    under: Color
    background: tuple[Color, Color]
    earrings: bool
    freckles: bool
    lines: bool
    halo_x: float  # how far the disc behind the head is off the middle

    @property
    def shade(self) -> Color:
        return mix(self.skin, color("#7a2b1e"), 0.2)

    @property
    def hair_shade(self) -> Color:
        return mix(self.hair, color("#0e0a12"), 0.25)

    @property
    def hair_light(self) -> Color:
        return mix(self.hair, color("#fff0dc"), 0.16)


def invent_look(rng: Random, gender: str, age: int) -> Look:
    """A look that is plausible for the gender and the age; the same for the same state of `rng`."""
    soft = gender == Gender.WOMAN or (gender == Gender.NONBINARY and rng.random() < 0.5)
    shade = rng.choices(range(len(SKINS)), (16, 20, 18, 14, 10, 8, 8, 6))[0]
    style = (
        rng.choice(LONG_HAIR if soft else SHORT_HAIR)
        if gender != Gender.NONBINARY
        else rng.choice(LONG_HAIR + SHORT_HAIR)
    )
    if style == "bald" and age < 32:
        style = "crop"
    cloth, under = rng.sample(CLOTHES, 2)
    back_top, back_bottom = rng.choice(BACKGROUNDS)
    return Look(
        soft=soft,
        skin=color(SKINS[shade]),
        hair=_hair(rng, shade, age, bright=gender == Gender.NONBINARY),
        hairstyle=style,
        face=rng.choice(FACES if not soft else ("oval", "oval", "round", "heart")),
        eyes=color(EYES[0] if shade > 4 else rng.choice(EYES)),
        mouth=rng.choice(MOUTHS),
        beard=rng.choices(("", "stubble", "full", "short", "moustache"), (45, 18, 15, 16, 6))[0]
        if not soft and age > 22
        else "",
        glasses=rng.choices(("", "round", "square"), (70, 16, 14))[0],
        top=rng.choice(TOPS),
        cloth=color(cloth),
        under=color(under),
        background=(color(back_top), color(back_bottom)),
        earrings=soft and rng.random() < 0.45,
        freckles=shade < 3 and rng.random() < 0.2,
        lines=age > 45,
        halo_x=rng.uniform(-56, 56),
    )


def _hair(rng: Random, shade: int, age: int, *, bright: bool) -> Color:
    if bright and rng.random() < 0.5:
        return color(rng.choice(BRIGHT_HAIRS))
    natural = color(rng.choice(HAIRS[:2] if shade > 4 else HAIRS[:4] if shade > 2 else HAIRS))
    greying = min(1.0, max(0.0, (age - 40 + rng.uniform(-8, 8)) / 25))
    return mix(natural, color(GREY), greying * 0.9)
