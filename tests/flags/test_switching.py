"""Switching a flag with one click from the list, and the page in between."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps import flags
from apps.flags.catalogue import CATALOGUE
from apps.flags.models import Flag
from apps.flags.selectors import history
from apps.flags.services import change, switched
from apps.flags.state import State, read_segment
from apps.users.models import Staff
from tests.factories import member

pytestmark = pytest.mark.django_db
LIST = "admin:flags_flag_changelist"
SignIn = Callable[..., Client]


@pytest.fixture
def sign_in() -> SignIn:
    def enter(*verbs: str, **options: Any) -> Client:
        staff = Staff.objects.create_user("maria", "a long password", is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__in=[f"{verb}_flag" for verb in verbs]))
        client = Client(**options)
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


@pytest.fixture
def notes() -> Flag:
    return Flag.objects.get_or_create(name="bot.notes")[0]


def page(flag: Flag, direction: str) -> str:
    return reverse(f"admin:flags_flag_switch_{direction}", args=[flag.pk])


def test_it_offers_the_other_side_of_every_flag_that_is_on_or_off(sign_in: SignIn, notes: Flag) -> None:
    Flag.objects.get_or_create(name="matching.pool_limit")
    client = sign_in("view", "change")
    assert page(notes, "off") in client.get(reverse(LIST)).content.decode()

    change("bot.notes", by=None, reason="harm", killed=True)
    answer = client.get(reverse(LIST)).content.decode()

    assert page(notes, "on") in answer
    toggles = [name for name, definition in CATALOGUE.items() if not definition.is_value]
    assert answer.count("data-dialog") == Flag.objects.filter(name__in=toggles).count()


def test_it_shows_what_will_change_and_for_how_many(sign_in: SignIn, notes: Flag) -> None:
    member("Ana", language="es")
    member("Ann", language="en")
    change("bot.notes", by=None, reason="aim", segment=read_segment("language in es"))

    answer = sign_in("view", "change").get(page(notes, "off"))

    assert answer.context["effect"].members.affected == 1
    assert "everyone: – → no" in answer.content.decode()
    assert flags.is_enabled("bot.notes", None) is False
    assert history("bot.notes").count() == 1


def test_it_switches_off_and_on_and_writes_down_who_and_why(sign_in: SignIn, notes: Flag) -> None:
    client = sign_in("view", "change")

    answer = client.post(page(notes, "off"), {"reason": "spam", "seen_version": 0})
    assert answer.status_code == 302
    assert not flags.is_enabled("bot.notes")

    client.post(page(notes, "on"), {"reason": "over", "seen_version": 1})
    assert flags.is_enabled("bot.notes")
    assert [(str(each.by), each.reason) for each in history("bot.notes")] == [("maria", "over"), ("maria", "spam")]
    assert LogEntry.objects.count() == 2


def test_it_changes_nothing_without_a_reason(sign_in: SignIn, notes: Flag) -> None:
    answer = sign_in("view", "change").post(page(notes, "off"), {"reason": " ", "seen_version": 0})

    assert answer.context["form"].errors
    assert not history("bot.notes").exists()


def test_it_switches_nothing_over_what_somebody_else_has_changed(sign_in: SignIn, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)

    answer = sign_in("view", "change").post(page(notes, "off"), {"reason": "spam", "seen_version": 0}, follow=True)

    assert "has been changed meanwhile" in answer.content.decode()
    assert answer.context["form"].initial["seen_version"] == 1
    assert history("bot.notes").count() == 1


@pytest.mark.parametrize("verbs", [(), ("view",)])
def test_it_switches_nothing_for_who_may_not_change_flags(sign_in: SignIn, notes: Flag, verbs: tuple[str, ...]) -> None:
    client = sign_in(*verbs)

    assert client.get(page(notes, "off")).status_code == 403
    assert client.post(page(notes, "off"), {"reason": "spam", "seen_version": 0}).status_code == 403
    assert "data-dialog" not in client.get(reverse(LIST)).content.decode()


def test_it_switches_nothing_for_a_form_of_another_site(sign_in: SignIn, notes: Flag) -> None:
    client = sign_in("view", "change", enforce_csrf_checks=True)

    assert client.post(page(notes, "off"), {"reason": "spam", "seen_version": 0}).status_code == 403


def test_it_has_no_switch_for_a_value(sign_in: SignIn) -> None:
    limit = Flag.objects.get_or_create(name="matching.pool_limit")[0]

    assert sign_in("view", "change").get(page(limit, "off")).status_code == 404


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"everyone": False, "percent": 5}, {"killed": False, "everyone": None}),
        ({"killed": True, "everyone": True, "percent": 5}, {"killed": False}),
        ({"killed": True, "percent": 5}, {"killed": False, "everyone": None}),
        ({"everyone": False}, {"killed": False, "everyone": True}),
        ({"everyone": True, "percent": 5}, {"killed": False}),
    ],
)
def test_it_switches_on_by_the_rules_where_there_are_any(
    new_deck: str, before: dict[str, object], after: dict[str, object]
) -> None:
    assert switched(CATALOGUE[new_deck], State.read(before), on=True) == after


def test_it_asks_the_database_little(
    sign_in: SignIn, notes: Flag, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    client = sign_in("view", "change")

    with django_assert_max_num_queries(7):
        client.get(page(notes, "off"))
    client.get(reverse(LIST))  # reads the code, once in a process
    with django_assert_max_num_queries(12):
        client.get(reverse(LIST))
