"""What becomes of a member's report."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.moderation.models import Report
from apps.moderation.services import add_words, file_report
from apps.users import services
from apps.users.models import User
from tests.factories import member


@pytest.fixture
def ann(db: None) -> User:
    return member("Ann")


@pytest.fixture
def bob(db: None) -> User:
    return member("Bob")


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
