"""Statements of reasons for the DSA Transparency Database: all fields as it wants them, and nothing personal."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from apps.moderation.decisions import services
from apps.moderation.decisions.actions import MEASURES, Order
from apps.moderation.models import Case, Decision, PolicyText, ReasonTemplate, ReasonText
from apps.moderation.services import file_report
from apps.moderation.transparency.export import csv_lines
from apps.moderation.transparency.schema import EEA, FIELDS, Category, Keyword
from apps.users.models import Photo, Staff, User
from apps.users.services import erase
from tests.factories import member
from tests.moderation.conftest import decide, fresh, reason
from tests.staff import Hire, browser

PAGE = "admin:moderation_statements"
Rows = Callable[[], list[dict[str, str]]]


def rows(since: datetime | None = None, until: datetime | None = None) -> list[dict[str, str]]:
    day = timedelta(days=1)
    lines = csv_lines(since or timezone.now() - day, until or timezone.now() + day)
    return list(csv.DictReader(io.StringIO("".join(lines))))


@pytest.fixture
def decided(ann: User, mona: Staff) -> Callable[..., Decision]:
    def make(action: str, letter: str = "s", **order: object) -> Decision:
        about = member("Bob", bio="I sell coins", photos=2, language="es")
        case = file_report(ann, about, reason="spam").case
        assert case
        if action == "hide_photo":
            order["photo_id"] = Photo.objects.filter(user=about)[0].pk
        wanted = Order(action, template_id=reason(letter).pk, words="You, Bob", **order)  # type: ignore[arg-type]
        return services.decide(case.pk, by=mona, seen=Case.objects.get(pk=case.pk).stamp, order=wanted)

    return make


@pytest.mark.parametrize(
    ("action", "order", "field", "value", "content"),
    [
        ("hide_photo", {}, "decision_visibility", '["DECISION_VISIBILITY_CONTENT_DISABLED"]', "CONTENT_TYPE_IMAGE"),
        ("edit_bio", {}, "decision_visibility", '["DECISION_VISIBILITY_CONTENT_REMOVED"]', "CONTENT_TYPE_TEXT"),
        ("limit", {"hours": 24}, "decision_provision", "DECISION_PROVISION_PARTIAL_SUSPENSION", "CONTENT_TYPE_OTHER"),
        ("suspend", {"hours": 72}, "decision_account", "DECISION_ACCOUNT_SUSPENDED", "CONTENT_TYPE_OTHER"),
        ("ban", {}, "decision_account", "DECISION_ACCOUNT_TERMINATED", "CONTENT_TYPE_OTHER"),
    ],
)
def test_it_says_what_was_restricted(
    decided: Callable[..., Decision], action: str, order: dict[str, int], field: str, value: str, content: str
) -> None:
    decision = decided(action, **order)
    (row,) = rows()
    kinds = {"decision_visibility", "decision_provision", "decision_account", "decision_monetary"}
    assert {kind: row[kind] for kind in kinds if row[kind]} == {field: value}
    assert json.loads(row["content_type"]) == [content]
    assert bool(row["content_type_other"]) == (content == "CONTENT_TYPE_OTHER")
    ends = {name: row[name] for name in FIELDS if name.startswith("end_date") and row[name]}
    expected = {"limit": "end_date_service_restriction", "suspend": "end_date_account_restriction"}.get(action)
    assert ends == ({expected: decision.until.date().isoformat()} if expected and decision.until else {})


def test_it_fills_every_field_that_the_database_requires(decided: Callable[..., Decision]) -> None:
    decision = decided("ban")
    (row,) = rows()
    assert tuple(row) == FIELDS
    assert row["decision_ground"] == "DECISION_GROUND_INCOMPATIBLE_CONTENT"
    assert row["incompatible_content_ground"] == "Terms, clause 3: No business"
    assert row["incompatible_content_explanation"].startswith("Another member was asked for money")
    assert row["illegal_content_legal_ground"] == row["illegal_content_explanation"] == ""
    assert (row["category"], row["category_specification"]) == (
        "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
        '["KEYWORD_OTHER"]',
    )
    assert json.loads(row["territorial_scope"]) == EEA
    assert len(EEA) == 30
    assert row["content_language"] == "ES"
    today = datetime.now(UTC).date().isoformat()
    assert row["content_date"] == row["application_date"] == today
    assert row["source_type"] == "SOURCE_TYPE_OTHER_NOTIFICATION"
    assert (row["automated_detection"], row["automated_decision"]) == ("No", "AUTOMATED_DECISION_NOT_AUTOMATED")
    assert row["puid"] == str(decision.pk)
    assert "Another member reported" in row["decision_facts"]


@pytest.mark.parametrize("letter", "fmhtsai")
def test_it_knows_each_reason_of_ours_in_the_words_of_the_schema(decided: Callable[..., Decision], letter: str) -> None:
    decided("edit_bio", letter)
    (row,) = rows()
    assert row["category"] in Category.values
    assert json.loads(row["category_specification"])[0] in Keyword.values


def test_it_tells_of_automatic_decisions_and_of_what_nobody_reported(decided: Callable[..., Decision]) -> None:
    decision = decided("edit_bio")
    decision.case.reports.update(case=None)
    Decision.objects.bulk_create(
        [Decision(case=decision.case, number=9, action="edit_bio", template=decision.template, is_automatic=True)]
    )
    by_hand, automatic = rows()
    assert by_hand["source_type"] == automatic["source_type"] == "SOURCE_VOLUNTARY"
    assert automatic["automated_detection"] == "Yes"
    assert automatic["automated_decision"] == "AUTOMATED_DECISION_FULLY"


def test_it_leaves_out_what_restricts_nobody_or_has_not_taken_effect(
    decided: Callable[..., Decision], sena: Staff
) -> None:
    decided("warn")
    decided("dismiss")
    undone = decided("limit", hours=24)
    services.undo(undone.pk, by=sena)
    User.objects.filter(profile__name="Bob").update(date_joined=timezone.now() - timedelta(days=200))
    with_veteran = member("Old")
    User.objects.filter(pk=with_veteran.pk).update(date_joined=timezone.now() - timedelta(days=200))
    case = file_report(member("Cid"), with_veteran, reason="spam").case
    assert case
    held = decide(case, undone.by, "ban")  # type: ignore[arg-type]
    assert [row["puid"] for row in rows()] == [str(undone.pk)]
    services.release(held.pk, by=sena)
    assert [row["puid"] for row in rows()] == [str(undone.pk), str(held.pk)]
    assert "A second moderator approved" in rows()[1]["decision_facts"]


def test_it_maps_or_leaves_out_every_measure_there_is() -> None:
    from apps.moderation.transparency.export import _RESTRICTION

    assert set(MEASURES) - set(_RESTRICTION) == {"dismiss", "warn", "shadow_limit"}


def test_it_holds_nothing_personal_also_after_erasure(decided: Callable[..., Decision], mona: Staff) -> None:
    decision = decided("ban")
    about = decision.case.member
    assert about
    personal = ["Bob", "Ann", "mona", "coins", str(about.pk), str(about.telegram_id), str(mona.pk)]
    text = "".join(csv_lines(timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)))
    assert [word for word in personal if word in text] == []
    erase(fresh(about))
    (row,) = rows()
    assert row["content_language"] == ""
    assert row["content_date"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_it_lets_no_spreadsheet_run_what_editors_wrote(decided: Callable[..., Decision], start: str) -> None:
    ReasonText.objects.filter(template=reason("s"), language="en").update(text=f"{start}1+1")
    PolicyText.objects.filter(policy=reason("s").policy, language="en").update(title='A, "quoted"\nline')
    decided("ban")
    (row,) = rows()
    assert row["incompatible_content_explanation"] == f"'{start}1+1"
    assert row["incompatible_content_ground"] == 'Terms, clause 3: A, "quoted"\nline'


def test_it_takes_the_days_that_are_asked_for(decided: Callable[..., Decision]) -> None:
    decided("ban")
    tomorrow = timezone.now() + timedelta(days=1)
    assert rows(since=tomorrow, until=tomorrow + timedelta(days=1)) == []


def test_it_reads_any_number_of_statements_in_the_same_queries(
    decided: Callable[..., Decision], django_assert_num_queries: Callable[..., object]
) -> None:
    for _ in range(3):
        decided("ban")
    with django_assert_num_queries(4):  # type: ignore[attr-defined]
        assert len(rows()) == 3


# ---- The ways to it


def test_it_streams_the_file_and_writes_down_who_took_it(decided: Callable[..., Decision], sena: Staff) -> None:
    decided("ban")
    today = datetime.now(UTC).date().isoformat()
    answer = browser(sena).get(reverse(PAGE), {"since": today, "until": today})
    assert answer.streaming
    assert answer["Content-Disposition"] == f'attachment; filename="statements-{today}-{today}.csv"'
    assert b"".join(answer.streaming_content).count(b"\r\n") == 2  # type: ignore[attr-defined]
    assert LogEntry.objects.filter(user=sena, change_message="exported statements of reasons").count() == 1


@pytest.mark.parametrize("query", [{}, {"since": "x", "until": "y"}, {"since": "2026-02-02", "until": "2026-02-01"}])
def test_it_refuses_days_that_are_none(sena: Staff, query: dict[str, str]) -> None:
    assert browser(sena).get(reverse(PAGE), query).status_code == 400


@pytest.mark.parametrize("role", [None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager"])
def test_it_gives_the_file_to_leads_alone(hire: Hire, role: str | None) -> None:
    answer = browser(hire("visitor", role)).get(reverse(PAGE), {"since": "2026-02-01", "until": "2026-02-01"})
    assert answer.status_code == (200 if role in (None, "Senior moderator") else 403)


def test_it_has_a_command_that_writes_the_same(decided: Callable[..., Decision]) -> None:
    decided("ban")
    out, today = io.StringIO(), datetime.now(UTC).date().isoformat()
    call_command("export_statements", "--since", today, "--until", today, stdout=out)
    assert len(list(csv.DictReader(io.StringIO(out.getvalue())))) == 1
    with pytest.raises(CommandError, match="comes after"):
        call_command("export_statements", "--since", "2026-02-02", "--until", "2026-02-01")


def test_it_has_no_reason_without_a_category(db: None) -> None:
    assert not ReasonTemplate.objects.filter(category="").exists()
