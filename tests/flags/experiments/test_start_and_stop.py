"""The buttons that start and stop an experiment, and what they ask first."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment
from apps.flags.services import change
from apps.users.models import Staff
from tests.factories import member
from tests.flags.conftest import Define
from tests.flags.experiments.conftest import Design
from tests.flags.experiments.pages import ADD, at, press, typed, words
from tests.staff import browser

pytestmark = pytest.mark.django_db


def test_it_asks_before_it_starts_and_says_what_will_be_told_to_whom(
    maria: Staff, draft: Design, running: Design
) -> None:
    for number in range(10):
        member(f"Ann {number}")
    other = running(flag="bot.notes", layer="deck", share=30)
    study = draft(layer="deck", share=40)

    answer = browser(maria).get(at("start", study))

    shown = words(answer)
    assert services.fingerprint(Experiment.objects.get(pk=study.pk)) in shown
    assert [(each.variant, each.answer, each.members) for each in answer.context["told"]] == [
        ("old", "off", 2),
        ("new", "on", 2),
    ]
    assert "Layer deck has 70 % left, and this wants 40 %." in shown
    assert other.name in shown
    assert "as before: no one (default)" in shown
    assert "Yes, start it" in shown
    assert Experiment.objects.get(pk=study.pk).status == "draft"


def test_it_says_beforehand_what_is_in_the_way(maria: Staff, draft: Design, new_deck: str) -> None:
    study = draft()
    seen = services.fingerprint(Experiment.objects.get())
    change(new_deck, by=None, reason="the fair", killed=True)

    shown = words(browser(maria).get(at("start", study)))

    assert "new_deck is killed" in shown
    assert "Yes, start it" not in shown
    assert "new_deck is killed" in words(press(browser(maria), study, "start", seen=seen))


def test_it_starts_and_leads_to_the_results(maria: Staff, new_deck: str) -> None:
    client = browser(maria)
    answer = client.post(reverse(ADD), typed(_start="1"), follow=True)
    study = Experiment.objects.get()
    assert answer.redirect_chain[-1][0] == at("start", study)

    answer = press(client, study, "start", seen=answer.context["fingerprint"])

    study.refresh_from_db()
    assert (study.status, study.started_by_id) == ("running", maria.pk)
    assert answer.redirect_chain[-1][0] == at("results", study)
    assert "members are told their variants from now on" in words(answer)


@pytest.mark.parametrize("seen", ["", "of another design"])
def test_it_does_not_start_what_was_not_looked_at(maria: Staff, draft: Design, seen: str) -> None:
    study = draft()

    answer = press(browser(maria), study, "start", seen=seen)

    assert "has been changed meanwhile" in words(answer)
    study.refresh_from_db()
    assert study.status == "draft"
    assert not LogEntry.objects.exists()


def test_it_starts_once_and_stops_once(maria: Staff, draft: Design) -> None:
    study, client = draft(), browser(maria)
    seen = services.fingerprint(Experiment.objects.get())
    press(client, study, "start", seen=seen)

    assert "has been started already" in words(press(client, study, "start", seen=seen))
    assert client.get(at("start", study))["Location"] == at("results", study)
    assert "needs a reason" in words(press(client, study, "stop", reason=" "))
    assert "It has ended" in words(press(client, study, "stop", reason="seen <b>enough</b>"))
    assert "does not run" in words(press(client, study, "stop"))
    assert "seen &lt;b&gt;enough&lt;/b&gt;" in words(client.get(at("results", study)))


def test_it_needs_a_second_person_on_a_dangerous_flag(maria: Staff, otto: Staff, draft: Design, define: Define) -> None:
    define("open_doors", dangerous=True)
    study = services.save_draft(draft(flag="open_doors"), by=maria)
    Experiment.objects.update(created_by=maria)
    seen = services.fingerprint(Experiment.objects.get())

    alone = words(browser(maria).get(at("start", study)))
    assert "somebody else than who made the draft" in alone
    assert "Yes, start it" not in alone
    assert "somebody else than who made the draft" in words(press(browser(maria), study, "start", seen=seen))

    press(browser(otto), study, "start", seen=seen)
    study.refresh_from_db()
    assert (study.status, study.started_by_id) == ("running", otto.pk)


def test_it_makes_who_changes_somebody_elses_draft_the_one_who_made_it(
    maria: Staff, otto: Staff, define: Define
) -> None:
    define("open_doors", dangerous=True)
    browser(maria).post(reverse(ADD), typed(flag="open_doors"))
    study = Experiment.objects.get()

    browser(otto).post(at("change", study), typed(flag="open_doors", share="50"))

    seen = services.fingerprint(Experiment.objects.get())
    assert "somebody else than who made the draft" in words(press(browser(otto), study, "start", seen=seen))
    press(browser(maria), study, "start", seen=seen)
    study.refresh_from_db()
    assert study.started_by_id == maria.pk


def test_it_leaves_the_draft_to_who_made_it_when_another_saves_it_unchanged(
    maria: Staff, otto: Staff, new_deck: str
) -> None:
    browser(maria).post(reverse(ADD), typed())
    browser(otto).post(at("change", Experiment.objects.get()), typed())

    assert Experiment.objects.get().created_by_id == maria.pk
