"""Words as they are meant: without lookalike letters, digits for letters, dots and spaces between letters.

Two foldings of one text, since a lookalike may stand for a letter of either script: `latin` and `cyrillic`. Lists are
folded in the same way, so they can be written as people write.
"""

import re
import unicodedata
from dataclasses import dataclass

_LOOKALIKES = str.maketrans("авекмнорстухіјѕԁєьγοαειυρντκ", "abekmhopctyxijsdebyoaeiupvtk")
_TO_CYRILLIC = str.maketrans("abcehkmoptxy", "авсенкмортху")
_LEET_LATIN = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_LEET_CYRILLIC = str.maketrans({"0": "о", "3": "з", "4": "ч", "6": "б", "@": "а", "$": "с"})
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TOKEN = re.compile(r"[^\W_]+(?:[@$!*.\-_'’][^\W_]+)*|[@$][^\W_]+", re.UNICODE)
_INNER = re.compile(r"[*.\-_'’]")
_LONG = re.compile(r"(.)\1{2,}")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[a-z]")
_LEET_INSIDE = re.compile(r"[a-z][0134573@$!*][a-z]|^\$[a-z]{3}")
# Longer than any word of the lists; a token beyond that is no word.
_MAX_TOKEN = 40


@dataclass(frozen=True)
class Words:
    """The words of a text in both foldings, and whether letters were hidden behind others."""

    latin: tuple[str, ...]
    cyrillic: tuple[str, ...]
    is_disguised: bool


def plain(text: str) -> str:
    """Small letters in one form: accents stay, width, case and invisible marks do not."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold())


def words_of(text: str) -> Words:
    """Nothing here depends on more than the text, and takes time in proportion to its length."""
    tokens = _joined([match[0] for match in _TOKEN.finditer(plain(text))])
    latin, cyrillic, is_disguised = [], [], False
    for token in tokens:
        if token.isascii() and token.isalpha():  # most words, and nothing to unfold
            latin.append(_LONG.sub(r"\1", token))
            cyrillic.append("")
            continue
        bare = _without_accents(token)
        if not bare:
            continue
        has_latin, has_cyrillic = bool(_LATIN.search(bare)), bool(_CYRILLIC.search(bare))
        latin.append(_squeezed(_as_latin(bare) if has_latin or not has_cyrillic else bare))
        cyrillic.append(_squeezed(_as_cyrillic(bare)) if has_cyrillic else "")
        is_disguised |= (has_latin and has_cyrillic) or (has_latin and _has_leet_inside(bare))
    return Words(tuple(latin), tuple(cyrillic), is_disguised)


def _joined(tokens: list[str]) -> list[str]:
    """Letters that stand alone, three or more in a row, are one word: "f u c k"."""
    joined: list[str] = []
    run: list[str] = []
    for token in [*tokens, ""]:
        if len(token) == 1 and token.isalpha():
            run.append(token)
            continue
        joined += ["".join(run)] if len(run) >= 3 else run
        run = []
        if token:
            joined.append(token[:_MAX_TOKEN])
    return joined


def _without_accents(token: str) -> str:
    if token.isascii():
        return token
    return "".join(each for each in unicodedata.normalize("NFD", token) if not unicodedata.combining(each))


def _as_latin(token: str) -> str:
    token = token.translate(_LOOKALIKES)
    return token.translate(_LEET_LATIN) if any(each.isalpha() for each in token) else token


def _as_cyrillic(token: str) -> str:
    return token.translate(_LEET_CYRILLIC).translate(_TO_CYRILLIC)


def _squeezed(token: str) -> str:
    return _LONG.sub(r"\1", _INNER.sub("", token))


def _has_leet_inside(token: str) -> bool:
    """A digit or sign between letters, as in "m0ney", or "$end"; not "5pm", "covid19", a handle or an address."""
    if "@" in token and "." in token:
        return False
    return bool(_LEET_INSIDE.search(token))
