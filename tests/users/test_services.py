"""The rules of profiles and photos, below the bot."""

import ast
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.bot import texts
from apps.core.errors import RuleError
from apps.users import services
from apps.users.models import Photo, Profile, User
from tests.factories import member

# Handled where they are raised, never shown.
SILENT = {"minor"}


@pytest.fixture
def ann(db: None) -> User:
    return member("Ann")


def raised_codes() -> set[str]:
    codes = set()
    for path in Path("apps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RuleError":
                assert isinstance(node.args[0], ast.Constant)
                codes.add(str(node.args[0].value))
    return codes


def test_it_explains_every_rule_that_refuses() -> None:
    numbers = {"max": 1, "min": 1, "length": 1, "hours": 1, "name": "Ann", "until": "tomorrow"}
    for code in raised_codes() - SILENT:
        assert texts.account.rule(code, numbers)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 5, 10), date(2026, 5, 9), 25),
        (date(2000, 5, 10), date(2026, 5, 10), 26),
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(2000, 2, 29), date(2028, 2, 29), 28),
    ],
)
def test_it_counts_full_years(born: date, day: date, age: int) -> None:
    assert Profile(birth_date=born).age_on(day) == age


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  a\r\nb  ", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("\u202eevil\u202c", "evil"),
        ("\u200b\u2060", ""),
        ("e\u0301", "é"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_it_keeps_words_without_what_nobody_sees(written: str, kept: str) -> None:
    assert services.clean_text(written) == kept


def test_it_registers_a_member_once(db: None) -> None:
    first = services.register(5, language="es", source="a" * 100)
    assert services.register(5, language="ru") == first
    assert (first.language, len(first.source)) == ("es", 64)


def test_it_says_what_a_profile_still_needs(db: None) -> None:
    user = services.register(5, language="en")
    assert services.missing_parts(user) == ["name", "birth_date", "gender", "seeking", "place", "photos"]
    with pytest.raises(RuleError, match="profile_incomplete"):
        services.publish(user)


def test_it_never_takes_a_minor_for_a_date_to_store(ann: User) -> None:
    with pytest.raises(RuleError, match="minor"):
        services.set_birth_date(ann, timezone.localdate() - timedelta(days=17 * 365))


def test_it_erases_a_member_twice_without_complaint(ann: User) -> None:
    copy = User.objects.get(pk=ann.pk)
    services.erase(ann)
    services.erase(copy)
    assert not User.objects.exists()


def test_it_abandons_the_stored_copy_of_a_removed_photo(ann: User) -> None:
    Photo.objects.create(user=ann, position=1, file_id="b", file_unique_id="b", file="photos/b.jpg")
    services.remove_photo(ann, Photo.objects.get(position=1).pk)
    assert list(services.AbandonedFile.objects.values_list("name", flat=True)) == ["photos/b.jpg"]


def test_it_notes_activity_every_five_minutes_at_most(
    ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        services.record_activity(ann, has_telegram_premium=False)


def test_it_notes_at_once_that_they_have_telegram_premium_now(ann: User) -> None:
    services.record_activity(ann, has_telegram_premium=True)
    ann.refresh_from_db()
    assert ann.has_telegram_premium
