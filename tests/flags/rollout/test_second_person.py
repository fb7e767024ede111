"""Changes that wait: for a second person where a flag is dangerous, for their time where somebody has planned ahead."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps import flags
from apps.flags.catalogue import CATALOGUE, Kind
from apps.flags.errors import ClosedError, ConflictError, InvalidChangeError, NotAllowedError
from apps.flags.models import Flag, FlagRevision, PlannedChange
from apps.flags.rollout import plans
from apps.flags.selectors import history
from apps.flags.services import change, kill, propose, restore
from apps.flags.tasks import apply_due_changes
from apps.users.models import Staff
from tests.flags.conftest import Define
from tests.flags.rollout.conftest import DANGEROUS, HARMLESS, Clock
from tests.staff import Hire

pytestmark = pytest.mark.django_db


def planned(name: str, by: Staff | None, **fields: Any) -> PlannedChange:
    outcome = propose(name, by=by, reason="the fair begins", **fields)
    assert isinstance(outcome, PlannedChange)
    return outcome


# ---- Dangerous flags


def test_it_calls_dangerous_what_a_wrong_change_makes_everybody_feel() -> None:
    assert {name for name, flag in CATALOGUE.items() if flag.dangerous} >= {"signup.open", "bot.contact_exchange"}


def test_it_changes_a_harmless_flag_at_once(maria: Staff) -> None:
    revision = propose(HARMLESS, by=maria, reason="ramp", percent=20)

    assert isinstance(revision, FlagRevision)
    assert Flag.objects.get(name=HARMLESS).state.percent == 20


def test_it_changes_a_dangerous_flag_only_when_a_second_person_approves(maria: Staff, otto: Staff) -> None:
    waiting = planned(DANGEROUS, maria, everyone=False)
    assert flags.is_enabled(DANGEROUS)

    done = plans.approve(waiting.pk, by=otto)

    assert not flags.is_enabled(DANGEROUS)
    assert done.status == PlannedChange.Status.APPLIED
    revision = history(DANGEROUS).get()
    assert (revision.by, revision.reason) == (maria, "the fair begins (approved by otto)")
    assert done.revision == revision.sequence


def test_it_kills_a_dangerous_flag_at_once_and_revives_it_with_two(maria: Staff, otto: Staff) -> None:
    assert isinstance(propose(DANGEROUS, by=maria, reason="flood", killed=True), FlagRevision)
    assert not flags.is_enabled(DANGEROUS)

    revival = planned(DANGEROUS, maria, killed=False)
    assert not flags.is_enabled(DANGEROUS)
    plans.approve(revival.pk, by=otto)
    assert flags.is_enabled(DANGEROUS)


def test_it_lets_a_kill_carry_nothing_else_past_the_second_person(maria: Staff) -> None:
    planned(DANGEROUS, maria, killed=True, percent=50)

    assert not history(DANGEROUS).exists()


@pytest.mark.parametrize("role", ["Flag approver", None], ids=["approver", "superuser"])
def test_it_lets_nobody_approve_their_own(hire: Hire, role: str | None) -> None:
    alone = hire("alone", role)
    waiting = planned(DANGEROUS, alone, everyone=False)

    with pytest.raises(NotAllowedError, match="second person"):
        plans.approve(waiting.pk, by=alone)
    with pytest.raises(NotAllowedError, match="second person"):
        plans.refuse(waiting.pk, by=alone, reason="no")
    assert flags.is_enabled(DANGEROUS)


def test_it_lets_the_database_refuse_it_too(maria: Staff) -> None:
    waiting = planned(DANGEROUS, maria, everyone=False)

    with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
        PlannedChange.objects.filter(pk=waiting.pk).update(approved_by=maria)
    with pytest.raises(IntegrityError, match="only_if_approved"), transaction.atomic():
        PlannedChange.objects.filter(pk=waiting.pk).update(status="applied")


@pytest.mark.parametrize("role", ["Flag viewer", "Flag editor", "Product manager", "Moderator"])
def test_it_takes_the_right_to_approve(hire: Hire, maria: Staff, role: str) -> None:
    waiting = planned(DANGEROUS, maria, everyone=False)

    with pytest.raises(NotAllowedError, match="right to approve"):
        plans.approve(waiting.pk, by=hire("somebody", role))


def test_it_asks_for_a_person_even_where_nobody_signed_in(otto: Staff) -> None:
    waiting = planned(DANGEROUS, None, everyone=False)
    assert flags.is_enabled(DANGEROUS)

    plans.approve(waiting.pk, by=otto)

    assert not flags.is_enabled(DANGEROUS)


def test_it_has_no_other_way_round_the_second_person(maria: Staff, otto: Staff) -> None:
    with pytest.raises(NotAllowedError, match="proposed"):
        change(DANGEROUS, by=maria, reason="now", everyone=False)
    with pytest.raises(NotAllowedError):
        change(DANGEROUS, by=maria, reason="now", everyone=False, approval=planned(DANGEROUS, maria, percent=5))
    kill(DANGEROUS, by=maria, reason="flood")
    first = history(DANGEROUS)[0]
    plans.approve(planned(DANGEROUS, maria, killed=False).pk, by=otto)

    other = planned("bot.contact_exchange", maria, everyone=False)
    plans.approve(other.pk, by=otto)
    other.refresh_from_db()
    with pytest.raises(NotAllowedError):
        change(DANGEROUS, by=maria, reason="with another's approval", everyone=False, approval=other)
    assert isinstance(restore(history(DANGEROUS)[0], by=maria, reason="same"), type(None))
    assert isinstance(restore(first, by=maria, reason="again"), FlagRevision), "only a kill"
    assert isinstance(restore(history(DANGEROUS)[1], by=maria, reason="back"), PlannedChange)


def test_it_refuses_with_a_reason_and_changes_nothing(maria: Staff, otto: Staff) -> None:
    waiting = planned(DANGEROUS, maria, everyone=False)

    with pytest.raises(InvalidChangeError):
        plans.refuse(waiting.pk, by=otto, reason=" ")
    refused = plans.refuse(waiting.pk, by=otto, reason="not before the fair")

    assert (refused.status, refused.remark, refused.closed_by_id) == ("refused", "not before the fair", otto.pk)
    assert flags.is_enabled(DANGEROUS)
    with pytest.raises(ClosedError):
        plans.approve(waiting.pk, by=otto)


def test_it_lets_who_asked_take_it_back(maria: Staff, otto: Staff, hire: Hire) -> None:
    waiting = planned(DANGEROUS, maria, everyone=False)

    with pytest.raises(NotAllowedError):
        plans.withdraw(waiting.pk, by=hire("erik", "Flag editor"))
    assert plans.withdraw(waiting.pk, by=maria).status == "withdrawn"
    with pytest.raises(ClosedError):
        plans.approve(waiting.pk, by=otto)


def test_it_does_not_make_what_was_approved_over_what_came_between(maria: Staff, otto: Staff) -> None:
    waiting = planned(DANGEROUS, maria, percent=50)
    kill(DANGEROUS, by=otto, reason="flood")

    failed = plans.approve(waiting.pk, by=otto)

    assert failed.status == PlannedChange.Status.FAILED
    assert "changed meanwhile" in failed.remark
    assert history(DANGEROUS).count() == 1


def test_it_plans_nothing_that_makes_no_difference_or_cannot_be(maria: Staff) -> None:
    assert propose(DANGEROUS, by=maria, reason="a", killed=False) is None
    for wrong in ({"percent": 101}, {"value": 3}):
        with pytest.raises(InvalidChangeError):
            propose(DANGEROUS, by=maria, reason="a", **wrong)
    with pytest.raises(InvalidChangeError, match="reason"):
        propose(DANGEROUS, by=maria, reason=" ", percent=5)
    with pytest.raises(ConflictError):
        propose(DANGEROUS, by=maria, reason="a", expected_version=3, percent=5)
    assert not PlannedChange.objects.exists()


# ---- Planned for later


def test_it_makes_a_planned_change_when_its_time_has_come(maria: Staff, clock: Clock) -> None:
    later = planned(HARMLESS, maria, percent=20, due_at=clock.now + timedelta(hours=2))
    clock.forward(hours=1, minutes=59)
    apply_due_changes()
    assert not history(HARMLESS).exists()

    clock.forward(minutes=1)
    apply_due_changes()
    apply_due_changes()

    revision = history(HARMLESS).get()
    assert revision.by == maria
    assert revision.reason == f"the fair begins (planned for {later.due_at:%Y-%m-%d %H:%M} UTC)"


def test_it_says_why_a_planned_change_could_not_be_made(maria: Staff, clock: Clock) -> None:
    later = planned(HARMLESS, maria, percent=20, due_at=clock.now + timedelta(hours=2))
    change(HARMLESS, by=None, reason="meanwhile", everyone=False)

    clock.forward(hours=2)
    apply_due_changes()

    later.refresh_from_db()
    assert later.status == PlannedChange.Status.FAILED
    assert "#1 by no one signed in: everyone" in later.remark
    assert history(HARMLESS).count() == 1


def test_it_checks_again_what_was_possible_when_it_was_planned(maria: Staff, clock: Clock, define: Define) -> None:
    define("size", Kind.VALUE, default=10, minimum=5, maximum=50)
    later = planned("size", maria, value=50, due_at=clock.now + timedelta(hours=2))
    other = planned(HARMLESS, maria, percent=20, due_at=clock.now + timedelta(hours=2))
    define("size", Kind.VALUE, default=10, minimum=5, maximum=20)

    clock.forward(hours=2)
    apply_due_changes()

    later.refresh_from_db()
    other.refresh_from_db()
    assert (later.status, later.remark) == ("failed", "value: must be at most 20")
    assert other.status == "applied"


def test_it_waits_for_both_the_second_person_and_the_time(maria: Staff, otto: Staff, clock: Clock) -> None:
    due_at = clock.now + timedelta(hours=2)
    in_time = planned(DANGEROUS, maria, everyone=False, due_at=due_at)
    assert plans.approve(in_time.pk, by=otto).status == "waiting"
    assert flags.is_enabled(DANGEROUS)
    clock.forward(hours=3)
    apply_due_changes()
    assert not flags.is_enabled(DANGEROUS)

    late = planned(DANGEROUS, maria, everyone=None, due_at=clock.now + timedelta(hours=1))
    clock.forward(hours=2)
    apply_due_changes()
    assert not flags.is_enabled(DANGEROUS)
    assert plans.approve(late.pk, by=otto).status == "applied"
    assert flags.is_enabled(DANGEROUS)


def test_it_plans_nothing_for_the_past(maria: Staff) -> None:
    with pytest.raises(InvalidChangeError, match="a time to come"):
        propose(HARMLESS, by=maria, reason="a", percent=5, due_at=timezone.now() - timedelta(seconds=1))
