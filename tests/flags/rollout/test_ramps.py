"""Ramps: step by step up while all is well, all the way back when it is not."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps import flags
from apps.flags import live, snapshot
from apps.flags.catalogue import CATALOGUE, Definition, Kind
from apps.flags.errors import ClosedError, FlagError, InvalidChangeError, NotAllowedError
from apps.flags.experiments.models import Experiment, Metric
from apps.flags.models import Flag, Ramp, RampStep
from apps.flags.rollout import ramps
from apps.flags.rollout.design import Design, Guardrail, Step, read_steps
from apps.flags.rollout.guardrails import readings
from apps.flags.rollout.selectors import progress
from apps.flags.selectors import history
from apps.flags.services import change, kill
from apps.flags.state import State
from apps.flags.tasks import advance_ramps
from apps.users.models import Staff
from tests.factories import member
from tests.flags.conftest import Define
from tests.flags.rollout.conftest import Clock, observe

db = pytest.mark.django_db
PATH = ("5 % for 1 day", "25 % for 1 day", "50 % for 12 hours", "100 % for 1 hour")
REPORTS = Guardrail(Metric.REPORT, Decimal(20))


def design(*steps: str, guardrails: tuple[Guardrail, ...] = (), min_members: int = 0, **fields: Any) -> Design:
    return Design(read_steps(steps or PATH), guardrails, min_members=min_members, **fields)


def start(flag: str, by: Staff | None = None, planned: Design | None = None, **fields: Any) -> Ramp:
    return ramps.start_ramp(flag, by=by, reason="the new chat", design=planned or design(), **fields)


def percent(flag: str) -> Decimal | None:
    return Flag.objects.get(name=flag).state.percent


# ---- All is well


@db
def test_it_goes_up_step_by_step_with_the_pause_between(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = start(new_chat, maria)
    seen = [percent(new_chat)]
    for hours in (23.9, 0.2, 24, 12, 1, 1):
        clock.forward(hours=hours)
        advance_ramps()
        seen.append(percent(new_chat))

    assert seen == [5, 5, 25, 50, 100, 100, 100]
    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.FINISHED
    assert not ramp.steps_taken.filter(ended_at=None).exists()
    assert [(str(each.by), each.reason) for each in history(new_chat)] == [
        ("maria", "ramp step 4 of 4: 100 %"),
        ("maria", "ramp step 3 of 4: 50 %"),
        ("maria", "ramp step 2 of 4: 25 %"),
        ("maria", "ramp step 1 of 4: 5 %; the new chat"),
    ]


@db
def test_it_takes_one_step_however_often_it_is_looked_at(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat)
    clock.forward(days=1)

    for _ in range(3):
        ramps.advance(ramp.pk)

    assert percent(new_chat) == 25
    assert ramp.steps_taken.count() == 2


@db
def test_it_waits_until_enough_members_were_observed(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat, planned=design(min_members=3))
    step = RampStep.objects.get()
    observe(step, "with", 3, at=clock.now)
    observe(step, "without", 2, at=clock.now)
    clock.forward(days=2)
    advance_ramps()
    assert percent(new_chat) == 5
    where = progress(ramp, clock.now)
    assert where
    assert where.missing == {"with": 0, "without": 1}

    observe(step, "without", 1, at=clock.now - timedelta(hours=24))
    advance_ramps()

    assert percent(new_chat) == 25


@db
def test_it_waits_for_nobody_without_it_where_all_have_it(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat, planned=design("100 % for 1 hour", min_members=50))

    clock.forward(hours=1)
    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.FINISHED


@db
def test_it_ramps_a_value(define: Define, clock: Clock) -> None:
    size = define("deck_size", Kind.VALUE, default=10, minimum=5, maximum=50).name
    with pytest.raises(InvalidChangeError, match="which value"):
        start(size)
    with pytest.raises(InvalidChangeError, match="at most 50"):
        start(size, value=51)

    start(size, planned=design("50 % for 1 hour", "100 % for 1 hour"), value=20)
    assert Flag.objects.get(name=size).state == State(percent=Decimal(50), value=20)
    clock.forward(hours=1)
    advance_ramps()

    assert flags.value(size, member("Ann"), 10) == 20


# ---- What it refuses


@db
@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"killed": True}, "killed"),
        ({"everyone": True}, "on for everyone"),
        ({"everyone": False}, "off for everyone"),
        ({"percent": 5}, "5 % have it already"),
    ],
)
def test_it_refuses_where_the_flag_is_in_no_state_for_it(new_chat: str, state: dict[str, Any], why: str) -> None:
    change(new_chat, by=None, reason="a", **state)

    with pytest.raises(InvalidChangeError, match=why):
        start(new_chat)
    assert not Ramp.objects.exists()


@db
def test_it_takes_nothing_away_from_members_who_have_it_by_default() -> None:
    with pytest.raises(InvalidChangeError, match="100 % have it already"):
        start("bot.notes")


@db
def test_it_runs_one_ramp_on_a_flag_and_none_beside_an_experiment(new_chat: str, clock: Clock) -> None:
    running = Experiment.objects.create(
        name="a", flag=new_chat, hypothesis="a", variants=[], metric="like", started_at=clock.now
    )
    with pytest.raises(InvalidChangeError, match="experiment"):
        start(new_chat)
    running.ended_at = clock.now
    running.save()
    start(new_chat)

    with pytest.raises(InvalidChangeError, match="5 % have it already"):
        start(new_chat)
    with pytest.raises(InvalidChangeError, match="a ramp already"):
        start(new_chat, planned=design("50 % for 1 hour"))


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ("25 % for 1 day", "5 % for 1 day"),
        ("5 % for 1 day", "5 % for 1 day"),
        ("101 % for 1 day",),
        ("0 % for 1 day",),
        ("5.123 % for 1 day",),
        ("5 % for 0 minutes",),
        ("5 % for 31 days",),
        ("five for 1 day",),
        ("1.2.3 for 1 day",),
        tuple(f"{number} % for 1 day" for number in range(1, 23)),
    ],
)
def test_it_says_what_is_wrong_with_steps(steps: tuple[str, ...]) -> None:
    with pytest.raises(InvalidChangeError):
        Design(read_steps(steps))


@pytest.mark.parametrize(
    ("metric", "bound"), [("fame", 5), ("report", -1), ("report", 1001), ("like", 100), ("like", "NaN")]
)
def test_it_says_what_is_wrong_with_a_guardrail(metric: str, bound: object) -> None:
    with pytest.raises(InvalidChangeError):
        Guardrail.read({"metric": metric, "bound_percent": bound})


def test_it_reads_steps_as_it_writes_them() -> None:
    for line in ("0.5 % for 1 minute", "5 % for 36 hours", "100 % for 30 days"):
        (step,) = read_steps([line])
        assert str(step) == line
        assert Step.read(step.as_json()) == step


# ---- The second person


@db
def test_it_starts_on_a_dangerous_flag_when_a_second_person_approves(
    open_doors: str, maria: Staff, otto: Staff, clock: Clock
) -> None:
    ramp = start(open_doors, maria)
    advance_ramps()
    assert percent(open_doors) is None
    with pytest.raises(NotAllowedError):
        ramps.approve(ramp.pk, by=maria)
    with pytest.raises(ClosedError):
        ramps.roll_back(ramp.pk, by=maria, reason="early")

    ramps.approve(ramp.pk, by=otto)
    assert percent(open_doors) == 5
    assert history(open_doors)[0].reason.endswith("(approved by otto)")

    clock.forward(days=1)
    advance_ramps()
    assert percent(open_doors) == 25


@db
def test_it_ends_what_is_refused_or_does_not_fit_any_more(open_doors: str, maria: Staff, otto: Staff) -> None:
    refused = ramps.refuse(start(open_doors, maria).pk, by=otto, reason="not before the fair")
    assert (refused.status, refused.remark) == ("stopped", "refused by otto: not before the fair")

    ramp = start(open_doors, maria)
    kill(open_doors, by=maria, reason="flood")
    late = ramps.approve(ramp.pk, by=otto)

    assert late.status == Ramp.Status.STOPPED
    assert "changed meanwhile" in late.remark


# ---- Something is wrong


def harm(step: RampStep, clock: Clock, *, having: int, lacking: int, metric: Metric = Metric.REPORT) -> None:
    observe(step, "with", 400, did=having, metric=metric, at=clock.now)
    observe(step, "without", 400, did=lacking, metric=metric, at=clock.now)
    clock.forward(hours=25)


@db
def test_it_rolls_back_by_itself_when_a_guardrail_does_not_hold(new_chat: str, maria: Staff, clock: Clock) -> None:
    change(new_chat, by=None, reason="aim", percent=1, segment=[{"attribute": "age", "operator": ">=", "value": 25}])
    before = Flag.objects.get(name=new_chat).state
    ramp = start(new_chat, maria, design("50 % for 2 days", guardrails=(REPORTS,)))
    harm(RampStep.objects.get(), clock, having=160, lacking=60)

    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.ROLLED_BACK
    assert Flag.objects.get(name=new_chat).state == before
    reason = history(new_chat)[0].reason
    assert "160 of 400 with the flag, 60 of 400 without it" in reason
    assert "+20 % is allowed" in reason
    assert ramp.remark in reason
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (maria.pk, str(ramp.pk))


@db
def test_it_watches_for_less_of_what_is_good(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat, planned=design("50 % for 2 days", guardrails=(Guardrail(Metric.MATCH, Decimal(10)),)))
    harm(RampStep.objects.get(), clock, having=60, lacking=160, metric=Metric.MATCH)

    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.ROLLED_BACK
    assert "-10 % is allowed" in ramp.remark


@db
@pytest.mark.parametrize(("having", "lacking"), [(64, 60), (60, 160), (9, 1)])
def test_it_is_not_alarmed_by_chance_or_by_what_gets_better(
    new_chat: str, clock: Clock, having: int, lacking: int
) -> None:
    ramp = start(new_chat, planned=design("50 % for 2 days", guardrails=(REPORTS,)))
    harm(RampStep.objects.get(), clock, having=having, lacking=lacking)

    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.RUNNING
    (reading,) = readings(ramp, clock.now)
    assert (reading.having.converted, reading.lacking.converted) == (having, lacking)


@db
def test_it_counts_only_what_happened_within_the_hours_that_count(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat, planned=design(guardrails=(REPORTS,), window_hours=1))
    observe(RampStep.objects.get(), "with", 5, did=2, at=clock.now)
    observe(RampStep.objects.get(), "with", 7, did=7, at=clock.now + timedelta(minutes=40))
    clock.forward(hours=1)

    (reading,) = readings(ramp, clock.now)

    assert (reading.having.members, reading.having.converted) == (5, 2)


@db
def test_it_watches_a_paused_ramp_and_the_steps_before(new_chat: str, clock: Clock) -> None:
    ramp = start(new_chat, planned=design(guardrails=(REPORTS,)))
    first = RampStep.objects.get()
    observe(first, "with", 400, did=160, at=clock.now + timedelta(hours=12))
    observe(first, "without", 400, did=60, at=clock.now + timedelta(hours=12))
    clock.forward(hours=24)
    advance_ramps()
    assert percent(new_chat) == 25
    ramps.pause(ramp.pk, by=None, reason="weekend")

    clock.forward(hours=13)
    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.ROLLED_BACK
    assert percent(new_chat) is None


@db
@pytest.mark.parametrize("edit", [{"killed": True}, {"percent": 80}, {"everyone": True}])
def test_it_ends_when_somebody_else_changes_the_flag(new_chat: str, clock: Clock, edit: dict[str, Any]) -> None:
    ramp = start(new_chat)
    change(new_chat, by=None, reason="by hand", **edit)
    left = Flag.objects.get(name=new_chat).state
    clock.forward(days=1)

    advance_ramps()

    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.STOPPED
    assert "#2 by no one signed in" in ramp.remark
    assert Flag.objects.get(name=new_chat).state == left


@db
def test_it_goes_on_with_the_other_ramps_when_one_cannot_be_looked_at(
    new_chat: str, define: Define, clock: Clock
) -> None:
    broken, whole = start(define("a_broken_one").name), start(new_chat)
    Ramp.objects.filter(pk=broken.pk).update(guardrails=[{"metric": "report"}])
    clock.forward(days=1)

    advance_ramps()

    assert percent(whole.flag) == 25


# ---- By hand


@db
def test_it_pauses_and_resumes(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = start(new_chat)
    ramps.pause(ramp.pk, by=maria, reason="weekend")
    clock.forward(days=2)
    advance_ramps()
    assert percent(new_chat) == 5
    with pytest.raises(ClosedError, match="paused"):
        ramps.pause(ramp.pk, by=maria, reason="again")

    assert ramps.resume(ramp.pk, by=maria, reason="monday").remark == "resumed by maria: monday"
    advance_ramps()
    assert percent(new_chat) == 25


@db
def test_it_stops_where_it_is(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = ramps.stop(start(new_chat).pk, by=maria, reason="enough")
    clock.forward(days=2)
    advance_ramps()

    assert percent(new_chat) == 5
    assert (ramp.status, ramp.remark) == ("stopped", "stopped by maria: enough")


@db
def test_it_rolls_back_by_hand(new_chat: str, maria: Staff, clock: Clock) -> None:
    ramp = start(new_chat)
    clock.forward(days=1)
    advance_ramps()

    ramps.roll_back(ramp.pk, by=maria, reason="complaints")

    assert Flag.objects.get(name=new_chat).state == State()
    assert (str(history(new_chat)[0].by), history(new_chat)[0].reason) == ("maria", "ramp rolled back: complaints")


@db
def test_it_asks_why(new_chat: str) -> None:
    with pytest.raises(InvalidChangeError):
        ramps.start_ramp(new_chat, by=None, reason=" ", design=design())
    ramp = start(new_chat)
    for act in (ramps.pause, ramps.stop, ramps.roll_back):
        with pytest.raises(InvalidChangeError):
            act(ramp.pk, by=None, reason=" ")
    ramp.refresh_from_db()
    assert ramp.status == Ramp.Status.RUNNING


# ---- In any order

ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 12, 24])),
    st.tuples(st.sampled_from(["start", "pause", "resume", "stop", "roll_back", "kill", "revive"]), st.just(0)),
    st.tuples(st.just("edit"), st.integers(1, 99)),
    st.tuples(st.just("harm"), st.just(0)),
)


class RandomRamps(TestCase):
    NAME = "random_chat"

    def setUp(self) -> None:
        patch = pytest.MonkeyPatch()
        self.addCleanup(patch.undo)
        defined = Definition(self.NAME, Kind.OPERATION, owner="tests", purpose="a test", default=False)
        patch.setitem(CATALOGUE, self.NAME, defined)
        self.clock = Clock()
        patch.setattr("django.utils.timezone.now", self.clock)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ACTS, min_size=1, max_size=14))
    def test_it_is_always_where_its_open_step_says_or_where_it_was_before(self, acts: list[tuple[str, int]]) -> None:
        live.install(snapshot.defaults())
        for act, number in acts:
            with suppress(FlagError):
                self._do(act, number)
            self._check()

    def _do(self, act: str, number: int) -> None:
        ramp = Ramp.objects.filter(flag=self.NAME, status__in=Ramp.OPEN).first()
        if act == "wait":
            self.clock.forward(hours=number)
            advance_ramps()
        elif act == "start":
            start(self.NAME, planned=design("5 % for 1 hour", "50 % for 1 hour", guardrails=(REPORTS,)))
        elif act == "kill":
            kill(self.NAME, by=None, reason="random")
        elif act == "revive":
            change(self.NAME, by=None, reason="random", killed=False)
        elif act == "edit":
            change(self.NAME, by=None, reason="random", percent=number)
        elif act == "harm" and ramp:
            harm(ramp.steps_taken.get(ended_at=None), self.clock, having=160, lacking=60)
        elif ramp:
            getattr(ramps, act)(ramp.pk, by=None, reason="random")

    def _check(self) -> None:
        flag = Flag.objects.filter(name=self.NAME).first()
        if flag is None:
            return
        replayed = State().as_json()
        for revision in reversed(history(self.NAME)):
            replayed |= {field: now for field, (_before, now) in revision.diff.items()}
        assert flag.state == State.read(replayed)
        for ramp in Ramp.objects.all():
            steps = ramp.steps_taken.filter(ended_at=None)
            assert len(steps) == (1 if ramp.status in ramps.GOING else 0)
            if steps and flag.version == ramp.version:
                assert flag.state.percent == steps[0].percent
            if ramp.status == Ramp.Status.ROLLED_BACK:
                restored = history(self.NAME).get(sequence=ramp.version)
                assert restored.state == ramp.state_before
