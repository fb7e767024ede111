"""The panel of members on the page of a flag."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.flags import release
from apps.flags.models import Flag
from apps.flags.services import change
from apps.flags.state import read_segment
from apps.users.models import Staff, User
from tests.factories import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def product_manager() -> Staff:
    staff = Staff.objects.create_user("maria", "a long password", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_flag", "change_flag"]))
    return staff


@pytest.fixture
def allow_members(product_manager: Staff) -> None:
    product_manager.user_permissions.add(Permission.objects.get(codename="view_member"))


@pytest.fixture
def page(product_manager: Staff) -> Callable[..., Any]:
    """The page of bot.notes, with or without a member looked up."""
    client = Client()
    client.force_login(product_manager, backend="django.contrib.auth.backends.ModelBackend")
    flag = Flag.objects.get_or_create(name="bot.notes")[0]

    def look(term: object = "") -> Any:
        return client.get(reverse("admin:flags_flag_change", args=[flag.pk]), {"member": term} if term else {})

    return look


@pytest.fixture
def ana() -> User:
    return member("Ana", language="es")


def test_it_counts_who_has_the_flag_and_who_has_not(page: Callable[..., Any], ana: User) -> None:
    for name in ("Ann", "Bea"):
        member(name, language="en")
    change("bot.notes", by=None, reason="aim", segment=read_segment("language in es"))

    counted = page().context["panel"].headcount

    assert (counted.included, counted.excluded, f"{counted.percent:.1f}") == (1, 2, "33.3")


def test_it_says_why_a_member_has_it_not(page: Callable[..., Any], ana: User) -> None:
    change("bot.notes", by=None, reason="aim", segment=read_segment("language in en, ru"), percent="0.01")

    answer = page(ana.pk).content.decode()

    assert "language is es, and the rule wants: language in en, ru" in answer
    assert "of 100, and the flag has 0.01 %" in answer


def test_it_says_by_which_release_it_counts(
    page: Callable[..., Any], ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "running", lambda: "1.4.1")
    change("bot.notes", by=None, reason="aim", segment=read_segment("release at least 1.4.2"))

    answer = page(ana.pk)

    assert answer.context["panel"].headcount.included == 0
    words = answer.content.decode()
    assert "Counted and looked up by the release 1.4.1, which this admin runs." in words
    assert "the process that shows you this runs release 1.4.1, and the rule wants: release at least 1.4.2" in words


def test_it_says_that_the_kill_switch_is_on(page: Callable[..., Any], ana: User) -> None:
    change("bot.notes", by=None, reason="harm", killed=True)

    answer = page(ana.pk)

    assert not answer.context["panel"].explanation.answer
    assert "the kill switch is on" in answer.content.decode()


@pytest.mark.usefixtures("allow_members")
def test_it_finds_members_by_name_and_asks_which_one(page: Callable[..., Any], ana: User) -> None:
    anabel = member("Anabel")

    assert page("anab").context["panel"].matches[0].pk == anabel.pk
    several = page("Ana")
    assert several.context["panel"].explanation is None
    assert f"?member={ana.pk}" in several.content.decode()


def test_it_shows_no_name_to_who_may_not_see_members(page: Callable[..., Any]) -> None:
    zoe = member("Zoe-Maria")

    by_name, by_id = page("Zoe-Maria"), page(zoe.pk)

    assert not by_name.context["panel"].matches
    assert by_id.context["panel"].explanation.answer
    assert "Zoe-Maria" not in by_id.content.decode()


def test_it_says_when_there_is_no_such_member(page: Callable[..., Any]) -> None:
    assert "There is no such member." in page(uuid4()).content.decode()


def test_it_needs_no_more_queries_for_more_members(
    page: Callable[..., Any], ana: User, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    change("bot.notes", by=None, reason="aim", segment=read_segment("gender in woman\nage >= 20"), percent=50)
    for number in range(8):
        member(f"Ann{number}")

    with django_assert_max_num_queries(12):
        page(ana.pk)
