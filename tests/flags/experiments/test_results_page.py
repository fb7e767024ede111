"""What the page of an experiment's results shows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment, Metric
from apps.users.models import Staff
from tests.flags.experiments.conftest import Design
from tests.flags.experiments.pages import at, words
from tests.flags.experiments.test_results import DAY, expose
from tests.staff import Hire, browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(draft: Design) -> Experiment:
    """Two weeks old, with 2,800 members in each arm of whom the new deck gave half as many again a match."""
    study = draft(also_watched=[Metric.BLOCK], window_days=3)
    Experiment.objects.update(started_at=timezone.now() - 14 * DAY, slots=[(0, 1000)])
    for age in range(14):
        expose(study, "old", 200, at=timezone.now() - age * DAY, match=40, block=4)
        expose(study, "new", 200, at=timezone.now() - age * DAY, match=60, block=15)
    study.refresh_from_db()
    return study


def test_it_says_first_what_was_found_and_what_does_harm(maria: Staff, study: Experiment) -> None:
    answer = browser(maria).get(at("results", study))

    shown, report = words(answer), answer.context["report"]
    assert (report.tone, report.verdict.startswith("new is better: +50 %")) == ("success", True)
    assert shown.index("new is better") < shown.index("new does harm") < shown.index("How far it is")
    for said in (
        "2,800",  # exposed, of each
        "Members are split as designed",
        "the chance that it would be found by now",
        "You may look every day",
        "30.0 %",
        "&lt; 0.001",
    ):
        assert said in shown, said
    assert [row.count.observed + row.count.in_progress for row in report.variants] == [2800, 2800]


def test_it_draws_the_way_of_the_lift_and_says_the_same_in_numbers(maria: Staff, study: Experiment) -> None:
    answer = browser(maria).get(at("results", study))

    (chart,) = answer.context["report"].charts
    shown = words(answer)
    assert len(chart.rows) == len(chart.line.split()) == len(chart.band.split()) / 2 > 7
    assert 0 < chart.zero < 200
    assert '<svg viewBox="-56 -24 724 252" role="img"' in shown
    assert "<title id=" in shown
    assert all(row.interval in shown for row in chart.rows)


def test_it_draws_one_picture_for_each_treatment(maria: Staff, running: Design) -> None:
    variants = [{"name": name, "weight": 1, "value": name != "a"} for name in "abc"]
    study = running(variants=variants, window_days=1)
    for age in range(2, 6):
        for name in "abc":
            expose(study, name, 300, at=timezone.now() - age * DAY, match=60)

    charts = browser(maria).get(at("results", study)).context["report"].charts

    assert [chart.variant for chart in charts] == ["b", "c"]
    assert charts[0].lifts == charts[1].lifts


def test_it_has_something_to_show_before_anybody_was_exposed(maria: Staff, running: Design) -> None:
    shown = words(browser(maria).get(at("results", running())))

    assert "Too early to say: 0 of about" in shown
    assert "A chart over time is drawn as soon as two days can be compared." in shown
    assert "Nobody has come in lately" in shown


def test_it_warns_when_members_are_not_split_as_designed(maria: Staff, running: Design) -> None:
    study = running()
    expose(study, "old", 5000, at=timezone.now() - 8 * DAY, match=1000)
    expose(study, "new", 4400, at=timezone.now() - 8 * DAY, match=1400)

    shown = words(browser(maria).get(at("results", study)))

    assert "mm-verdict-danger" in shown
    assert "Members are not split as designed (p: &lt; 0.001)" in shown


def test_it_writes_numbers_as_people_do_elsewhere(maria: Staff, study: Experiment) -> None:
    with translation.override("es"):
        shown = words(browser(maria).get(at("results", study), headers={"accept-language": "es"}))

    assert "30,0 %" in shown
    assert 'cx="640.0"' in shown  # but not in a picture


def test_it_leads_from_a_draft_without_results_to_the_draft(maria: Staff, draft: Design) -> None:
    study = draft()
    assert browser(maria).get(at("results", study))["Location"] == at("change", study)


def test_it_shows_the_button_to_stop_only_to_who_may(maria: Staff, hire: Hire, study: Experiment) -> None:
    button = "/do/stop/"
    assert button in words(browser(maria).get(at("results", study)))
    assert button not in words(browser(hire("vera", "Flag viewer")).get(at("results", study)))
    services.stop(study, by=None, reason="enough")
    assert button not in words(browser(maria).get(at("results", study)))


def test_it_does_not_call_it_early_once_it_was_stopped(maria: Staff, running: Design) -> None:
    study = services.stop(running(), by=maria, reason="the flag goes")

    shown = words(browser(maria).get(at("results", study)))

    assert "It was stopped before anything could be said." in shown
    assert "Too early" not in shown


def test_it_asks_the_database_little_however_many_were_exposed(maria: Staff, study: Experiment) -> None:
    client = browser(maria)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(at("results", study))
        return len(asked)

    before = queries()
    expose(study, "old", 5000, at=timezone.now() - 5 * DAY, match=900)
    assert queries() == before <= 8
