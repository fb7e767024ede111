"""Who is in: a flag's state made ready to be asked a million times. Pure: no database, no Django."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from enum import Enum, auto
from functools import partial
from hashlib import blake2b
from typing import Protocol
from uuid import UUID

from apps.flags import release
from apps.flags.catalogue import Definition, Value
from apps.flags.state import AnyRule, AtLeast, Bound, Is, OneOf, State

ALL_BUCKETS = 2**64


class Subject(Protocol):
    """Whom a flag may be asked for. A `profile` is looked at if there is one and a rule asks for what it holds."""

    @property
    def pk(self) -> UUID: ...
    @property
    def language(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def date_joined(self) -> datetime: ...
    @property
    def is_staff(self) -> bool: ...
    @property
    def has_telegram_premium(self) -> bool: ...


Test = Callable[[Subject], bool]
Members = Mapping[str, Collection[UUID]]  # of each group that some rule asks for


class Cause(Enum):
    """Why the answer is the same for everybody."""

    KILLED = auto()
    EVERYONE = auto()
    DEFAULT = auto()
    NO_VALUE = auto()
    NO_PERCENT = auto()
    ALL_PERCENT = auto()


@dataclass(frozen=True, slots=True)
class Check:
    """One rule for one member. `found` is what the member has; None where that is not known, or is a group."""

    rule: AnyRule
    found: str | int | bool | None
    passes: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the member falls, from 0 to 100, rounded down to a hundredth; in are those below `percent`."""

    position: Decimal
    percent: Decimal
    passes: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The running experiment that a member takes part in, and their variant."""

    experiment: str
    variant: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer and all that it follows from: a cause that holds for everybody, or rule by rule and the standing.

    `part`, where there is one, wins over all of it: the answer is the variant's.
    """

    answer: bool
    cause: Cause | None = None
    checks: tuple[Check, ...] = ()
    standing: Standing | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """`fixed` is the answer for everybody, system-wide questions included; None: it depends on who is asked for.

    `as_a_whole` is the answer for nobody in particular, who has it only if nothing depends on a member.
    `cause`, `rules` (one for each test) and `percent` say where the answer comes from.
    """

    fixed: bool | None
    tests: tuple[Test, ...] = ()
    threshold: int = ALL_BUCKETS
    key: bytes = b""
    as_a_whole: bool = False
    cause: Cause | None = None
    rules: tuple[AnyRule, ...] = ()
    percent: Decimal | None = None

    def includes(self, user: Subject | None) -> bool:
        """Nobody in particular (None) is never in a part of all members."""
        if self.fixed is not None:
            return self.fixed
        if user is None:
            return self.as_a_whole
        for test in self.tests:
            if not test(user):
                return False
        return self.threshold >= ALL_BUCKETS or bucket(self.key, user.pk) < self.threshold

    def fits(self, user: Subject) -> bool:
        """Whether all rules hold for the member, whatever the percentage."""
        return all(test(user) for test in self.tests)

    def explain(self, user: Subject) -> Explanation:
        """What `includes` answers for the member, and why; all rules, also those after the first that does not fit."""
        if self.fixed is not None:
            return Explanation(self.fixed, self.cause)
        checks = tuple(
            Check(rule, _found(rule, user), test(user)) for rule, test in zip(self.rules, self.tests, strict=True)
        )
        standing = self._standing(user)
        answer = all(check.passes for check in checks) and (standing is None or standing.passes)
        return Explanation(answer, checks=checks, standing=standing)

    def _standing(self, user: Subject) -> Standing | None:
        """None where there is no percentage to fall into."""
        if self.percent is None or self.threshold >= ALL_BUCKETS:
            return None
        stands_at = bucket(self.key, user.pk)
        position = Decimal(stands_at * 100) / ALL_BUCKETS
        return Standing(
            position.quantize(Decimal("0.01"), ROUND_FLOOR), self.percent, passes=stands_at < self.threshold
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """A configured value and whom it is for. `value` is None where the default holds for all."""

    audience: Audience
    value: Value | None


def bucket(key: bytes, member: UUID) -> int:
    """Where the member stands for this flag, from 0 to 2**64 - 1: the same for ever, and independent of other flags."""
    return int.from_bytes(blake2b(member.bytes, digest_size=8, key=key).digest(), "big")


def threshold(percent: Decimal) -> int:
    """How many buckets are in. More percent keep those who were in before."""
    return int(percent * ALL_BUCKETS / 100)


def audience(definition: Definition, state: State, members: Members) -> Audience:
    if state.killed:
        return Audience(fixed=False, cause=Cause.KILLED)
    if state.everyone is not None:
        return Audience(fixed=state.everyone, cause=Cause.EVERYONE)
    if state.percent is None and not state.segment:
        # nothing narrows it down: a value is for everybody, a toggle as the catalogue says
        return Audience(fixed=bool(definition.is_value or definition.default), cause=Cause.DEFAULT)
    buckets = ALL_BUCKETS if state.percent is None else threshold(state.percent)
    if not buckets:
        return Audience(fixed=False, cause=Cause.NO_PERCENT)
    if not state.segment and buckets == ALL_BUCKETS:
        return Audience(fixed=True, cause=Cause.ALL_PERCENT)
    return Audience(
        None,
        tuple(ready_tests(state.segment, members)),
        buckets,
        definition.name.encode(),
        as_a_whole=buckets == ALL_BUCKETS and all(map(_holds_for_all, state.segment)),
        rules=state.segment,
        percent=state.percent,
    )


def setting(definition: Definition, state: State, members: Members) -> Setting:
    """A stored value that the catalogue's bounds do not allow (any more) is not used."""
    if definition.problem_with(state.value):
        return Setting(Audience(fixed=False, cause=Cause.NO_VALUE), None)
    return Setting(audience(definition, state, members), state.value)


# ---- The rules


def _holds_for_all(rule: AnyRule) -> bool:
    return isinstance(rule, AtLeast) and release.runs_at_least(rule.value)


def ready_tests(segment: Iterable[AnyRule], members: Members) -> Iterable[Test]:
    """One for each rule, in their order."""
    for rule in segment:
        match rule:
            case OneOf(attribute="group"):
                inside = frozenset[UUID]().union(*(members.get(name, ()) for name in rule.value))
                yield partial(_in_group, inside, rule.operator == "in")
            case OneOf():
                yield partial(_one_of, _TEXTS[rule.attribute], frozenset(rule.value), rule.operator == "in")
            case Bound():
                yield partial(_bound, _NUMBERS[rule.attribute], rule.value, rule.operator == ">=")
            case Is():
                yield partial(_is, _YES_OR_NO[rule.attribute], rule.value)
            case AtLeast():
                yield partial(_same_for_all, release.runs_at_least(rule.value))


def _in_group(inside: frozenset[UUID], expected: bool, user: Subject) -> bool:
    return (user.pk in inside) is expected


def _one_of(read: Callable[[Subject], str], values: frozenset[str], expected: bool, user: Subject) -> bool:
    return (read(user) in values) is expected


def _bound(read: Callable[[Subject], int | None], limit: int, at_least: bool, user: Subject) -> bool:
    """Whose number is not known is not in."""
    number = read(user)
    if number is None:
        return False
    return number >= limit if at_least else number <= limit


def _is(read: Callable[[Subject], bool], expected: bool, user: Subject) -> bool:
    return read(user) is expected


def _same_for_all(answer: bool, _: Subject) -> bool:
    return answer


def _found(rule: AnyRule, user: Subject) -> str | int | bool | None:
    """What the rule looks at; None for a group, which is looked up and not read."""
    match rule:
        case OneOf(attribute="group"):
            return None
        case OneOf():
            return _TEXTS[rule.attribute](user)
        case Bound():
            return _NUMBERS[rule.attribute](user)
        case Is():
            return _YES_OR_NO[rule.attribute](user)
        case AtLeast():
            return release.running()


def _gender(user: Subject) -> str:
    profile = getattr(user, "profile", None)
    return str(profile.gender) if profile else ""


def _country(user: Subject) -> str:
    profile = getattr(user, "profile", None)
    return str(profile.country) if profile else ""


def _age(user: Subject) -> int | None:
    profile = getattr(user, "profile", None)
    return int(profile.age) if profile and profile.birth_date else None


_TEXTS: dict[str, Callable[[Subject], str]] = {
    "language": lambda user: user.language,
    "source": lambda user: user.source,
    "gender": _gender,
    "country": _country,
}
_YES_OR_NO: dict[str, Callable[[Subject], bool]] = {
    "staff": lambda user: user.is_staff,
    "telegram_premium": lambda user: user.has_telegram_premium,
}
_NUMBERS: dict[str, Callable[[Subject], int | None]] = {
    "age": _age,
    "account_age_days": lambda user: (datetime.now(UTC) - user.date_joined).days,
}
