"""Curated lists of phrases, and how often they occur in a text: one pass over its words, whatever the lists' length."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from apps.moderation.checks.normal import Words, words_of

LISTS = Path(__file__).parent / "lists"
CATEGORIES: Final = ("insult", "hate", "threat", "sexual", "money", "invest", "leave")
HARMLESS = "harmless"  # phrases in which the words of the other lists mean nothing of the kind
MAX_GAP = 3
_GAP = ".."
_KEY = 3  # letters
Phrase = tuple[str, ...]  # words; an ending of "*" and the word ".." as in the lists
Index = dict[str, list[tuple[str, Phrase]]]


class Phrases:
    """The phrases of all categories and languages, found by the first letters of their first words."""

    def __init__(self, by_category: Mapping[str, Sequence[str]]) -> None:
        self._latin: Index = defaultdict(list)
        self._cyrillic: Index = defaultdict(list)
        for category, phrases in by_category.items():
            for phrase in phrases:
                words, is_cyrillic = _folded(phrase)
                key = words[0].rstrip("*")[:_KEY]
                (self._cyrillic if is_cyrillic else self._latin)[key].append((category, words))

    def count(self, words: Words) -> dict[str, int]:
        """For each category the words with which a phrase of it begins, unless a harmless phrase covers them."""
        counts = dict.fromkeys(CATEGORIES, 0)
        for tokens, index in ((words.latin, self._latin), (words.cyrillic, self._cyrillic)):
            begun: set[tuple[str, int]] = set()
            covered: set[int] = set()
            for at, token in enumerate(tokens):
                for category, phrase in index.get(token[:_KEY], ()) if token else ():
                    end = _end(phrase, tokens, at)
                    if end and category == HARMLESS:
                        covered.update(range(at, end))
                    elif end:
                        begun.add((category, at))
            for category, at in begun:
                counts[category] += at not in covered
        return counts


def _folded(phrase: str) -> tuple[Phrase, bool]:
    words: list[str] = []
    is_cyrillic = any("\u0400" <= each <= "\u04ff" for each in phrase)
    for word in phrase.split():
        if word == _GAP:
            words.append(_GAP)
            continue
        folded = words_of(word.rstrip("*"))
        words += [each + "*" * word.endswith("*") for each in (folded.cyrillic if is_cyrillic else folded.latin)]
    return tuple(words), is_cyrillic


def _end(phrase: Phrase, tokens: Sequence[str], at: int) -> int:
    """Behind the last word, when the phrase stands here; else 0."""
    for number, word in enumerate(phrase):
        if word == _GAP:
            rest = phrase[number + 1 :]
            return next(filter(None, (_end(rest, tokens, at + gap) for gap in range(MAX_GAP + 1))), 0)
        if at >= len(tokens) or not (tokens[at].startswith(word[:-1]) if word[-1] == "*" else tokens[at] == word):
            return 0
        at += 1
    return at


@lru_cache(maxsize=1)
def all_phrases() -> Phrases:
    """Read once in each process."""
    by_category: dict[str, list[str]] = {category: [] for category in (*CATEGORIES, HARMLESS)}
    for path in sorted(LISTS.glob("*.toml")):
        for category, found in tomllib.loads(path.read_text()).items():
            by_category[category] += found
    return Phrases(by_category)
