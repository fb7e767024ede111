"""Every flag there is. What is not listed here cannot be asked for; what nobody asks for any more is taken out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.flags.errors import InvalidChangeError

Value = int | float | str
MAX_NAME_BYTES = 64


class Kind(StrEnum):
    """What a flag is for, and so how long it may live."""

    RELEASE = "release"  # brings something new to ever more members; has a date by which it is removed
    OPERATION = "operation"  # stays: lets an operator switch a part of the product off
    VALUE = "value"  # stays: a parameter of the running product


@dataclass(frozen=True)
class Definition:
    """One flag. `default` holds where nothing is set; a value stays within `minimum` and `maximum`, or `choices`.

    `dangerous`: a wrong change hits everybody, or lets harm through. Anything but killing it needs a second person.
    """

    name: str
    kind: Kind
    owner: str
    purpose: str | Promise
    default: bool | Value
    remove_by: date | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    dangerous: bool = False

    def __post_init__(self) -> None:
        if len(self.name.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"{self.name}: longer than the key of a hash, {MAX_NAME_BYTES} bytes")
        if (self.kind is Kind.RELEASE) != (self.remove_by is not None):
            raise ValueError(f"{self.name}: a flag for a release, and no other, has a date of removal")
        if isinstance(self.default, bool) == self.is_value:
            raise ValueError(f"{self.name}: the default does not fit the kind")
        if self.is_value and self.problem_with(self.default):
            raise ValueError(f"{self.name}: the default is out of bounds")

    @property
    def is_value(self) -> bool:
        return self.kind is Kind.VALUE

    @property
    def bounds(self) -> str:
        """Which values are allowed, for people; empty where all are."""
        if self.choices:
            return " | ".join(self.choices)
        if self.minimum is None and self.maximum is None:
            return ""
        low, high = ("…" if end is None else f"{end:g}" for end in (self.minimum, self.maximum))
        return f"{low} – {high}"

    def read(self, text: str) -> Value:
        """A value as people type it. Raises InvalidChangeError; whether it is within the bounds is another question."""
        if isinstance(self.default, str):
            return text
        try:
            return float(text) if isinstance(self.default, float) else int(text)
        except ValueError:
            raise InvalidChangeError(f"“{text}” is no number such as {self.default}") from None

    def problem_with(self, value: object) -> str | None:
        """What keeps this from being the flag's value; None when nothing does."""
        expected = type(self.default)
        if type(value) is not expected:
            return f"must be of type {expected.__name__}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if isinstance(value, int | float):
            if self.minimum is not None and value < self.minimum:
                return f"must be at least {self.minimum:g}"
            if self.maximum is not None and value > self.maximum:
                return f"must be at most {self.maximum:g}"
        return None


