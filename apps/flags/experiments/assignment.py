"""Who takes part in which study, and with which variant. Pure: no database, no Django.

A member stands at one of the `SLOTS` places of a layer for ever; an experiment owns some of them while it runs, so that
no two of a layer share a member. Which variant they get there is drawn anew for each experiment.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, TypeAdapter
from pydantic import ValidationError as Unreadable

from apps.flags.catalogue import Definition, Value
from apps.flags.errors import InvalidChangeError
from apps.flags.rules import ALL_BUCKETS, Audience, Members, Setting, Subject, Test, bucket, ready_tests
from apps.flags.state import State

SLOTS = 1000
MAX_VARIANTS = 6
WITH, WITHOUT = "with", "without"

Span = tuple[int, int]  # the first slot, and one past the last


class Variant(BaseModel):
    """One of the answers that are compared, and how many members get it in proportion to the other weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=40)]
    weight: Annotated[StrictInt, Field(ge=1, le=1000)]
    value: StrictBool | StrictInt | StrictFloat | StrictStr


_VARIANTS: TypeAdapter[list[Variant]] = TypeAdapter(
    Annotated[list[Variant], Field(min_length=2, max_length=MAX_VARIANTS)]
)


def read_variants(stored: object, definition: Definition) -> tuple[Variant, ...]:
    """From JSON; the control first. Raises InvalidChangeError where they are no variants of this flag."""
    try:
        variants = _VARIANTS.validate_python(stored)
    except Unreadable as error:
        raise InvalidChangeError("; ".join(_in_words(problem) for problem in error.errors())) from error
    if len({variant.name for variant in variants}) < len(variants):
        raise InvalidChangeError("variants: two of them have the same name")
    for variant in variants:
        problem = definition.problem_with(variant.value)
        if problem:
            raise InvalidChangeError(f"variant {variant.name}: the answer {problem}")
    return tuple(variants)


# ---- Studies


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a member of a study is told. `answer` None: the default that whoever asks has named."""

    variant: str
    answer: bool | Value | None


class Study(Protocol):
    """Whose exposures are logged: a running experiment, or a step of a ramp."""

    @property
    def id(self) -> UUID: ...
    def assign(self, user: Subject | None) -> Assignment | None:
        """None for who does not take part; staff and nobody in particular (None) never do."""


@dataclass(frozen=True, slots=True)
class Design:
    """What the database holds of a running experiment, not yet read."""

    id: UUID
    flag: str
    layer: str
    slots: Any
    segment: Any
    variants: Any


@dataclass(frozen=True, slots=True)
class Draw:
    """A running experiment, ready to be asked a million times."""

    id: UUID
    layer: bytes
    slots: Collection[int]
    tests: tuple[Test, ...]
    key: bytes
    limits: tuple[tuple[int, Assignment], ...]

    def assign(self, user: Subject | None) -> Assignment | None:
        if user is None or user.is_staff or slot(self.layer, user.pk) not in self.slots:
            return None
        for test in self.tests:
            if not test(user):
                return None
        stands_at = bucket(self.key, user.pk)
        for limit, assignment in self.limits:
            if stands_at < limit:
                return assignment
        raise AssertionError("the last limit is above all buckets")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a ramp: those of the flag's segment with the flag and without it. The answers are the regular ones."""

    id: UUID
    audience: Audience
    having: Assignment
    lacking: Assignment

    def assign(self, user: Subject | None) -> Assignment | None:
        if user is None or user.is_staff or not self.audience.fits(user):
            return None
        return self.having if self.audience.includes(user) else self.lacking


def draw(design: Design, definition: Definition, members: Members) -> Draw:
    """Raises InvalidChangeError where the design cannot be read, or does not suit the catalogue (any more)."""
    variants = read_variants(design.variants, definition)
    return Draw(
        design.id,
        layer_key(design.layer, definition.name),
        frozenset(place for first, end in read_spans(design.slots) for place in range(first, end)),
        tuple(ready_tests(State.read({"segment": design.segment}).segment, members)),
        b"experiment" + design.id.bytes,
        tuple(
            zip(
                limits([variant.weight for variant in variants]),
                [Assignment(variant.name, variant.value) for variant in variants],
                strict=True,
            )
        ),
    )


def step(study: UUID, regular: Audience | Setting) -> Step:
    """`regular` is what the flag answers without a study."""
    if isinstance(regular, Setting):
        return Step(study, regular.audience, Assignment(WITH, regular.value), Assignment(WITHOUT, None))
    return Step(study, regular, Assignment(WITH, True), Assignment(WITHOUT, False))


# ---- Places


def layer_key(layer: str, flag: str) -> bytes:
    """A layer without a name is the flag's own."""
    return blake2b(f"layer {layer}".encode() if layer else f"layer of {flag}".encode(), digest_size=32).digest()


def slot(layer: bytes, member: UUID) -> int:
    return bucket(layer, member) * SLOTS // ALL_BUCKETS


def limits(weights: Sequence[int]) -> list[int]:
    """For each weight the bucket below which its share ends; the last one is above all."""
    total = sum(weights)
    return [so_far * ALL_BUCKETS // total for so_far in accumulate(weights)]


def free_slots(taken: Collection[Span], share: int) -> list[Span] | None:
    """The first free places for `share` per cent of a layer's members; None when there are not as many."""
    used = {place for first, end in taken for place in range(first, end)}
    free = [place for place in range(SLOTS) if place not in used]
    wanted = free[: share * SLOTS // 100]
    return _spans(wanted) if len(wanted) == share * SLOTS // 100 else None


def read_spans(stored: object) -> list[Span]:
    """Raises InvalidChangeError."""
    try:
        return _SPANS.validate_python(stored)
    except Unreadable as error:
        raise InvalidChangeError("slots: not pairs of places") from error


_SPANS: TypeAdapter[list[Span]] = TypeAdapter(
    list[tuple[Annotated[int, Field(ge=0, le=SLOTS)], Annotated[int, Field(ge=0, le=SLOTS)]]]
)


def _spans(places: Sequence[int]) -> list[Span]:
    spans: list[Span] = []
    for place in places:
        if spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return spans


def _in_words(problem: Any) -> str:
    """`variants 2 weight: …`, counted as people do."""
    place = " ".join(str(part + 1) if isinstance(part, int) else part for part in problem["loc"][:2])
    return f"variants {place}: {problem['msg']}"
