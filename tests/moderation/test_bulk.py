"""Several cases decided alike: one batch, held when it restricts somebody, and taken back as one."""

import re
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.models import Case, Decision
from apps.moderation.services import claim, file_report
from apps.notifications.models import Delivery
from apps.users.models import Staff, User
from tests.factories import member
from tests.moderation.conftest import decide, reason
from tests.staff import Hire, browser

QUEUE, BULK = "admin:moderation_case_changelist", "admin:moderation_case_bulk"
LOG = "admin:moderation_decision_changelist"


@pytest.fixture
def cases(ann: User) -> list[Case]:
    found = [file_report(ann, member(name, bio="Coins"), reason="spam").case for name in ("Cid", "Dot", "Eve")]
    return [case for case in found if case]


def stamps(cases: list[Case]) -> dict[object, str]:
    return {case.pk: Case.objects.get(pk=case.pk).stamp for case in cases}


def posted(cases: list[Case], action: str, **more: object) -> dict[str, object]:
    """As the page sends it that was opened now."""
    seen = [f"{key}:{stamp}" for key, stamp in stamps(cases).items()]
    return {"action": action, "reason": str(reason().pk), "seen": seen, **more}


def act_on_batch(client: Client, action: str) -> str:
    decisions = Decision.objects.filter(batch__isnull=False)
    form = {"action": action, "_selected_action": [str(decision.pk) for decision in decisions]}
    batch = decisions.values_list("batch", flat=True).distinct().get()
    return client.post(f"{reverse(LOG)}?batch={batch}", form, follow=True).content.decode()


def test_it_asks_what_to_do_with_the_chosen_cases(cases: list[Case], mona: Staff) -> None:
    form = {"action": "decide_all", "_selected_action": [str(case.pk) for case in cases]}
    page = browser(mona).post(reverse(QUEUE), form).content.decode()
    assert all(name in page for name in ("Cid", "Dot", "Eve"))
    assert re.findall(r'name="action" value="(\w+)"', page) == [
        "dismiss",
        "warn",
        "edit_bio",
        "limit",
        "suspend",
        "ban",
    ]
    assert page.count("waits for a second moderator") == 4
    assert page.count('name="seen"') == 3


def test_it_warns_all_of_them_at_once(cases: list[Case], mona: Staff) -> None:
    answer = browser(mona).post(reverse(BULK), posted(cases, "warn", words="Stop it"), follow=True).content.decode()
    assert "3 decided: Warn." in answer
    assert set(Decision.objects.values_list("action", "is_held", "template__letter")) == {("warn", False, "s")}
    assert Decision.objects.values("batch").distinct().count() == 1
    assert Delivery.objects.filter(key__startswith="statement:").count() == 3
    assert LogEntry.objects.filter(change_message__contains="decided: warn, batch").count() == 3


def test_it_holds_what_restricts_until_somebody_else_approves(cases: list[Case], mona: Staff, sena: Staff) -> None:
    answer = browser(mona).post(reverse(BULK), posted(cases, "suspend", hours="24"), follow=True).content.decode()
    assert "They wait for a second moderator." in answer
    assert not User.objects.filter(suspended_until__isnull=False).exists()
    assert "3 done." in act_on_batch(browser(sena), "release_all")
    assert User.objects.filter(suspended_until__isnull=False).count() == 3
    assert "3 undone." in act_on_batch(browser(sena), "undo_all")
    assert not User.objects.filter(suspended_until__isnull=False).exists()
    assert Case.objects.filter(status="open").count() == 3


def test_it_approves_nothing_whose_time_is_over_already(cases: list[Case], mona: Staff, sena: Staff) -> None:
    browser(mona).post(reverse(BULK), posted(cases, "limit", hours="24"))
    tomorrow = timezone.now() + timedelta(hours=25)
    with patch("django.utils.timezone.now", lambda: tomorrow):
        decisions = Decision.objects.values_list("pk", flat=True)
        done, refused = services.release_all(decisions, by=sena)
    assert (len(done), len(refused)) == (0, 3)
    assert "Its time is over already" in str(refused[0])


def test_it_lets_nobody_approve_their_own_batch(cases: list[Case], sena: Staff) -> None:
    browser(sena).post(reverse(BULK), posted(cases, "ban"))
    assert "You decided this yourself" in act_on_batch(browser(sena), "release_all")
    assert not User.objects.filter(banned_at__isnull=False).exists()


def test_it_puts_a_refused_batch_back_into_the_queue(cases: list[Case], mona: Staff, sena: Staff) -> None:
    browser(mona).post(reverse(BULK), posted(cases, "ban"))
    assert "3 done." in act_on_batch(browser(sena), "refuse_all")
    assert Case.objects.filter(status="open").count() == 3


def test_it_leaves_out_what_has_changed_or_is_somebody_elses(
    cases: list[Case], ann: User, mona: Staff, milo: Staff
) -> None:
    decided, busy, free = cases
    form = posted(cases, "warn")
    decide(decided, milo, "dismiss")
    claim(busy.pk, by=milo)
    answer = browser(mona).post(reverse(BULK), form, follow=True).content.decode()
    assert "1 decided: Warn." in answer
    assert "milo was first" in answer
    assert "milo is working on this case" in answer
    assert Decision.objects.get(action="warn").case == free


def test_it_takes_no_measure_that_is_about_one_photo(cases: list[Case], mona: Staff) -> None:
    answer = browser(mona).post(reverse(BULK), posted(cases, "hide_photo"), follow=True).content.decode()
    assert "Photos are hidden case by case." in answer
    assert not Decision.objects.exists()


@pytest.mark.parametrize("role", [None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager"])
def test_it_is_for_those_who_decide(cases: list[Case], hire: Hire, role: str | None) -> None:
    answer = browser(hire("visitor", role)).post(reverse(BULK), posted(cases, "dismiss"))
    may = role in (None, "Moderator", "Senior moderator")
    assert answer.status_code == (302 if may else 403)
    assert Decision.objects.exists() == may


def test_it_offers_no_shadow_limit_to_who_has_no_right_to_it(
    cases: list[Case], mona: Staff, sena: Staff, django_assert_max_num_queries: Callable[..., object]
) -> None:
    __, done, refused = services.decide_all(
        stamps(cases),  # type: ignore[arg-type]
        by=mona,
        order=Order("shadow_limit", template_id=reason().pk, hours=24),
    )
    assert (len(done), len(refused)) == (0, 3)
    form = {"action": "decide_all", "_selected_action": [str(case.pk) for case in cases]}
    assert 'value="shadow_limit"' in browser(sena).post(reverse(QUEUE), form).content.decode()
