"""The page on which an experiment is drafted."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment, Metric
from apps.users.models import Member, Staff
from tests.factories import member
from tests.flags.experiments.conftest import Design
from tests.flags.experiments.pages import ADD, at, press, typed, words
from tests.flags.experiments.test_results import DAY
from tests.staff import browser

pytestmark = pytest.mark.django_db


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
