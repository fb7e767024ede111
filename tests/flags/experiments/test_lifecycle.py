"""An experiment is drafted, started and stopped."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import ClosedError, ConflictError, InTheWayError, InvalidChangeError, NotAllowedError
from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment
from apps.flags.rollout.models import Ramp
from apps.flags.services import change
from tests.concurrency import at_once
from tests.factories import member

Design = Callable[..., Experiment]
pytestmark = pytest.mark.django_db


@pytest.fixture
def maker() -> AbstractBaseUser:
    return member("Mia")


def test_it_can_be_changed_as_long_as_it_is_a_draft(draft: Design, maker: AbstractBaseUser) -> None:
    study = draft()
    study.share = 20
    services.save_draft(study, by=maker)

    assert Experiment.objects.get().share == 20


def test_it_keeps_its_design_once_it_has_started(running: Design) -> None:
    study = running()
    study.share = 20

    with pytest.raises(ClosedError, match="its design stays"):
        services.save_draft(study, by=None)
    with pytest.raises(IntegrityError, match="keeps its design"), transaction.atomic():
        study.save()
    with pytest.raises(IntegrityError, match="keeps its design"), transaction.atomic():
        study.delete()


@pytest.mark.parametrize(
    ("design", "problem"),
    [
        ({"flag": "nwe_deck"}, "not in the catalogue"),
        ({"variants": [{"name": "a", "weight": 1, "value": True}]}, "at least 2"),
        ({"share": 0}, "share: .*greater than or equal to 1"),
        ({"metric": "smiles"}, "metric: .*not a valid choice"),
        ({"metric": "like", "also_watched": ["like"]}, "watched anyway"),
        ({"segment": [{"attribute": "mood"}]}, "mood"),
        ({"hypothesis": ""}, "hypothesis"),
        ({"expected_percent": 60, "smallest_lift_percent": 70}, "more than 100 of 100"),
    ],
)
def test_it_refuses_a_design_that_cannot_be_run(draft: Design, design: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidChangeError, match=problem):
        draft(**design)


def test_it_says_who_started_and_stopped_it_and_why(draft: Design, maker: AbstractBaseUser) -> None:
    study = services.start(draft(), by=maker)
    study = services.stop(study, by=maker, reason=" seen enough ")

    assert (study.status, study.started_by, study.ended_by, study.end_reason) == (
        Experiment.Status.ENDED,
        maker,
        maker,
        "seen enough",
    )


def test_it_starts_once_and_stops_once(running: Design) -> None:
    study = running()
    with pytest.raises(ClosedError, match="started already"):
        services.start(study, by=None)
    with pytest.raises(InvalidChangeError, match="needs a reason"):
        services.stop(study, by=None, reason=" ")
    services.stop(study, by=None, reason="enough")
    with pytest.raises(ClosedError, match="does not run"):
        services.stop(study, by=None, reason="enough")


def test_it_does_not_start_a_draft_that_somebody_has_changed_since(draft: Design) -> None:
    study = draft()
    seen = services.fingerprint(Experiment.objects.get())
    study.share = 20
    services.save_draft(study, by=None)

    with pytest.raises(ConflictError, match="changed meanwhile"):
        services.start(study, by=None, seen=seen)
    services.start(study, by=None, seen=services.fingerprint(Experiment.objects.get()))


@pytest.mark.parametrize(
    ("fields", "problem"), [({"killed": True}, "is killed"), ({"everyone": False}, "set off for everyone")]
)
def test_it_does_not_start_on_a_flag_that_is_decided(
    draft: Design, new_deck: str, fields: dict[str, bool], problem: str
) -> None:
    change(new_deck, by=None, reason="decided", **fields)  # type: ignore[arg-type]

    with pytest.raises(InTheWayError, match=problem):
        services.start(draft(), by=None)


def test_it_does_not_start_where_another_experiment_or_a_ramp_runs(
    draft: Design, running: Design, new_deck: str
) -> None:
    other = running()
    with pytest.raises(InTheWayError, match="experiment 1 runs on new_deck"):
        services.start(draft(), by=None)

    services.stop(other, by=None, reason="enough")
    Ramp.objects.create(flag=new_deck, reason="launch", steps=[{"percent": 5}])
    with pytest.raises(InTheWayError, match="A ramp is open"):
        services.start(draft(), by=None)


def test_it_needs_somebody_else_on_a_dangerous_flag(draft: Design, maker: AbstractBaseUser) -> None:
    dangerous = next(name for name, each in CATALOGUE.items() if each.dangerous)
    study = draft(flag=dangerous)
    Experiment.objects.update(created_by=maker)

    for nobody_else in (maker, None):
        with pytest.raises(NotAllowedError, match="somebody else"):
            services.start(study, by=nobody_else)
    assert services.start(study, by=member("Noa")).started_at


def test_it_names_the_experiments_that_leave_no_room_in_the_layer(
    draft: Design, running: Design, deck_size: str
) -> None:
    first = running(layer="deck", share=70)
    sizes = [{"name": "ten", "weight": 1, "value": 10}, {"name": "twenty", "weight": 1, "value": 20}]
    second = draft(layer="deck", share=40, flag=deck_size, variants=sizes)

    with pytest.raises(
        InTheWayError, match=r"deck has 30 % left, and 40 % are wanted. There run: experiment 1 \(70 %\)"
    ):
        services.start(second, by=None)
    services.stop(first, by=None, reason="enough")
    assert services.start(second, by=None).slots == [(0, 400)]


@pytest.mark.django_db(transaction=True, available_apps=["apps.flags", "apps.users"])
def test_it_gives_no_place_away_twice_when_two_start_at_the_same_moment(
    draft: Design, new_deck: str, deck_size: str
) -> None:
    sizes = [{"name": "ten", "weight": 1, "value": 10}, {"name": "twenty", "weight": 1, "value": 20}]
    one, other = draft(layer="deck", share=50), draft(layer="deck", share=50, flag=deck_size, variants=sizes)

    at_once(lambda: services.start(one, by=None), lambda: services.start(other, by=None))

    assert sorted(Experiment.objects.values_list("slots", flat=True)) == [[[0, 500]], [[500, 1000]]]