def by_name(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """Raises ValueError when two have the same name."""
    found: dict[str, Definition] = {}
    for definition in definitions:
        if definition.name in found:
            raise ValueError(f"{definition.name}: in the catalogue twice")
        found[definition.name] = definition
    return found


CATALOGUE: Final = by_name(
    [
        Definition(
            "matching.pool_limit",
            Kind.VALUE,
            owner="matching",
            purpose=_("How many candidates, the most recently active first, are looked at for one card."),
            default=400,
            minimum=50,
            maximum=20_000,
        ),
        Definition(
            "bot.notes",
            Kind.OPERATION,
            owner="bot",
            purpose=_("Members may send a few words along with a like."),
            default=True,
        ),
        Definition(
            "bot.like_notice",
            Kind.OPERATION,
            owner="bot",
            purpose=_("Members are told that somebody likes them, not who."),
            default=True,
        ),
        Definition(
            "bot.contact_exchange",
            Kind.OPERATION,
            owner="bot",
            purpose=_("Two matched members may show each other their @username."),
            default=True,
            dangerous=True,
        ),
        Definition(
            "signup.open",
            Kind.OPERATION,
            owner="bot",
            purpose=_("New members can join. Those who have joined go on as before."),
            default=True,
            dangerous=True,
        ),
        Definition(
            "conversations.media",
            Kind.OPERATION,
            owner="conversations",
            purpose=_("Matched members may send each other photos, voice, videos, stickers and files, not only text."),
            default=True,
        ),
        Definition(
            "moderation.ask_after_block",
            Kind.OPERATION,
            owner="moderation",
            purpose=_("Who blocks a match is asked whether they want to report them, too."),
            default=True,
        ),
        Definition(
            "moderation.ask_before_sending",
            Kind.OPERATION,
            owner="moderation",
            purpose=_("Who writes something that rules find hurtful is asked “Are you sure?” before it is passed on."),
            default=False,
        ),
        Definition(
            "moderation.blur_received",
            Kind.OPERATION,
            owner="moderation",
            purpose=_("Members receive what rules find hurtful blurred, with a button that reports it at once."),
            default=False,
        ),
        Definition(
            "users.verification",
            Kind.OPERATION,
            owner="moderation",
            purpose=_("Members may have their photos verified with a selfie, and see who has."),
            default=True,
        ),
        Definition(
            "users.verification_days",
            Kind.VALUE,
            owner="moderation",
            purpose=_("For how many days photos count as verified."),
            default=180,
            minimum=1,
            maximum=1_095,
        ),
        Definition(
            "matching.shortlist",
            Kind.VALUE,
            owner="matching",
            purpose=_(
                "How many of the candidates, the most promising first, are read and scored in full for one card."
            ),
            default=80,
            minimum=10,
            maximum=1_000,
        ),
        Definition(
            "matching.algorithm",
            Kind.VALUE,
            owner="matching",
            purpose=_("By what a member's deck is ordered."),
            default="heuristic",
            choices=("recency", "heuristic", "reciprocal", "market"),
        ),
        Definition(
            "matching.likes_first",
            Kind.VALUE,
            owner="matching",
            purpose=_("How often, from 0 to 1, those who like the viewer come before all others."),
            default=1.0,
            minimum=0,
            maximum=1,
        ),
        Definition(
            "matching.market_strength",
            Kind.VALUE,
            owner="matching",
            purpose=_("How much the price of a candidate's attention counts in the algorithm “market”."),
            default=1.0,
            minimum=0,
            maximum=3,
        ),
        Definition(
            "matching.taste_weight",
            Kind.VALUE,
            owner="matching",
            purpose=_(
                "How much tastes that were learned from likes count, against what the running model makes of them. "
                "At 0 they have no say."
            ),
            default=1.0,
            minimum=0,
            maximum=3,
        ),
        Definition(
            "matching.learn_tastes",
            Kind.OPERATION,
            owner="matching",
            purpose=_("Tastes are learned from members’ likes every night."),
            default=True,
        ),
        Definition(
            "matching.build_decks",
            Kind.OPERATION,
            owner="matching",
            purpose=_("Decks are built ahead every night, for members whose algorithm is “market”."),
            default=True,
        ),
        Definition(
            "matching.build_workers",
            Kind.VALUE,
            owner="matching",
            purpose=_("How many worker processes build decks at the same time."),
            default=1,
            minimum=0,
            maximum=64,
        ),
        Definition(
            "matching.new_models",
            Kind.OPERATION,
            owner="matching",
            purpose=_("A newly trained model that is better ranks at once. Off: it waits for a manager."),
            default=True,
        ),
        Definition(
            "matching.explain_cards",
            Kind.OPERATION,
            owner="matching",
            purpose=_("Cards say in a few words why this member is shown."),
            default=False,
        ),
        Definition(
            "matching.daily_likes",
            Kind.VALUE,
            owner="matching",
            purpose=_("How many likes a member can give within 24 hours."),
            default=100,
            minimum=5,
            maximum=10_000,
        ),
        Definition(
            "plus.daily_likes",
            Kind.VALUE,
            owner="payments",
            purpose=_("The same for members with Plus; never fewer than for the others."),
            default=500,
            minimum=5,
            maximum=10_000,
        ),
        Definition(
            "plus.on_sale",
            Kind.OPERATION,
            owner="payments",
            purpose=_("Members can buy Plus. Who has it keeps it. Needs a SUPPORT_CONTACT."),
            default=False,
        ),
        Definition(
            "plus.stars",
            Kind.VALUE,
            owner="payments",
            purpose=_("What Plus costs, in Telegram Stars."),
            default=250,
            minimum=1,
            maximum=10_000,
        ),
        Definition(
            "plus.days",
            Kind.VALUE,
            owner="payments",
            purpose=_("For how many days one payment for Plus is."),
            default=30,
            minimum=1,
            maximum=366,
        ),
        Definition(
            "core.fault_injection",
            Kind.OPERATION,
            owner="core",
            purpose=_("Faults may be injected on purpose, where the setting FAULT_INJECTION allows it, too."),
            default=False,
            dangerous=True,
        ),
    ]
)
