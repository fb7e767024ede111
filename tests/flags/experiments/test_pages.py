"""The pages of experiments, as each role finds them."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment
from apps.flags.models import Flag
from apps.users.models import Staff
from tests.flags.experiments.conftest import Design
from tests.flags.experiments.pages import ADD, LIST, at, press, typed, words
from tests.staff import Hire, browser

pytestmark = pytest.mark.django_db
ROLES = ("Flag viewer", "Flag editor", "Flag approver", "Product manager", "Moderator", None)
LOOK = {"Flag viewer", "Flag editor", "Flag approver", "Product manager", None}
CHANGE = {"Flag editor", "Flag approver", "Product manager", None}
by_role = pytest.mark.parametrize("role", ROLES, ids=str)


# ---- Each role, each page and button, typed addresses included


@by_role
def test_it_shows_experiments_to_who_may_see_flags(
    role: str | None, hire: Hire, draft: Design, running: Design
) -> None:
    client = browser(hire("somebody", role))
    unstarted, study = draft(flag="bot.notes"), running()

    for url in (reverse(LIST), at("change", unstarted), at("change", study), at("results", study)):
        assert client.get(url).status_code == (200 if role in LOOK else 403), url


def test_it_sends_whoever_is_not_signed_in_to_the_door(client: Client, running: Design) -> None:
    study = running()
    for url in (reverse(LIST), reverse(ADD), at("change", study), at("start", study), at("results", study)):
        assert client.get(url).headers["Location"].startswith("/admin/login/")
    for url in (reverse(ADD), reverse("admin:flags_experiment_outlook")):
        assert client.post(url, typed()).headers["Location"].startswith("/admin/login/")
    press(client, study, "stop")
    study.refresh_from_db()
    assert study.status == Experiment.Status.RUNNING


@by_role
def test_it_lets_only_editors_draft(role: str | None, hire: Hire, new_deck: str) -> None:
    client = browser(hire("somebody", role))
    may = role in CHANGE

    assert client.get(reverse(ADD)).status_code == (200 if may else 403)
    assert client.post(reverse(ADD), typed()).status_code == (302 if may else 403)
    assert client.post(reverse("admin:flags_experiment_outlook"), typed()).status_code == (200 if may else 403)
    assert Experiment.objects.count() == may
    assert LogEntry.objects.count() == may


@by_role
def test_it_lets_only_editors_change_a_draft(role: str | None, hire: Hire, draft: Design) -> None:
    study = draft()
    client = browser(hire("somebody", role))

    client.post(at("change", study), typed(name="Mine"))

    study.refresh_from_db()
    assert study.name == ("Mine" if role in CHANGE else "experiment 1")
    if role in LOOK - CHANGE:
        assert "<textarea" not in words(client.get(at("change", study)))


@by_role
def test_it_lets_only_editors_start_and_stop(role: str | None, hire: Hire, draft: Design) -> None:
    study = draft()
    client = browser(hire("somebody", role))
    may = role in CHANGE
    seen = services.fingerprint(Experiment.objects.get())

    assert client.get(at("start", study)).status_code == (200 if may else 403)
    assert press(client, study, "start", seen=seen).status_code == (200 if may else 403)
    study.refresh_from_db()
    assert study.status == ("running" if may else "draft")

    if not may:
        services.start(study, by=None)
    assert press(client, study, "stop").status_code == (200 if may else 403)
    study.refresh_from_db()
    assert study.status == ("ended" if may else "running")
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == (
        ["start", "stop: because"] if may else []
    )


@by_role
def test_it_lets_only_editors_delete_a_draft(role: str | None, hire: Hire, draft: Design) -> None:
    study = draft()
    client = browser(hire("somebody", role))

    assert client.get(reverse("admin:flags_experiment_delete", args=[study.pk])).status_code == 403
    client.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [study.pk]})
    assert Experiment.objects.exists()
    assert press(client, study, "discard").status_code == (200 if role in CHANGE else 403)
    assert Experiment.objects.exists() == (role not in CHANGE)


def test_it_takes_no_click_from_another_site_and_no_link(maria: Staff, draft: Design) -> None:
    study = draft()
    strict = browser(maria, enforce_csrf_checks=True)

    assert press(strict, study, "discard").status_code == 403
    assert strict.post(reverse(ADD), typed()).status_code == 403
    url = reverse("admin:flags_experiment_act", args=[study.pk, "start"])
    assert browser(maria).get(url).status_code == 405
    assert press(browser(maria), study, "finish").status_code == 404
    assert browser(maria).get(reverse("admin:flags_experiment_outlook")).status_code == 405
    assert Experiment.objects.get().status == "draft"


# ---- The list, and the page of the flag


def test_it_lists_experiments_by_status(maria: Staff, draft: Design, running: Design) -> None:
    ended = services.stop(running(flag="bot.notes"), by=maria, reason="enough")
    runs, unstarted = running(), draft()

    def listed(query: str = "") -> set[Any]:
        return {row.pk for row in browser(maria).get(f"{reverse(LIST)}{query}").context["cl"].result_list}

    assert listed() == {ended.pk, runs.pk, unstarted.pk}
    assert [listed(f"?status={status}") for status in ("draft", "running", "ended")] == [
        {unstarted.pk},
        {runs.pk},
        {ended.pk},
    ]
    shown = words(browser(maria).get(reverse(LIST)))
    for said in (at("results", runs), at("change", unstarted), "old 1 = off", "got a match", "Running", "maria"):
        assert said in shown, said


def test_it_leads_from_the_flag_to_its_experiment_and_to_a_new_one(hire: Hire, maria: Staff, running: Design) -> None:
    study = running(flag="bot.notes")

    def shown(person: Staff, flag: str) -> str:
        row = Flag.objects.get_or_create(name=flag)[0]
        return words(browser(person).get(reverse("admin:flags_flag_change", args=[row.pk])))

    vera = hire("vera", "Flag viewer")
    new, ramp = f"{reverse(ADD)}?flag=", f"{reverse('admin:flags_ramp_add')}?flag="
    assert at("results", study) in shown(maria, "bot.notes")
    assert at("results", study) in shown(vera, "bot.notes")
    assert new not in shown(maria, "bot.notes")
    assert f"{new}bot.like_notice" in shown(maria, "bot.like_notice")
    assert f"{ramp}bot.like_notice" in shown(maria, "bot.like_notice")
    assert new not in shown(vera, "bot.like_notice")
    assert ramp not in shown(vera, "bot.like_notice")


def test_it_asks_the_database_little_for_the_list(maria: Staff, draft: Design) -> None:
    client = browser(maria)
    for number in range(5):
        services.save_draft(draft(name=f"draft {number}"), by=maria)

    with CaptureQueriesContext(connection) as asked:
        client.get(reverse(LIST))

    assert len(asked) <= 6
