"""Who has a flag: the counts, and why one member has it or not, agree with what the product answers."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps import flags
from apps.flags import headcount as counting
from apps.flags.catalogue import CATALOGUE
from apps.flags.headcount import Headcount, compare, headcount, listed_members
from apps.flags.models import Flag
from apps.flags.rules import Cause
from apps.flags.selectors import audience_of
from apps.flags.services import change
from apps.flags.state import State, read_segment
from apps.users.models import Gender, User
from tests.factories import member

pytestmark = pytest.mark.django_db
NAME = "bot.notes"
RULES = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.just("language"),
        st.sampled_from(["in", "not in"]),
        st.sampled_from(["es", "en, ru"]),
    ),
    st.builds(
        "{} {} {}".format, st.just("gender"), st.sampled_from(["in", "not in"]), st.sampled_from(["man", "woman, man"])
    ),
    st.sampled_from(["group in Testers", "group not in Testers, Nobody", "source in ads", "source not in ads"]),
    st.builds("age {} {}".format, st.sampled_from([">=", "<="]), st.integers(18, 60)),
    st.builds("account_age_days {} {}".format, st.sampled_from([">=", "<="]), st.integers(0, 12)),
    st.sampled_from(["country in ES", "country not in ES, MX", "country in ES, GE"]),
    st.sampled_from(["release at least 0.0.1", "release at least 99"]),
    st.sampled_from(["staff is yes", "staff is no", "telegram_premium is yes", "telegram_premium is no"]),
)
STATES = st.fixed_dictionaries(
    {
        "killed": st.sampled_from([False, False, False, True]),
        "everyone": st.sampled_from([None, None, None, True, False]),
        "percent": st.none() | st.decimals(0, 100, places=2),
        "segment": st.lists(RULES, max_size=3).map(lambda rules: read_segment("\n".join(rules))),
    }
)


class EveryState(TestCase):
    """Random states, asked for a handful of unlike members."""

    def setUp(self) -> None:
        testers = Group.objects.create(name="Testers")
        for number in range(12):
            each = member(
                f"Ann{number}",
                age=18 + 4 * number,
                language=("en", "es", "ru")[number % 3],
                gender=Gender.values[number % len(Gender.values)],
                country=("ES", "GE", "")[number % 3],
            )
            joined = timezone.now() - timedelta(days=number, minutes=1)
            User.objects.filter(pk=each.pk).update(
                date_joined=joined, source="ads" if number % 2 else "", has_telegram_premium=number % 5 == 0
            )
            if number % 4 == 0:
                each.groups.add(testers)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STATES)
    def test_it_explains_and_counts_what_the_product_answers(self, fields: dict[str, object]) -> None:
        change(NAME, by=None, reason="a test", **fields)
        state = Flag.objects.get(name=NAME).state
        audience = audience_of(CATALOGUE[NAME], state)
        members = list(listed_members().select_related("profile"))

        answers = [flags.is_enabled(NAME, each) for each in members]

        assert [audience.explain(each).answer for each in members] == answers
        assert headcount(CATALOGUE[NAME], state) == Headcount(sum(answers), 12)


def state(*rules: str, **fields: object) -> State:
    return State.read({"segment": read_segment("\n".join(rules)), **fields})


def test_it_says_rule_by_rule_what_a_member_has() -> None:
    ann = member("Ann", language="es", age=30)

    explained = audience_of(CATALOGUE[NAME], state("language in en, ru", "age >= 25")).explain(ann)

    assert [(check.found, check.passes) for check in explained.checks] == [("es", False), (30, True)]


def test_it_says_where_a_member_falls_in_a_percentage() -> None:
    ann = member("Ann")
    standing = audience_of(CATALOGUE[NAME], state(percent=50)).explain(ann).standing
    assert standing

    for percent in (standing.position, standing.position + Decimal("0.01")):
        explained = audience_of(CATALOGUE[NAME], state(percent=percent)).explain(ann)
        assert explained.answer is (percent > standing.position)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"killed": True, "everyone": True}, Cause.KILLED),
        ({"everyone": False}, Cause.EVERYONE),
        ({}, Cause.DEFAULT),
        ({"percent": 0}, Cause.NO_PERCENT),
        ({"percent": 100}, Cause.ALL_PERCENT),
    ],
)
def test_it_says_what_holds_for_everybody(fields: dict[str, object], cause: Cause) -> None:
    assert audience_of(CATALOGUE[NAME], state(**fields)).explain(member("Ann")).cause is cause


def test_it_gives_nobody_a_value_that_is_not_set(deck_size: str) -> None:
    member("Ann")

    assert headcount(CATALOGUE[deck_size], state(percent=50)) == Headcount(0, 1)
    assert headcount(CATALOGUE[deck_size], state(value=20)) == Headcount(1, 1)


def test_it_counts_listed_members_only() -> None:
    member("Ann")
    paused = member("Bea")
    User.objects.filter(pk=paused.pk).update(paused_at=timezone.now())

    assert headcount(CATALOGUE[NAME], state(everyone=True)) == Headcount(1, 1)


def test_it_looks_at_some_drawn_by_lot_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_LOOKED_AT", 2)
    last = max((member(f"Ann{number}") for number in range(3)), key=lambda each: each.pk)
    User.objects.filter(pk=last.pk).update(language="es")

    assert headcount(CATALOGUE[NAME], state("language in es", percent=99)) == Headcount(0, 2, is_sampled=True)


def test_it_counts_whom_a_change_would_give_another_answer() -> None:
    for name, language in (("Ana", "es"), ("Bea", "es"), ("Ann", "en")):
        member(name, language=language)

    compared = compare(CATALOGUE[NAME], state("language in es"), state("language in en"))

    assert (compared.before.included, compared.after.included, compared.affected) == (2, 1, 3)


def test_it_counts_whom_a_change_would_give_another_value(deck_size: str) -> None:
    member("Ana", language="es")
    member("Ann", language="en")

    compared = compare(CATALOGUE[deck_size], state("language in es", value=20), state("language in es", value=30))

    assert (compared.before, compared.affected, compared.affected_percent) == (Headcount(1, 2), 1, 50)


@pytest.mark.parametrize("fields", [{}, {"percent": 20}, {"percent": 100}])
def test_it_counts_in_one_query(
    django_assert_num_queries: Callable[[int], CaptureQueriesContext], fields: dict[str, object]
) -> None:
    with django_assert_num_queries(1):
        headcount(CATALOGUE[NAME], state("language in es", "age >= 25", **fields))
