"""What becomes of a member's report: a case, and evidence that stays as it was."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.conversations.models import Conversation, Message
from apps.matching.models import Match
from apps.moderation import triage
from apps.moderation.models import Case, Evidence, Report
from apps.moderation.services import add_words, adopt_reports, close_cases_of_erased, file_report, purge_evidence
from apps.moderation.triage import Severity
from apps.users import services
from apps.users.models import Photo, Staff, User
from tests.concurrency import at_once
from tests.factories import member
from tests.moderation.conftest import decide


@pytest.fixture
def talk(ann: User, bob: User) -> list[Message]:
    """Thirty messages, Bob's every second."""
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    conversation = Conversation.objects.create(match=Match.objects.create(low=low, high=high))
    start = timezone.now() - timedelta(hours=1)
    return [
        Message.objects.create(
            conversation=conversation,
            sender=bob if number % 2 else ann,
            kind="text",
            text=f"quokka {number}",
            source_message_id=number,
            created_at=start + timedelta(minutes=number),
        )
        for number in range(30)
    ]


def test_it_takes_the_same_report_within_an_hour_for_one(ann: User, bob: User) -> None:
    first = file_report(ann, bob, reason="spam")
    assert file_report(ann, bob, reason="spam") == first
    assert file_report(ann, bob, reason="fake") != first


def test_it_takes_the_same_report_of_another_day_for_a_new_one(ann: User, bob: User) -> None:
    first = file_report(ann, bob, reason="spam")
    Report.objects.update(created_at=first.created_at - timedelta(days=1))
    assert file_report(ann, bob, reason="spam") != first


def test_it_keeps_a_thousand_characters_of_words_encrypted(ann: User, bob: User) -> None:
    report = file_report(ann, bob, reason="spam")
    add_words(report, "wants money " * 200)
    assert len(Report.objects.get().words) == 1000
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM moderation_report")
        assert "money" not in repr(cursor.fetchall())


def test_it_keeps_the_report_when_either_leaves(ann: User, bob: User) -> None:
    file_report(ann, bob, reason="spam")
    services.erase(ann)
    services.erase(bob)
    report = Report.objects.get()
    assert (report.reporter, report.reported) == (None, None)


# ---- Cases


def test_it_puts_all_reports_about_one_member_into_one_case(ann: User, bob: User) -> None:
    file_report(ann, bob, reason="spam")
    file_report(member("Cid"), bob, reason="harassment")
    case = Case.objects.get()
    assert case.report_count == 2
    assert case.severity == Severity.HIGH
    assert case.due_at - case.opened_at < timedelta(hours=9)


def test_it_opens_a_new_case_after_the_last_one_was_closed(case: Case, ann: User, bob: User, mona: Staff) -> None:
    decide(case, mona, "dismiss")
    file_report(ann, bob, reason="fake")
    assert Case.objects.filter(member=bob).count() == 2


def test_it_puts_what_is_grave_and_what_many_report_first(ann: User, db: None) -> None:
    minor, nuisance, liar = member("Mim"), member("Nat"), member("Lou")
    file_report(ann, nuisance, reason="other")
    file_report(ann, liar, reason="fake")
    file_report(ann, minor, reason="underage")
    for name in ("Cid", "Dot", "Eve"):
        file_report(member(name), liar, reason="fake")
    assert [case.member for case in Case.objects.order_by("-priority")] == [minor, liar, nuisance]


def test_it_trusts_reporters_who_were_right_before(ann: User, mona: Staff) -> None:
    troll, victim, other = member("Tod"), member("Vic"), member("Oda")
    decide(file_report(ann, victim, reason="spam").case, mona, "warn")
    decide(file_report(troll, other, reason="spam").case, mona, "dismiss")
    assert file_report(ann, other, reason="spam").accuracy == pytest.approx(2 / 3)
    assert file_report(troll, victim, reason="spam").accuracy == pytest.approx(1 / 3)


def test_it_lets_age_catch_up_with_gravity() -> None:
    now = timezone.now()
    old = triage.stored_priority(Severity.LOW, [0.5], now - timedelta(days=4))
    assert old > triage.stored_priority(Severity.HIGH, [0.5], now)
    assert triage.priority_at(old, now) == pytest.approx(96 + 12 * 0.585, abs=0.1)


def test_it_makes_a_case_of_a_report_that_came_by_another_way(ann: User, bob: User) -> None:
    Report.objects.create(reporter=ann, reported=bob, reason="spam")
    assert adopt_reports() == 1
    assert adopt_reports() == 0
    assert Case.objects.get().report_count == 1
    assert Evidence.objects.get().profile["name"] == "Bob"


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_case_of_two_reports_at_the_same_moment() -> None:
    ann, bob, cid = member("Ann"), member("Bob"), member("Cid")
    at_once(lambda: file_report(ann, bob, reason="spam"), lambda: file_report(cid, bob, reason="fake"))
    assert Case.objects.get().report_count == 2


# ---- Evidence


def test_it_freezes_the_profile_whatever_the_member_changes_afterwards(ann: User, bob: User) -> None:
    file_report(ann, bob, reason="spam")
    services.set_bio(bob, "All innocent")
    services.remove_photo(bob, Photo.objects.filter(user=bob)[0].pk)
    evidence = Evidence.objects.get()
    assert evidence.profile["bio"] == "I sell coins"
    assert len(evidence.profile["photos"]) == 2


def test_it_freezes_the_messages_around_the_reported_one(ann: User, bob: User, talk: list[Message]) -> None:
    file_report(ann, bob, reason="harassment", conversation=talk[0].conversation, message=talk[21])
    Message.objects.all().delete()
    kept = Evidence.objects.get().messages
    assert [each["text"] for each in kept] == [f"quokka {number}" for number in range(7, 27)]
    assert [each["text"] for each in kept if each["is_reported"]] == ["quokka 21"]
    assert kept[0]["by_reported"]


def test_it_freezes_the_end_of_a_conversation_that_was_reported_as_a_whole(
    ann: User, bob: User, talk: list[Message]
) -> None:
    file_report(ann, bob, reason="harassment", conversation=talk[0].conversation)
    assert [each["text"] for each in Evidence.objects.get().messages][-1] == "quokka 29"


def test_it_shows_nothing_of_the_evidence_to_the_database(ann: User, bob: User, talk: list[Message]) -> None:
    file_report(ann, bob, reason="harassment", conversation=talk[0].conversation)
    with connection.cursor() as cursor:
        cursor.execute("SELECT profile, messages FROM moderation_evidence")
        stored = repr(cursor.fetchall())
    assert "quokka" not in stored
    assert "coins" not in stored


def test_it_keeps_evidence_of_an_erased_member_for_thirty_days(case: Case, bob: User) -> None:
    services.erase(bob)
    assert close_cases_of_erased() == 1
    assert close_cases_of_erased() == 0
    case.refresh_from_db()
    assert (case.member, case.status) == (None, "left")
    kept_for = Evidence.objects.get().keep_until - timezone.now()
    assert timedelta(days=29) < kept_for <= timedelta(days=30)


def test_it_deletes_evidence_half_a_year_after_the_case(case: Case, mona: Staff) -> None:
    assert purge_evidence() == 0
    decide(case, mona, "dismiss")
    evidence = Evidence.objects.get()
    assert timedelta(days=179) < evidence.keep_until - timezone.now() <= timedelta(days=180)
    Evidence.objects.update(keep_until=timezone.now() - timedelta(seconds=1))
    assert purge_evidence() == 1
    assert Report.objects.count() == 1
