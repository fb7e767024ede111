"""Who takes part, and with which variant."""

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flags.catalogue import Definition, Kind
from apps.flags.errors import InvalidChangeError
from apps.flags.experiments.assignment import SLOTS, Design, Draw, Span, draw, free_slots, read_variants

MEMBERS = 200_000
TOGGLE = Definition("new_deck", Kind.OPERATION, owner="tests", purpose="a test", default=False)
VALUE = Definition("deck_size", Kind.VALUE, owner="tests", purpose="a test", default=10, minimum=5, maximum=50)


def someone(pk: UUID, **fields: object) -> Any:
    known = {"language": "en", "source": "", "date_joined": datetime(2026, 1, 1, tzinfo=UTC), "is_staff": False}
    return SimpleNamespace(pk=pk, **{**known, **fields})


def many(count: int, seed: int = 1) -> list[Any]:
    drawn = np.random.default_rng(seed).bytes(16 * count)
    return [someone(UUID(bytes=drawn[at : at + 16])) for at in range(0, len(drawn), 16)]


def experiment(*weights: int, slots: object = ((0, SLOTS),), layer: str = "", segment: object = ()) -> Draw:
    variants = [
        {"name": f"v{number}", "weight": weight, "value": bool(number % 2)} for number, weight in enumerate(weights)
    ]
    design = Design(uuid4(), "new_deck", layer, [list(span) for span in slots], list(segment), variants)  # type: ignore[attr-defined,call-overload]
    return draw(design, TOGGLE, {})


def split(study: Draw, members: list[Any]) -> Counter[str | None]:
    given = (study.assign(member) for member in members)
    return Counter(assignment.variant if assignment else None for assignment in given)


def test_it_gives_a_member_the_same_variant_at_every_question() -> None:
    study = experiment(1, 1, 1)

    for member in many(1000):
        assert study.assign(member) == study.assign(someone(member.pk))


def test_it_splits_two_hundred_thousand_members_by_weight() -> None:
    found = split(experiment(50, 30, 20), many(MEMBERS))

    for variant, share in (("v0", 0.5), ("v1", 0.3), ("v2", 0.2)):
        sampling_error = (share * (1 - share) / MEMBERS) ** 0.5
        assert abs(found[variant] / MEMBERS - share) < 4 * sampling_error


def test_it_takes_in_the_share_of_the_layer_that_it_owns() -> None:
    found = split(experiment(1, 1, slots=((0, 150), (800, 850))), many(MEMBERS))

    assert abs(1 - found[None] / MEMBERS - 0.2) < 4 * (0.2 * 0.8 / MEMBERS) ** 0.5


def test_it_draws_anew_in_each_experiment() -> None:
    members = many(40_000)
    one, other = experiment(1, 1), experiment(1, 1)

    agree = sum(one.assign(member) == other.assign(member) for member in members)

    assert abs(agree / len(members) - 0.5) < 4 * (0.25 / len(members)) ** 0.5


def test_it_leaves_out_staff_and_questions_about_nobody_in_particular() -> None:
    study = experiment(1, 1)

    assert study.assign(None) is None
    assert study.assign(someone(uuid4(), is_staff=True)) is None


def test_it_leaves_out_who_does_not_fit_its_segment() -> None:
    study = experiment(1, 1, segment=[{"attribute": "language", "operator": "in", "value": ["es"]}])

    assert study.assign(someone(uuid4(), language="en")) is None
    assert study.assign(someone(uuid4(), language="es"))


LAYER_MEMBERS = many(300, seed=2)


@given(st.lists(st.integers(1, 100), max_size=12), st.randoms(use_true_random=False))
def test_it_never_shares_a_member_with_another_experiment_of_its_layer(shares: list[int], random: Any) -> None:
    """Whatever starts and stops: whoever gets places gets as many as it wants, and nobody else has them."""
    owned: dict[int, list[Span]] = {}
    for number, share in enumerate(shares):
        if owned and random.random() < 0.3:
            del owned[random.choice(sorted(owned))]
        places = free_slots([span for spans in owned.values() for span in spans], share)
        free = SLOTS - sum(end - first for spans in owned.values() for first, end in spans)
        assert (places is None) is (share * SLOTS // 100 > free)
        if places is not None:
            assert sum(end - first for first, end in places) == share * SLOTS // 100
            owned[number] = places
    studies = [experiment(1, 1, slots=spans, layer="matching") for spans in owned.values()]
    for member in LAYER_MEMBERS:
        assert sum(study.assign(member) is not None for study in studies) <= 1


@pytest.mark.parametrize(
    ("definition", "variants", "problem"),
    [
        (TOGGLE, [("a", 1, True)], "at least 2"),
        (TOGGLE, [(str(number), 1, True) for number in range(7)], "at most 6"),
        (TOGGLE, [("a", 1, True), ("a", 1, False)], "same name"),
        (TOGGLE, [("a", 0, True), ("b", 1, False)], "variants 1 weight.*greater than or equal to 1"),
        (TOGGLE, [("a", 0.5, True), ("b", 1, False)], "variants 1 weight.*valid integer"),
        (TOGGLE, [("", 1, True), ("b", 1, False)], "variants 1 name"),
        (TOGGLE, [("a", 1, True), ("b", 1, 5)], "variant b: the answer must be of type bool"),
        (VALUE, [("a", 1, 10), ("b", 1, 51)], "variant b: the answer must be at most 50"),
        (VALUE, [("a", 1, 10), ("b", 1, "20")], "variant b: the answer must be of type int"),
    ],
)
def test_it_refuses_variants_that_are_none(definition: Definition, variants: list[Any], problem: str) -> None:
    stored = [{"name": name, "weight": weight, "value": value} for name, weight, value in variants]

    with pytest.raises(InvalidChangeError, match=problem):
        read_variants(stored, definition)
