"""What is set on one flag, as it is stored, kept in its history and typed by people."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic import field_serializer as serializer
from pydantic import model_validator as validator

from apps.flags import release
from apps.flags.errors import InvalidChangeError

KNOWN_VALUES: dict[str, set[str]] = {
    "language": {"en", "es", "ru"},
    "gender": {"woman", "man", "nonbinary"},
    "country": {code for code in map(str, Locale("en").territories) if len(code) == 2},
}
RULE = re.compile(r"(\w+)\s+(not in|in|is|at least|>=|<=)\s+(.+)")


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _release(text: str) -> str:
    release.number(text)
    return text


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OneOf(_Rule):
    """`language in en, es`: what the member has is (or is not) among these.

    A group is one of the admin's roles; a country the code of two letters (ISO 3166) of the place they live in.
    """

    attribute: Literal["language", "country", "gender", "group", "source"]
    operator: Literal["in", "not in"]
    value: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=150)], ...], BeforeValidator(_split), Field(min_length=1)
    ]

    @validator(mode="after")
    def _is_known(self) -> Self:
        unknown = set(self.value) - KNOWN_VALUES.get(self.attribute, set(self.value))
        if unknown:
            raise ValueError(f"there is no {self.attribute} {', '.join(sorted(unknown))}")
        return self

    def __str__(self) -> str:
        return f"{self.attribute} {self.operator} {', '.join(self.value)}"


class Bound(_Rule):
    """`age >= 25`: full years, or full days since they joined. Two such rules make a band."""

    attribute: Literal["age", "account_age_days"]
    operator: Literal[">=", "<="]
    value: Annotated[int, Field(ge=0, le=100_000)]

    def __str__(self) -> str:
        return f"{self.attribute} {self.operator} {self.value}"


class Is(_Rule):
    """`telegram_premium is yes`: whether they pay Telegram for more. `staff is yes`."""

    attribute: Literal["staff", "telegram_premium"]
    operator: Literal["is"]
    value: bool

    def __str__(self) -> str:
        return f"{self.attribute} is {'yes' if self.value else 'no'}"


class AtLeast(_Rule):
    """`release at least 1.4.2`: of MeetsMatch, in the process that is asked. It is the same for all members.

    Telegram tells a bot no version of its apps: no rule can ask for that.
    """

    attribute: Literal["release"]
    operator: Literal["at least"]
    value: Annotated[str, AfterValidator(_release)]

    def __str__(self) -> str:
        return f"{self.attribute} {self.operator} {self.value}"


AnyRule = OneOf | Bound | Is | AtLeast
Rule = Annotated[AnyRule, Field(discriminator="attribute")]
_RULE: TypeAdapter[AnyRule] = TypeAdapter(Rule)
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


class State(BaseModel):
    """All that can be set. As it is made, nothing is: the catalogue's default holds.

    `killed` wins over everything; then `everyone`, on or off for all; else who fits all rules of the segment is in, or
    of those the given percentage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    killed: bool = False
    everyone: bool | None = None
    percent: Percent | None = None
    segment: tuple[Rule, ...] = Field(default=(), max_length=20)
    value: StrictInt | StrictFloat | StrictStr | None = None

    @serializer("percent", when_used="json")
    def _plain(self, percent: Decimal | None) -> str | None:
        return None if percent is None else f"{percent:.2f}"

    @classmethod
    def read(cls, stored: object) -> Self:
        """From JSON as `as_json` made it, or from fields. Raises InvalidChangeError."""
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            raise InvalidChangeError(_in_words(error)) from error

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def read_rule(text: str) -> dict[str, str]:
    """One rule as people type it (see the classes above). Raises InvalidChangeError when it has no such form."""
    found = RULE.fullmatch(text.strip())
    if found is None:
        raise InvalidChangeError(f"“{text.strip()}” is no rule such as “language in en, es” or “age >= 25”")
    return dict(zip(("attribute", "operator", "value"), found.groups(), strict=True))


def read_segment(text: str) -> list[dict[str, str]]:
    """One rule a line; all must fit. Raises InvalidChangeError."""
    return [read_rule(line) for line in text.splitlines() if line.strip()]


def rule_in_words(stored: object) -> str:
    """A stored rule as people type it, also one that cannot be used any more."""
    try:
        return str(_RULE.validate_python(stored))
    except ValidationError:
        return str(stored)


def _in_words(error: ValidationError) -> str:
    """Each problem with its place, and without the library's own beginning."""
    return "; ".join(
        f"{' '.join(part for part in problem['loc'] if isinstance(part, str))}: "
        f"{problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )
