"""The pages of planned changes and ramps, as each role finds them."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.flags.experiments.models import Metric
from apps.flags.models import PlannedChange, Ramp, RampStep
from apps.flags.rollout import plans, ramps
from apps.flags.rollout.design import Design, Guardrail, read_steps
from apps.flags.rollout.selectors import notices
from apps.flags.selectors import history
from apps.flags.services import propose
from apps.users.models import Staff
from tests.factories import member
from tests.flags.rollout.conftest import DANGEROUS, Clock, observe
from tests.staff import Hire, browser

pytestmark = pytest.mark.django_db
PLANS, RAMPS = "admin:flags_plannedchange_changelist", "admin:flags_ramp_changelist"
ROLES = ("Flag viewer", "Flag editor", "Flag approver", "Product manager", "Moderator", None)
LOOK = {"Flag viewer", "Flag editor", "Flag approver", "Product manager", None}
CHANGE = {"Flag editor", "Flag approver", "Product manager", None}
APPROVE = {"Flag approver", None}
by_role = pytest.mark.parametrize("role", ROLES, ids=str)


def plan(by: Staff | None, flag: str = DANGEROUS, **fields: Any) -> PlannedChange:
    planned = propose(flag, by=by, reason="the fair begins", **(fields or {"everyone": False}))
    assert isinstance(planned, PlannedChange)
    return planned


def ramp_of(flag: str, by: Staff | None = None, *guardrails: Guardrail, min_members: int = 0) -> Ramp:
    design = Design(read_steps(["5 % for 1 day", "50 % for 3 hours"]), guardrails, min_members=min_members)
    return ramps.start_ramp(flag, by=by, reason="the new chat", design=design)


def page(row: PlannedChange | Ramp) -> str:
    return reverse(f"admin:flags_{row._meta.model_name}_change", args=[row.pk])


def press(client: Client, row: PlannedChange | Ramp, verb: str, reason: str = "because") -> Any:
    url = reverse(f"admin:flags_{row._meta.model_name}_act", args=[row.pk, verb])
    return client.post(url, {"reason": reason}, follow=True)


# ---- Each role, each page and button, typed addresses included


@by_role
def test_it_shows_planned_changes_and_ramps_to_who_may_see_flags(role: str | None, hire: Hire, new_chat: str) -> None:
    rows = (plan(None), ramp_of(new_chat))
    client = browser(hire("somebody", role))

    for url in (reverse(PLANS), reverse(RAMPS), *map(page, rows)):
        assert client.get(url).status_code == (200 if role in LOOK else 403), url


@by_role
@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_it_lets_only_approvers_decide(role: str | None, verb: str, hire: Hire, maria: Staff, open_doors: str) -> None:
    client = browser(hire("somebody", role))
    for row in (plan(maria), ramp_of(open_doors, maria)):
        answer = press(client, row, verb)

        row.refresh_from_db()
        assert answer.status_code == (200 if role in APPROVE else 403)
        assert row.is_waiting == (role not in APPROVE)
        shown = client.get(page(row))
        assert shown.status_code != 200 or not row.is_waiting or "/do/approve/" not in shown.content.decode()


@by_role
@pytest.mark.parametrize(
    ("verb", "becomes"),
    [("pause", "paused"), ("stop", "stopped"), ("roll-back", "rolled_back")],
)
def test_it_lets_only_editors_steer_a_ramp(
    role: str | None, verb: str, becomes: str, hire: Hire, new_chat: str
) -> None:
    ramp = ramp_of(new_chat)
    client = browser(hire("somebody", role))

    answer = press(client, ramp, verb)

    ramp.refresh_from_db()
    assert answer.status_code == (200 if role in CHANGE else 403)
    assert ramp.status == (becomes if role in CHANGE else "running")
    assert LogEntry.objects.count() == (role in CHANGE)


@by_role
def test_it_lets_only_editors_withdraw_what_nobody_signed_in_has_planned(role: str | None, hire: Hire) -> None:
    planned = plan(None)

    answer = press(browser(hire("somebody", role)), planned, "withdraw")

    planned.refresh_from_db()
    assert answer.status_code == (200 if role in CHANGE else 403)
    assert planned.is_waiting == (role not in CHANGE)


@by_role
def test_it_lets_only_editors_start_a_ramp(role: str | None, hire: Hire, new_chat: str) -> None:
    client = browser(hire("somebody", role))
    may = role in CHANGE

    assert client.get(reverse("admin:flags_ramp_add")).status_code == (200 if may else 403)
    assert send(client, new_chat).status_code == (302 if may else 403)
    assert Ramp.objects.count() == may


@by_role
@pytest.mark.parametrize("model", ["plannedchange", "ramp"])
def test_it_lets_nobody_write_them_by_hand(role: str | None, model: str, hire: Hire, new_chat: str) -> None:
    row = plan(None) if model == "plannedchange" else ramp_of(new_chat)
    client = browser(hire("somebody", role))

    assert client.get(reverse(f"admin:flags_{model}_delete", args=[row.pk])).status_code == 403
    client.post(reverse(f"admin:flags_{model}_changelist"), {"action": "delete_selected", "_selected_action": [row.pk]})
    client.post(page(row), {"status": "applied", "reason": "mine"})
    kept = type(row).objects.get(pk=row.pk)
    assert (kept.status, kept.reason) == (row.status, row.reason)
    if model == "plannedchange":
        assert client.get(reverse("admin:flags_plannedchange_add")).status_code == 403


def test_it_takes_no_click_from_another_site_and_no_link(otto: Staff, maria: Staff) -> None:
    planned = plan(maria)

    assert press(browser(otto, enforce_csrf_checks=True), planned, "approve").status_code == 403
    client = browser(otto)
    url = reverse("admin:flags_plannedchange_act", args=[planned.pk, "approve"])
    assert client.get(url).status_code == 405
    assert press(client, planned, "apply").status_code == 404
    planned.refresh_from_db()
    assert planned.is_waiting


# ---- A planned change


def test_it_shows_the_second_person_what_why_and_for_how_many(maria: Staff, otto: Staff) -> None:
    member("Ann")
    planned = plan(maria)

    answer = browser(otto).get(page(planned))

    shown = answer.content.decode()
    for words in ("the fair begins", "maria", "everyone: – → no", "/do/approve/", "/do/refuse/"):
        assert words in shown
    assert (answer.context["before"].included, answer.context["after"].included) == (1, 0)
    assert "/do/withdraw/" not in shown


@pytest.mark.parametrize("role", ["Flag approver", None], ids=str)
def test_it_says_why_nobody_approves_their_own(role: str | None, hire: Hire) -> None:
    alone = hire("alone", role)
    planned = plan(alone)
    client = browser(alone)

    shown = client.get(page(planned)).content.decode()
    refused = press(client, planned, "approve").content.decode()

    assert "you asked for the change yourself" in shown
    assert "/do/approve/" not in shown
    assert "/do/withdraw/" in shown
    assert "a second person has to decide" in refused
    assert not history(DANGEROUS).exists()


def test_it_shows_each_what_waits_for_them(maria: Staff, otto: Staff, clock: Clock) -> None:
    theirs, own = plan(maria), plan(otto, "bot.contact_exchange")
    timed = plan(maria, "bot.notes", percent=5, due_at=clock.now + timedelta(days=1))
    closed = plans.withdraw(plan(maria, percent=5).pk, by=maria)

    def listed(person: Staff, stage: str) -> set[Any]:
        answer = browser(person).get(f"{reverse(PLANS)}?stage={stage}")
        return {row.pk for row in answer.context["cl"].result_list}

    assert listed(otto, "mine") == {theirs.pk}
    assert listed(maria, "mine") == set()
    assert listed(maria, "approval") == {theirs.pk, own.pk}
    assert listed(maria, "scheduled") == {timed.pk}
    assert listed(maria, "closed") == {closed.pk}


def test_it_shows_why_it_was_refused(maria: Staff, otto: Staff) -> None:
    planned = plan(maria)
    assert "say why it is refused" in press(browser(otto), planned, "refuse", " ").content.decode()

    press(browser(otto), planned, "refuse", "not <b>before</b> the fair")

    shown = browser(maria).get(page(planned)).content.decode()
    assert "not &lt;b&gt;before&lt;/b&gt; the fair" in shown


# ---- A ramp


def send(client: Client, flag: str, **fields: str) -> Any:
    form = {
        "flag": flag,
        "steps": "5 % for 1 day\n50 % for 1 day",
        "window_hours": "24",
        "min_members": "10",
        "reason": "the new chat",
        "bound_report": "20",
    }
    return client.post(reverse("admin:flags_ramp_add"), {**form, **fields})


def test_it_starts_a_ramp(maria: Staff, new_chat: str) -> None:
    client = browser(maria)
    form = client.get(f"{reverse('admin:flags_ramp_add')}?flag={new_chat}&preset=hourly").context["form"]
    assert (form["flag"].value(), form["steps"].value().splitlines()[1]) == (new_chat, "25 % for 1 hour")

    answer = send(client, new_chat)

    ramp = Ramp.objects.get()
    assert answer["Location"] == page(ramp)
    assert (ramp.by_id, ramp.min_members, ramp.path) == (maria.pk, 10, "5 % → 50 %")
    assert ramp.guardrails == [{"metric": "report", "bound_percent": "20"}]
    assert LogEntry.objects.get().user_id == maria.pk


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"steps": "some"}, "is no step such as"),
        ({"steps": "50 % for 1 day\n5 % for 1 day"}, "more per cent than the one before"),
        ({"bound_like": "100"}, "from 0 to 99"),
        ({"reason": ""}, "required"),
        ({"flag": "bot.notes"}, "100 % have it already"),
        ({"flag": "nwe_chat"}, "not one of the available choices"),
    ],
)
def test_it_says_what_is_wrong_and_starts_nothing(
    maria: Staff, new_chat: str, fields: dict[str, str], says: str
) -> None:
    answer = send(browser(maria), **{"flag": new_chat, **fields})

    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Ramp.objects.exists()


def test_it_shows_how_far_a_ramp_is_and_what_it_waits_for(maria: Staff, new_chat: str, clock: Clock) -> None:
    ramp = ramp_of(new_chat, maria, Guardrail(Metric.REPORT, Decimal(20)), min_members=40)
    observe(RampStep.objects.get(), "with", 40, did=2, at=clock.now - timedelta(days=1))
    observe(RampStep.objects.get(), "without", 3, did=1, at=clock.now - timedelta(days=1))
    clock.forward(hours=21)

    shown = " ".join(browser(maria).get(page(ramp)).content.decode().replace("\xa0", " ").split())

    for words in (
        "Now 5 %",
        "Next 50 % in 3 hours",
        "Waits for 37 more observed members without it",
        "2 / 40",
        "1 / 3",
        "too early to say",
        "+20 %",
    ):
        assert words in shown, words
    assert "more observed members with it" not in shown


def test_it_tells_on_the_page_and_with_the_flag_that_a_ramp_was_rolled_back(
    maria: Staff, new_chat: str, clock: Clock
) -> None:
    ramp = ramp_of(new_chat, maria, Guardrail(Metric.REPORT, Decimal(20)))
    observe(RampStep.objects.get(), "with", 400, did=160, at=clock.now - timedelta(days=1))
    observe(RampStep.objects.get(), "without", 400, did=60, at=clock.now - timedelta(days=1))
    ramps.advance_ramps()

    assert "160 of 400 with the flag" in browser(maria).get(page(ramp)).content.decode()
    assert notices(new_chat).ramp == ramp
    clock.forward(days=4)
    assert notices(new_chat).ramp is None


def test_it_says_when_a_button_comes_too_late(maria: Staff, new_chat: str) -> None:
    ramp = ramp_of(new_chat)
    ramps.stop(ramp.pk, by=None, reason="enough")

    assert "the ramp is stopped" in press(browser(maria), ramp, "pause").content.decode()


def test_it_asks_the_database_little(
    maria: Staff, new_chat: str, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    ramp = ramp_of(new_chat, maria, Guardrail(Metric.REPORT, Decimal(20)))
    for number in range(5):
        plan(None, percent=number)
    client = browser(maria)

    with django_assert_max_num_queries(6):
        client.get(reverse(PLANS))
    with django_assert_max_num_queries(14):
        client.get(page(ramp))
