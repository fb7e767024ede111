"""The facts that rules may speak of: name, type, what it says, and where it is known.

Whole numbers, yes or no, and text. A share or a score is a whole number from 0 to 100, so that every comparison with a
number as people write it is well typed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Value = int | bool | str
Facts = Mapping[str, Value]
MESSAGE, PROFILE, PHOTO, MEMBER = "message", "profile", "photo", "member"
TEXTS = frozenset({MESSAGE, PROFILE})
EVERYWHERE = frozenset({MESSAGE, PROFILE, PHOTO, MEMBER})


@dataclass(frozen=True)
class Fact:
    """`is_cheap`: known before a message is sent, without a query or a model."""

    name: str
    type: type[int] | type[bool] | type[str]
    help: str | Promise
    about: frozenset[str]
    is_cheap: bool = False

    @property
    def type_name(self) -> str | Promise:
        return {int: _("number"), bool: _("yes or no"), str: _("text")}[self.type]

    @property
    def known_of(self) -> str:
        """What it can be asked of, in words."""
        words = {MESSAGE: _("messages"), PROFILE: _("profiles"), PHOTO: _("photos"), MEMBER: _("members")}
        return ", ".join(str(word) for about, word in words.items() if about in self.about)

    def read(self, text: str) -> Value:
        """A value as people type it. Raises ValueError."""
        if self.type is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        return int(text) if self.type is int else text


def _text(name: str, type_: Any, help_: Promise) -> Fact:
    return Fact(name, type_, help_, TEXTS, is_cheap=True)


CATALOGUE: Final[dict[str, Fact]] = {
    fact.name: fact
    for fact in (
        _text("text", str, _("What was written, in small letters, without invisible signs.")),
        _text("length", int, _("Its characters.")),
        _text("capitals", int, _("Percent of its letters that are capitals; 0 below eight letters.")),
        _text("links", int, _("Web addresses in it.")),
        _text("contacts", int, _("Phone numbers, @names, e-mail addresses in it.")),
        _text("insults", int, _("Words and phrases of the lists that insult.")),
        _text("hate", int, _("… that demean for what somebody is.")),
        _text("threats", int, _("… that threaten.")),
        _text("sexual", int, _("… that are sexual.")),
        _text("money", int, _("… that ask for money or sell.")),
        _text("invest", int, _("… of investments, crypto and easy earnings.")),
        _text("leaves", int, _("… that lead away to another messenger.")),
        _text("is_disguised", bool, _("Letters are hidden behind digits, signs or letters of another script.")),
        _text("harm", int, _("Score of insults, hate, threats and sexual words, 0 to 100.")),
        _text("scam", int, _("Score of money, investments, leaving, links, contacts and disguise, 0 to 100.")),
        Fact("toxicity", int, _("What the model says of an English text, 0 to 100. 0 in other languages."), TEXTS),
        Fact("language", str, _("Two letters, such as en; empty when it cannot be told."), TEXTS),
        Fact("kind", str, _("text, photo, voice, video and so on."), frozenset({MESSAGE})),
        Fact("number", int, _("Which message of its sender in this conversation it is, from 1."), frozenset({MESSAGE})),
        Fact(
            "same_elsewhere",
            int,
            _("Other conversations to which the sender wrote the same within a day."),
            frozenset({MESSAGE}),
        ),
        Fact("messages_last_hour", int, _("Messages of the sender within the hour before."), frozenset({MESSAGE})),
        Fact("conversations_last_hour", int, _("Conversations that these were in."), frozenset({MESSAGE})),
        Fact("nudity", int, _("What the model says of the photo, 0 to 100."), frozenset({PHOTO})),
        Fact("faces", int, _("Faces that were found in the photo."), frozenset({PHOTO})),
        Fact("copies_on_others", int, _("Other members with nearly the same photo."), frozenset({PHOTO})),
        Fact(
            "copies_on_banned",
            int,
            _("Banned members, erased ones too, with nearly the same photo."),
            frozenset({PHOTO}),
        ),
        Fact(
            "banned_before",
            int,
            _("Bans in effect of somebody with the same Telegram id or phone number."),
            frozenset({MEMBER}),
        ),
        Fact("account_age_days", int, _("Full days since they joined."), EVERYWHERE, is_cheap=True),
        Fact("account_age_hours", int, _("Full hours since they joined."), EVERYWHERE, is_cheap=True),
        Fact("reports", int, _("Reports about them that were not dismissed."), EVERYWHERE),
        Fact("strikes", int, _("Weight of their strikes in effect."), EVERYWHERE),
    )
}


def facts_about(about: str, *, cheap_only: bool = False) -> Iterable[Fact]:
    """What a rule about this may speak of."""
    return (fact for fact in CATALOGUE.values() if about in fact.about and (fact.is_cheap or not cheap_only))
