"""What can be said of a text by looking at it: pure Python, no model, a small part of a millisecond.

The two scores add up what is in the text; their weights are the ones that separate best on one half of
`tests/moderation/messages.toml`. They rank texts and name no probability.
"""

import re
from dataclasses import asdict, dataclass

from apps.moderation.checks.normal import plain, words_of
from apps.moderation.checks.phrases import all_phrases

MAX_LENGTH = 4096
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\b[a-z0-9][a-z0-9-]{0,40}\.(?:com|net|org|ru|es|de|me|io|info|biz|xyz|top|site|ly|online|shop|club|app|link"
    r"|cc|vip|live|pro|bet|win)\b(?:/\S*)?"
)
_EMAIL = re.compile(r"[\w.+-]{1,40}(?:@|\s?[(\[]at[)\]]\s?)[\w-]{1,40}\.[a-z]{2,10}\b")
_HANDLE = re.compile(r"(?<![\w@.])@[a-z][\w.]{3,31}\b|\bt\.me/\w+")
# nine digits or more, whatever stands between them; a year or a price has fewer
_PHONE = re.compile(r"(?<!\w)\+?\d(?:[\s().\-/]{0,2}\d){8,14}(?!\w)")
_HARM = {"insults": 60, "hate": 80, "threats": 80, "sexual": 60}
_SCAM = {"money": 35, "invest": 35, "leaves": 25, "links": 20, "contacts": 25, "is_disguised": 20}


@dataclass(frozen=True)
class TextFacts:
    """Counts, and two scores from 0 to 100."""

    text: str = ""
    length: int = 0
    capitals: int = 0
    links: int = 0
    contacts: int = 0
    insults: int = 0
    hate: int = 0
    threats: int = 0
    sexual: int = 0
    money: int = 0
    invest: int = 0
    leaves: int = 0
    is_disguised: bool = False
    harm: int = 0
    scam: int = 0


def text_facts(text: str) -> TextFacts:
    text = text[:MAX_LENGTH]
    small, words = plain(text), words_of(text)
    counts = all_phrases().count(words)
    emails = len(_EMAIL.findall(small))
    handles, phones = len(_HANDLE.findall(small)), len(_PHONE.findall(small))
    found = TextFacts(
        text=small,
        length=len(text),
        capitals=_capitals(text),
        links=max(0, len(_LINK.findall(small)) - emails),
        contacts=emails + handles + phones,
        insults=counts["insult"],
        hate=counts["hate"],
        threats=counts["threat"],
        sexual=counts["sexual"],
        money=counts["money"],
        invest=counts["invest"],
        leaves=counts["leave"],
        is_disguised=words.is_disguised,
    )
    return TextFacts(**{**asdict(found), "harm": _score(found, _HARM), "scam": _score(found, _SCAM)})


def _score(facts: TextFacts, weights: dict[str, int]) -> int:
    """Each kind once, and half its weight again for more of the same."""
    found = {name: int(getattr(facts, name)) for name in weights}
    score = sum(weights[name] * (1.5 if count > 1 else 1) for name, count in found.items() if count)
    return min(100, int(score))


def _capitals(text: str) -> int:
    """Percent of the letters; none in a short text, where they say nothing."""
    letters = [each for each in text if each.isalpha()]
    return 100 * sum(each.isupper() for each in letters) // len(letters) if len(letters) >= 8 else 0
