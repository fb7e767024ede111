"""The automatic checks on the labelled messages of tests/moderation: precision and recall, and what each costs.

The lists were mended with every other message in view; figures called "held out" are of the other half. Scores count
from the thresholds below on. Times are a call for one message or one picture, against plain `str.casefold().split()`.
"""

import os
import sys
import timeit
import tomllib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

from PIL import Image, ImageDraw  # noqa: E402

from apps.moderation.checks import models_bundled as models  # noqa: E402
from apps.moderation.checks.text import text_facts  # noqa: E402
from apps.moderation.rules.expressions import asked, check  # noqa: E402
from apps.moderation.rules.facts import facts_about  # noqa: E402
from benchmarks.report import print_table, write  # noqa: E402

HARM_FROM, SCAM_FROM, TOXIC_FROM = 60, 35, 90
ROUNDS, CALLS = 9, 20


class Labelled(NamedTuple):
    language: str
    label: str
    text: str
    is_held_out: bool


def messages() -> Iterator[Labelled]:
    lists = tomllib.loads((ROOT / "tests" / "moderation" / "messages.toml").read_text())
    for language, labels in lists.items():
        for label, texts in labels.items():
            for number, text in enumerate(texts):
                yield Labelled(language, label, text, number % 2 == 1)


Guess = Callable[[Labelled], bool]


def rates(rows: list[Labelled], label: str, guess: Guess) -> tuple[float, float]:
    """Precision and recall."""
    hits = [row for row in rows if guess(row)]
    right = sum(row.label == label for row in hits)
    return right / len(hits) if hits else 0.0, right / sum(row.label == label for row in rows)


def accuracy_table(rows: list[Labelled]) -> dict[str, float]:
    toxicity = dict(zip(rows, models.toxicity([row.text for row in rows]), strict=True))
    guesses: dict[str, tuple[str, Guess]] = {
        "harm, lists": ("harm", lambda row: text_facts(row.text).harm >= HARM_FROM),
        "harm, model (English)": ("harm", lambda row: toxicity[row] >= TOXIC_FROM),
        "harm, lists or model (English)": (
            "harm",
            lambda row: text_facts(row.text).harm >= HARM_FROM or toxicity[row] >= TOXIC_FROM,
        ),
        "scam, lists and patterns": ("scam", lambda row: text_facts(row.text).scam >= SCAM_FROM),
    }
    figures, table = {}, []
    for name, (label, guess) in guesses.items():
        for language in ("en",) if "English" in name else ("en", "es", "ru", "de", "all"):
            own = [row for row in rows if language in (row.language, "all")]
            held = [row for row in own if row.is_held_out]
            (precision, recall), (all_precision, all_recall) = rates(held, label, guess), rates(own, label, guess)
            shown = [f"{each:.2f}" for each in (precision, recall, all_precision, all_recall)]
            table.append([f"{name}, {language}", str(len(held)), *shown])
            figures[f"{name}, {language}: precision"], figures[f"{name}, {language}: recall"] = precision, recall
    print_table(["check", "held out", "precision", "recall", "precision, all", "recall, all"], table)
    right = {row: models.language(row.text) == row.language for row in rows}
    for language in ("en", "es", "ru", "de"):
        own = [row for row in rows if row.language == language]
        figures[f"language told, {language}"] = sum(right[row] for row in own) / len(own)
    told = " ".join(f"{name[-2:]} {share:.2f}" for name, share in figures.items() if name.startswith("language"))
    print(f"\nlanguage told rightly: {told}\n")  # noqa: T201 a table for people
    return figures


def picture() -> bytes:
    image = Image.new("RGB", (960, 1200), "#88aacc")
    ImageDraw.Draw(image).ellipse((300, 300, 660, 800), fill="#e0b090")
    out = BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def microseconds(call: Callable[[], object]) -> float:
    return median(timeit.timeit(call, number=CALLS) / CALLS * 1e6 for _ in range(ROUNDS))


def costs() -> tuple[dict[str, float], dict[str, float]]:
    text = (
        "Hey! I saw that you like hiking too, my favourite trail is the one behind the lake. Do you want to meet there?"
    )
    cyrillic = "Привет! Увидела, что ты тоже любишь горы, какой у тебя любимый маршрут? Может, сходим вместе в субботу?"
    jpeg = picture()
    facts = {fact.name: fact.type() for fact in facts_about("message", cheap_only=True)}
    rules = [check(f"harm >= {number} && account_age_days < 7", "message", cheap_only=True) for number in range(40, 60)]

    def ask() -> list[bool]:
        given = asked("message", facts)
        return [rule.holds(given) for rule in rules]

    calls: dict[str, Callable[[], object]] = {
        "casefold and split": lambda: text.casefold().split(),
        "facts of a text, Latin": lambda: text_facts(text),
        "facts of a text, Cyrillic": lambda: text_facts(cyrillic),
        "asking 20 rules": ask,
        "language": lambda: models.language(text),
        "toxicity": lambda: models.toxicity([text]),
        "nudity": lambda: models.nudity(jpeg),
        "faces": lambda: models.faces(jpeg),
        "photo hash": lambda: models.phash(jpeg),
    }
    figures: dict[str, float] = {}
    for name, call in calls.items():
        call()  # loads what is loaded once
        is_slow = name in ("nudity", "faces", "photo hash")
        figures[f"{name}, µs"] = (
            median(timeit.repeat(call, number=1, repeat=7)) * 1e6 if is_slow else microseconds(call)
        )
    baseline = figures["casefold and split, µs"]
    ratios = {name.removesuffix(", µs"): figure / baseline for name, figure in figures.items()}
    rows = [
        [name.removesuffix(", µs"), f"{figure:,.0f}", f"{figure / baseline:,.0f}"] for name, figure in figures.items()
    ]
    print_table(["a call for one", "µs", "to the first"], rows)
    return figures, ratios


if __name__ == "__main__":
    found = accuracy_table(list(messages()))
    figures, ratios = costs()
    write("moderation_checks", {**found, **figures}, ratios)
