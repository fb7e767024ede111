"""Members of an experiment are told their variant, and it is written down when code asks, once."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps import flags
from apps.flags import live
from apps.flags.experiments import recording, services
from apps.flags.experiments.models import Experiment, Exposure
from apps.flags.models import Flag
from apps.flags.rollout.models import Ramp, RampStep
from apps.flags.selectors import explain, read_snapshot
from apps.flags.services import change
from apps.flags.texts import explanation_in_words
from apps.users.models import User
from tests.concurrency import at_once
from tests.factories import member

Design = Callable[..., Experiment]
NEW, OLD = {"name": "new", "weight": 1000, "value": True}, {"name": "old", "weight": 1, "value": False}
pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return member("Ann")


@pytest.fixture
def for_all(running: Design) -> Experiment:
    return running()


def is_new(study: Experiment, user: User) -> bool:
    return Exposure.objects.get(study=study.pk, member=user).variant == "new"


def test_it_tells_a_member_the_variant_that_is_written_down(for_all: Experiment, new_deck: str) -> None:
    for _ in range(20):
        user = member()
        assert flags.is_enabled(new_deck, user) is is_new(for_all, user)
    assert set(Exposure.objects.values_list("variant", flat=True)) == {"old", "new"}


def test_it_tells_a_member_the_value_of_their_variant(running: Design, deck_size: str) -> None:
    sizes = {"ten": 10, "twenty": 20, "fifty": 50}
    variants = [{"name": name, "weight": 1, "value": size} for name, size in sizes.items()]
    study = running(flag=deck_size, variants=variants)

    for _ in range(20):
        user = member()
        told = flags.value(deck_size, user, 7)
        assert told == sizes[Exposure.objects.get(study=study.pk, member=user).variant]
    assert Exposure.objects.values("variant").distinct().count() == 3


def test_it_is_written_once_however_often_code_asks(for_all: Experiment, new_deck: str, ann: User) -> None:
    for _ in range(3):
        flags.is_enabled(new_deck, ann)
    recording.forget()
    flags.is_enabled(new_deck, ann)

    assert Exposure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_written_once_by_two_that_ask_at_the_same_moment(for_all: Experiment, new_deck: str, ann: User) -> None:
    ask: Callable[[], object] = lambda: flags.is_enabled(new_deck, ann)  # noqa: E731
    at_once(ask, ask)

    assert Exposure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_asks_the_database_nothing_for_a_member_who_was_exposed_before(
    for_all: Experiment, new_deck: str, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with transaction.atomic(), django_assert_num_queries(3):  # the savepoint around it, too
        flags.is_enabled(new_deck, ann)
        flags.is_enabled(new_deck, ann)
    with django_assert_num_queries(0):
        flags.is_enabled(new_deck, ann)


@pytest.mark.django_db(transaction=True)
def test_it_is_written_again_when_the_first_time_was_rolled_back(for_all: Experiment, new_deck: str, ann: User) -> None:
    with transaction.atomic():
        flags.is_enabled(new_deck, ann)
        transaction.set_rollback(True)
    assert not Exposure.objects.exists()

    with transaction.atomic():
        with transaction.atomic():
            flags.is_enabled(new_deck, ann)
            transaction.set_rollback(True)
        flags.is_enabled(new_deck, ann)
    assert Exposure.objects.count() == 1


def test_it_asks_nothing_for_a_flag_that_no_study_runs_on(
    for_all: Experiment, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert flags.is_enabled("bot.notes", ann)


def test_it_remembers_no_more_members_than_it_has_room_for(
    for_all: Experiment, new_deck: str, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    with patch.object(recording, "MAX_REMEMBERED", 2):
        for _ in range(3):
            with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
                flags.is_enabled(new_deck, member())

    assert len(recording._remembered) == 2


# ---- Who asks gets an answer, whatever happens to the log


def test_it_answers_while_exposures_cannot_be_written(for_all: Experiment, new_deck: str, ann: User) -> None:
    with patch.object(recording, "_insert", side_effect=DatabaseError):
        assert flags.is_enabled(new_deck, ann) in (True, False)

    assert User.objects.filter(pk=ann.pk).exists(), "the caller's transaction goes on"
    flags.is_enabled(new_deck, ann)
    assert Exposure.objects.count() == 1


def test_it_answers_and_hides_no_error_inside_a_broken_transaction(
    for_all: Experiment, new_deck: str, ann: User
) -> None:
    @transaction.atomic
    def ask_after_an_error() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        finally:
            flags.is_enabled(new_deck, ann)

    with pytest.raises(DatabaseError, match="division by zero"):
        ask_after_an_error()


def test_it_answers_for_somebody_who_is_not_saved(for_all: Experiment, new_deck: str) -> None:
    assert flags.is_enabled(new_deck, User(language="en")) in (True, False)

    connection.check_constraints()
    assert not Exposure.objects.exists()


# ---- What wins, and who is left out


@pytest.mark.parametrize(("fields", "answer"), [({"killed": True}, False), ({"everyone": True}, True)])
def test_it_obeys_the_kill_and_everyone_before_any_experiment(
    for_all: Experiment, new_deck: str, fields: dict[str, bool], answer: bool
) -> None:
    change(new_deck, by=None, reason="enough", **fields)  # type: ignore[arg-type]

    assert {flags.is_enabled(new_deck, member()) for _ in range(10)} == {answer}
    assert not Exposure.objects.exists()


def test_it_leaves_out_who_is_not_in_the_share_the_segment_or_the_product(running: Design, new_deck: str) -> None:
    group = Group.objects.create(name="Testers")
    running(segment=[{"attribute": "group", "operator": "in", "value": ["Testers"]}])
    ann, bob = member("Ann"), member("Bob")
    ann.groups.add(group)
    staff = member("Eve")
    staff.groups.add(group)
    staff.is_staff = True

    for user in (ann, bob, staff, None):
        flags.is_enabled(new_deck, user)

    assert [exposure.member for exposure in Exposure.objects.all()] == [ann]


def test_it_answers_as_usual_before_the_start_and_after_the_stop(draft: Design, new_deck: str) -> None:
    study = draft(variants=[OLD, NEW])
    people = [member() for _ in range(10)]
    assert not any(flags.is_enabled(new_deck, user) for user in people)

    services.start(study, by=None)
    assert any(flags.is_enabled(new_deck, user) for user in people)

    services.stop(study, by=None, reason="seen enough")
    assert not any(flags.is_enabled(new_deck, user) for user in people)


def test_it_tells_who_looks_a_member_up_what_they_are_in_and_exposes_nobody(
    for_all: Experiment, new_deck: str, ann: User
) -> None:
    flag = Flag.objects.get_or_create(name=new_deck)[0]
    assert flag.definition

    explanation = explain(flag.definition, flag.state, ann)
    (first, *_) = explanation_in_words(explanation)

    assert not Exposure.objects.exists()
    assert explanation.answer is flags.is_enabled(new_deck, ann)
    variant = Exposure.objects.get().variant
    assert first.text == f"takes part in the experiment experiment 1, as one of the variant {variant}"


# ---- The snapshot


def test_it_reads_flags_and_studies_in_three_queries(
    running: Design, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    running()
    with django_assert_num_queries(3):
        read_snapshot()


def test_it_reads_the_others_when_newer_code_wrote_one_experiment(
    running: Design, new_deck: str, deck_size: str, ann: User
) -> None:
    sizes = [{"name": "ten", "weight": 1, "value": 10}, {"name": "twenty", "weight": 1, "value": 20}]
    running(flag=deck_size, variants=sizes)
    Experiment.objects.create(
        name="of tomorrow",
        flag=new_deck,
        variants={"by": "weather"},
        segment=[{"attribute": "mood", "operator": "in"}, 7],
        slots="all",
        metric="match",
        started_at=timezone.now(),
    )
    live.changed()

    assert not flags.is_enabled(new_deck, ann)
    assert flags.value(deck_size, ann, 7) in (10, 20)


# ---- Ramps


def test_it_exposes_those_of_the_segment_to_the_step_of_a_ramp(new_deck: str) -> None:
    spanish = [{"attribute": "language", "operator": "in", "value": ["es"]}]
    change(new_deck, by=None, reason="ramp", percent=Decimal(50), segment=spanish)
    ramp = Ramp.objects.create(
        flag=new_deck, reason="launch", steps=[{"percent": "50"}], guardrails=[{"metric": "block", "bound_percent": 10}]
    )
    step = RampStep.objects.create(ramp=ramp, number=1, percent=50, started_at=timezone.now() - timedelta(hours=1))
    live.changed()
    answers = {user.pk: flags.is_enabled(new_deck, user) for user in [member(language="es") for _ in range(20)]}
    assert not flags.is_enabled(new_deck, member(language="en"))

    logged = Exposure.objects.filter(study=step.pk).values_list("member", "variant")
    assert dict(logged) == {pk: "with" if answer else "without" for pk, answer in answers.items()}
    assert set(answers.values()) == {True, False}
