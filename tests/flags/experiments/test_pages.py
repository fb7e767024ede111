"""The pages of experiments, as each role finds them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment, Metric
from apps.flags.models import Flag
from apps.flags.services import change
from apps.users.models import Member, Staff
from tests.factories import member
from tests.flags.conftest import Define
from tests.flags.experiments.conftest import Design
from tests.flags.experiments.test_results import DAY
from tests.staff import Hire, browser

pytestmark = pytest.mark.django_db
LIST, ADD = "admin:flags_experiment_changelist", "admin:flags_experiment_add"
ROLES = ("Flag viewer", "Flag editor", "Flag approver", "Product manager", "Moderator", None)
LOOK = {"Flag viewer", "Flag editor", "Flag approver", "Product manager", None}
CHANGE = {"Flag editor", "Flag approver", "Product manager", None}
by_role = pytest.mark.parametrize("role", ROLES, ids=str)


def at(page: str, study: Experiment) -> str:
    return reverse(f"admin:flags_experiment_{page}", args=[study.pk])


def press(client: Client, study: Experiment, verb: str, **said: str) -> Any:
    url = reverse("admin:flags_experiment_act", args=[study.pk, verb])
    return client.post(url, {"reason": "because", **said}, follow=True)


def typed(**fields: object) -> dict[str, object]:
    """The form of a draft as somebody has filled it in."""
    return {
        "name": "The new deck",
        "flag": "new_deck",
        "hypothesis": "more matches",
        "variants": "old 50 % = off\nnew 50 % = on",
        "segment": "",
        "share": "100",
        "layer": "",
        "metric": "match",
        "also_watched": ["block"],
        "window_days": "7",
        "expected_percent": "20",
        "smallest_lift_percent": "10",
        "seen": "",
        **fields,
    }


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


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


# ---- A draft


def test_it_drafts_in_words(maria: Staff, new_deck: str) -> None:
    answer = browser(maria).post(
        reverse(ADD), typed(segment="language in en, es\nage >= 25", also_watched=["match", "block"], layer="deck")
    )

    study = Experiment.objects.get()
    assert answer["Location"] == at("change", study)
    assert study.created_by_id == maria.pk
    assert study.variants == [
        {"name": "old", "weight": 50, "value": False},
        {"name": "new", "weight": 50, "value": True},
    ]
    assert study.segment == [
        {"attribute": "language", "operator": "in", "value": ["en", "es"]},
        {"attribute": "age", "operator": ">=", "value": 25},
    ]
    assert (study.metric, study.also_watched, study.layer) == (Metric.MATCH, [Metric.BLOCK], "deck")


def test_it_shows_a_draft_in_the_words_in_which_it_was_typed(maria: Staff, new_deck: str) -> None:
    client = browser(maria)
    text = "with words = and % 34 % = off\nnew 33 % = on\nnewer 33 % = on"
    client.post(reverse(ADD), typed(variants=text, segment="age >= 25"))

    form = client.get(at("change", Experiment.objects.get())).context["form"]

    assert (form["variants"].value(), form["segment"].value()) == (text, "age >= 25")


def test_it_takes_the_values_of_a_flag_with_a_value(maria: Staff, deck_size: str) -> None:
    browser(maria).post(reverse(ADD), typed(flag=deck_size, variants="ten 2 = 10\nlarge deck 1 = 20"))

    study = Experiment.objects.get()
    assert [(each["name"], each["weight"], each["value"]) for each in study.variants] == [
        ("ten", 2, 10),
        ("large deck", 1, 20),
    ]
    assert (
        browser(maria).get(at("change", study)).context["form"]["variants"].value() == "ten 2 = 10\nlarge deck 1 = 20"
    )


def test_it_begins_with_what_the_flag_answers_today(maria: Staff, deck_size: str) -> None:
    def begun(flag: str) -> str:
        return str(browser(maria).get(f"{reverse(ADD)}?flag={flag}").context["form"]["variants"].value())

    assert begun("bot.notes") == "control 50 % = on\nother 50 % = off"
    assert begun(deck_size).startswith("control 50 % = 10\n")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"variants": "old = off\nnew 50 % = on"}, "“old = off” is no variant such as “new 50 % = on”"),
        ({"variants": "old 100 % = off"}, "From 2 to 6 variants are compared, not 1."),
        ({"variants": "old 50 % = no\nnew 50 % = on"}, "“no”: this flag answers on or off."),
        ({"variants": "old 10 % = off\nnew 10 % = on"}, "are 20 % together, and not 100 %"),
        ({"variants": "old 0 = off\nnew 1 = on"}, "greater than or equal to 1"),
        ({"variants": "same 50 % = off\nsame 50 % = on"}, "two of them have the same name"),
        ({"flag": "deck_size", "variants": "ten 1 = 10\nmany 1 = 99"}, "must be at most 50"),
        ({"flag": "deck_size", "variants": "ten 1 = 10\nmany 1 = many"}, "is no number such as 10"),
        ({"flag": "nwe_deck"}, "not one of the available choices"),
        ({"segment": "mood is good"}, "Input tag"),
        ({"segment": "happy"}, "is no rule such as"),
        ({"share": "0"}, "greater than or equal to 1"),
        ({"window_days": "61"}, "less than or equal to 60"),
        ({"expected_percent": "60", "smallest_lift_percent": "70"}, "cannot be lifted by"),
        ({"metric": "smiles"}, "not one of the available choices"),
        ({"also_watched": ["smiles"]}, "not one of the available choices"),
        ({"hypothesis": ""}, "required"),
        ({"name": "experiment 1"}, "already exists"),
    ],
)
def test_it_says_what_is_wrong_and_saves_nothing(
    maria: Staff, draft: Design, deck_size: str, fields: dict[str, object], says: str
) -> None:
    draft()

    answer = browser(maria).post(reverse(ADD), typed(**fields))

    assert answer.status_code == 200
    assert says in words(answer)
    assert Experiment.objects.count() == 1


def test_it_saves_nothing_over_what_somebody_else_has_changed(maria: Staff, draft: Design) -> None:
    study = draft()
    client = browser(maria)
    seen = client.get(at("change", study)).context["form"]["seen"].value()
    study.share = 20
    services.save_draft(study, by=None)

    answer = client.post(at("change", study), typed(seen=seen))

    assert "has been changed meanwhile" in words(answer)
    assert Experiment.objects.get().share == 20


def test_it_keeps_the_design_of_what_has_started(maria: Staff, running: Design) -> None:
    study = running()
    client = browser(maria)

    shown = words(client.post(at("change", study), typed(name="Mine")))
    refused = words(press(client, study, "discard"))

    assert Experiment.objects.get().name == study.name
    assert at("results", study) in shown
    assert "its design stays" in refused
    assert Experiment.objects.exists()


def test_it_says_how_many_members_and_days_it_takes(maria: Staff, new_deck: str) -> None:
    now = timezone.now()
    for number in range(60):
        member(f"Ann {number}")
    Member.objects.update(last_active_at=now - 3 * DAY + timedelta(hours=1))
    large = typed(expected_percent="50", smallest_lift_percent="90", window_days="2")
    outlook = reverse("admin:flags_experiment_outlook")
    client = browser(maria)

    enough = client.post(outlook, {**large, "variants": "old 1 = off\nnew 1 = on"}).context["outlook"]
    half = client.post(outlook, {**large, "share": "50"}).context["outlook"]

    assert (enough.listed, enough.fitting, enough.taking_part, half.taking_part) == (60, 60, 60, 30)
    assert enough.days is None
    assert enough.needed > 60
    wrong = words(client.post(outlook, {**large, "variants": "some"}))
    assert "“some” is no variant" in wrong
    assert not Experiment.objects.exists()


def test_it_counts_the_days_by_how_active_members_are(maria: Staff, new_deck: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.flags.experiments.results.members_needed", lambda *_args, **_rates: 4)
    for days in range(1, 6):
        Member.objects.filter(pk=member(f"Ann {days}").pk).update(last_active_at=timezone.now() - days * DAY)
    client = browser(maria)

    def days(**fields: str) -> int | None:
        found = client.post(reverse("admin:flags_experiment_outlook"), typed(window_days="2", **fields))
        return found.context["outlook"].days  # type: ignore[no-any-return]

    assert days() == 5 + 2  # the fourth was here four days and a moment ago
    assert days(share="50") is None  # eight would be needed
    assert days(segment="age >= 99") is None


# ---- The start and the stop


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
