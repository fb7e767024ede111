"""A ramp from end to end: members ask for the flag, do what they do, and the ramp draws its conclusions."""

from collections.abc import Iterable

import pytest

from apps import flags
from apps.flags.experiments import recording
from apps.flags.experiments.models import Exposure, Metric
from apps.flags.models import Flag, Ramp
from apps.flags.rollout.design import Design, Guardrail, read_steps
from apps.flags.rollout.ramps import advance_ramps, start_ramp
from apps.users.models import Staff, User
from tests.flags.rollout.conftest import Clock, _numbers

pytestmark = pytest.mark.django_db
GUARDRAIL = Guardrail(Metric.REPORT, Guardrail.read({"metric": "report", "bound_percent": "10"}).bound_percent)


@pytest.fixture(autouse=True)
def _nobody_remembered() -> None:
    recording.forget()


def crowd(members: int) -> list[User]:
    return User.objects.bulk_create([User(telegram_id=next(_numbers)) for _ in range(members)])


def use(flag: str, members: Iterable[User]) -> tuple[list[User], list[User]]:
    """They all come to where the code asks; those with the flag and those without."""
    answers = [(member, flags.is_enabled(flag, member)) for member in members]
    return [each for each, is_on in answers if is_on], [each for each, is_on in answers if not is_on]


def ramp_up(flag: str, maria: Staff) -> Ramp:
    steps = read_steps(["25 % for 1 hour", "50 % for 1 hour", "100 % for 1 hour"])
    return start_ramp(
        flag, design=Design(steps, (GUARDRAIL,), window_hours=2, min_members=20), by=maria, reason="launch"
    )


def test_it_takes_a_flag_back_that_makes_members_report_each_other(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = ramp_up(new_chat, maria)
    having, lacking = use(new_chat, crowd(600))
    for member in [*having[: len(having) // 2], *lacking[:5]]:
        flags.record(Metric.REPORT, member)

    clock.forward(hours=3)
    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.ROLLED_BACK
    assert "reported somebody" in ramp.remark
    assert Flag.objects.get(name=new_chat).percent is None
    assert use(new_chat, having) == ([], having)


def test_it_counts_what_members_of_an_earlier_step_do_after_it(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = ramp_up(new_chat, maria)
    use(new_chat, crowd(200))
    clock.forward(hours=2, minutes=1)
    having, lacking = use(new_chat, crowd(600))
    advance_ramps()
    assert ramp.steps_taken.count() == 2

    for member in [*having[: len(having) // 2], *lacking[:5]]:
        flags.record(Metric.REPORT, member)
    clock.forward(hours=2, minutes=1)
    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.ROLLED_BACK


def test_it_reaches_everybody_when_nothing_gets_worse(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = ramp_up(new_chat, maria)
    for share in (25, 50, 100):
        assert Flag.objects.get(name=new_chat).percent == share
        having, lacking = use(new_chat, crowd(200))
        for member in [*having[::10], *lacking[::10]]:
            flags.record(Metric.REPORT, member)
        clock.forward(hours=3)
        advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.FINISHED
    assert Exposure.objects.count() == 400 + 200


def test_it_waits_for_members_though_it_has_no_guardrail(new_chat: str, maria: Staff, clock: Clock) -> None:
    steps = read_steps(["50 % for 1 hour", "100 % for 1 hour"])
    ramp = start_ramp(new_chat, design=Design(steps, (), window_hours=1, min_members=10), by=maria, reason="launch")

    clock.forward(hours=5)
    advance_ramps()
    assert ramp.steps_taken.count() == 1

    use(new_chat, crowd(60))
    clock.forward(hours=2)
    advance_ramps()
    assert ramp.steps_taken.count() == 2
