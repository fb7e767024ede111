"""What a lead of moderation sees each morning: every number against cases whose fate is known."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.moderation.dashboard.charts import decided, depth
from apps.moderation.dashboard.figures import Accuracy, Figures, Reporters, read_figures
from apps.moderation.decisions import services
from apps.moderation.decisions.appeals import decide_appeal, file_appeal
from apps.moderation.models import Case, Report
from apps.moderation.services import file_report
from apps.users.models import Staff, User
from tests.factories import member
from tests.moderation.conftest import decide, fresh
from tests.staff import Hire, browser

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
DASHBOARD = "admin:moderation_dashboard"


def made(
    ann: User, name: str, *, opened: float, closed: float | None = None, due: float = 0.5, why: str = "spam"
) -> Case:
    """A case about somebody new; times are days before now."""
    case = file_report(ann, member(name), reason=why).case
    assert case
    Case.objects.filter(pk=case.pk).update(
        opened_at=NOW - timedelta(days=opened),
        due_at=NOW - timedelta(days=due),
        closed_at=None if closed is None else NOW - timedelta(days=closed),
        status="open" if closed is None else "closed",
    )
    return case


@pytest.fixture
def history(ann: User) -> None:
    made(ann, "Always", opened=200)
    made(ann, "Long ago", opened=100, closed=50)
    made(ann, "In time", opened=3.1, closed=2.1, due=1)
    made(ann, "Late", opened=3.2, closed=1.1, due=2)
    made(ann, "New", opened=0.1, due=-1)


def figures(days: int = 30) -> Figures:
    return read_figures(days, NOW)


def test_it_counts_what_was_undecided_at_the_end_of_each_day(history: None) -> None:
    last_days = [(each.opened, each.in_time, each.late, each.depth) for each in figures().moments[-4:]]
    assert last_days == [(2, 0, 0, 3), (0, 1, 0, 2), (0, 0, 1, 1), (1, 0, 0, 2)]
    assert figures().moments[0].depth == 1
    assert figures(90).moments[0].depth == 2
    assert len(figures(90).moments) == 90


def test_it_agrees_with_a_count_of_each_hour_one_by_one(history: None) -> None:
    moments = figures(7).moments
    assert len(moments) == 6 * 24 + 16
    for each in moments[:-1]:
        end = each.start + timedelta(hours=1)
        open_then = Case.objects.filter(opened_at__lt=end).exclude(closed_at__lt=end)
        assert each.depth == open_then.count(), each.start


def test_it_counts_what_was_late(history: None) -> None:
    assert (figures().closed, figures().late, figures().late_percent) == (2, 1, 50)
    assert (figures().now.open, figures().now.overdue) == (2, 1)


def test_it_counts_decisions_by_kind_and_moderator_and_how_many_were_reversed(
    ann: User, mona: Staff, milo: Staff, sena: Staff
) -> None:
    cases = [file_report(ann, member(name), reason="spam").case for name in ("Cid", "Dot", "Eve", "Flo")]
    warned, banned, undone, dismissed = (case for case in cases if case)
    decide(warned, mona, "warn")
    appeal = file_appeal(fresh(banned.member), decide(banned, mona, "ban").pk, "No")  # type: ignore[arg-type]
    decide_appeal(appeal.pk, by=sena, overturn=True, words="Right")
    services.undo(decide(undone, milo, "warn").pk, by=milo)
    decide(dismissed, milo, "dismiss")
    found = read_figures(7, datetime.now(UTC))
    kinds = {work.name: (work.made, work.undone, work.appealed, work.overturned) for work in found.by_kind}
    assert kinds == {"Dismiss": (1, 0, 0, 0), "Warn": (2, 1, 0, 0), "Ban": (1, 1, 1, 1)}
    people = {work.name: (work.made, work.undone, work.overturned) for work in found.by_moderator}
    assert people == {"mona": (2, 1, 1), "milo": (2, 1, 0)}
    assert found.all_work.reversal_percent == 50


def test_it_tells_how_right_reporters_are(ann: User, bob: User, mona: Staff) -> None:
    for number, (who, outcome) in enumerate([(ann, "upheld")] * 4 + [(bob, "dismissed")] * 3 + [(bob, "pending")]):
        report = file_report(who, member(f"Cid {number}"), reason="spam")
        Report.objects.filter(pk=report.pk).update(outcome=outcome)
    found = read_figures(7, datetime.now(UTC))
    assert found.accuracy == [Accuracy("Spam or scam", 8, 4, 3)]
    assert found.accuracy[0].percent == 57
    assert found.reporters == Reporters(mostly_right=1, mixed=0, mostly_wrong=1)


def test_it_draws_what_it_counts(history: None) -> None:
    picture = depth(figures())
    assert [tick.label for tick in picture.amounts] == ["0", "1", "2", "3"]
    assert picture.line.split()[-1] == "629.3,66.7"  # two of three, in the last of thirty places
    assert "the most were 3" in picture.in_words
    bars = decided(figures(7)).bars
    assert len(bars) == 7
    assert [bar.late[1] > 0 for bar in bars][-2:] == [True, False]


def test_it_shows_empty_days_as_such(sena: Staff) -> None:
    page = browser(sena).get(reverse(DASHBOARD), {"days": "7"}).content.decode()
    assert "Nothing was decided in these days." in page
    assert "Nobody has reported anything in these days." in page


@pytest.mark.parametrize(("asked", "days"), [("7", 7), ("90", 90), ("", 30), ("8", 30), ("x", 30)])
def test_it_shows_one_of_three_ranges_in_few_queries(
    history: None, sena: Staff, asked: str, days: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = browser(sena)
    client.get(reverse(DASHBOARD))
    with django_assert_max_num_queries(13), patch("django.utils.timezone.now", lambda: NOW):
        page = client.get(reverse(DASHBOARD), {"days": asked})
    assert page.context["figures"].days == days
    assert page.content.decode().count("<tr><td>") == days


@pytest.mark.parametrize(
    ("role", "status"),
    [(None, 200), ("Senior moderator", 200), ("Analyst", 200), ("Moderator", 403), ("Policy editor", 403)],
)
def test_it_is_open_to_leads_and_analysts(hire: Hire, role: str | None, status: int) -> None:
    client = browser(hire("visitor", role))
    assert client.get(reverse(DASHBOARD)).status_code == status
    assert ("At a glance" in client.get(reverse("admin:index")).content.decode()) == (status == 200)
