"""Flags over HTTP: what staff's own tools may read and change, and what everybody else is answered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps import flags
from apps.flags.models import Flag, PlannedChange
from apps.flags.selectors import history
from apps.flags.services import change
from apps.flags.state import read_segment
from apps.users.models import Staff
from tests.factories import member

pytestmark = pytest.mark.django_db
NOTES = "/api/v1/flags/bot.notes"
SignIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _rows() -> None:
    for name in ("bot.notes", "matching.pool_limit", "signup.open"):
        Flag.objects.get_or_create(name=name)


@pytest.fixture
def sign_in() -> SignIn:
    """A tool with the session of staff who have these permissions."""

    def enter(*permissions: str, is_staff: bool = True, **options: Any) -> Client:
        staff = Staff.objects.create_user("maria", "a long password", is_staff=is_staff)
        staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client(**options)
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


@pytest.fixture
def editor(sign_in: SignIn) -> Client:
    return sign_in("view_flag", "change_flag")


def patch(client: Client, url: str = NOTES, **body: object) -> Any:
    body = {"reason": "a test", "expected_version": 0, **body}
    return client.patch(url, body, content_type="application/json")


def post(client: Client, url: str, **body: object) -> Any:
    return client.post(url, body, content_type="application/json")


def test_it_lists_every_flag_with_its_state(editor: Client) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20, segment=read_segment("age >= 25"))

    notes = next(each for each in editor.get("/api/v1/flags").json() if each["name"] == "bot.notes")

    assert notes["version"] == 1
    assert notes["state"] == {
        "killed": False,
        "everyone": None,
        "percent": "20.00",
        "segment": ["age >= 25"],
        "value": None,
    }


def test_it_changes_what_is_given_and_leaves_the_rest(editor: Client) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)

    answer = patch(editor, expected_version=1, segment=["language in en, es"], reason="aim")

    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    assert (answer.json()["state"]["percent"], answer.json()["state"]["segment"]) == ("20.00", ["language in en, es"])
    assert (str(history("bot.notes")[0].by), history("bot.notes")[0].reason) == ("maria", "aim")


def test_it_sets_and_unsets_a_value(editor: Client) -> None:
    url = "/api/v1/flags/matching.pool_limit"

    assert patch(editor, url, value=500).json()["state"]["value"] == 500
    assert patch(editor, url, expected_version=1, value=None).json()["state"]["value"] is None


def test_it_changes_nothing_over_what_somebody_else_has_changed(editor: Client) -> None:
    change("bot.notes", by=None, reason="meanwhile", percent=20)

    answer = patch(editor, percent=50)

    assert answer.status_code == 409
    assert "has been changed meanwhile" in answer.json()["detail"]
    assert history("bot.notes").count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"reason": ""},
        {"percent": 101},
        {"segment": ["country in de"]},
        {"segment": ["whatever"]},
        {"value": 3},
        {"colour": "red"},
        {"due_at": "2001-01-01T00:00Z"},
    ],
)
def test_it_says_what_is_wrong_and_changes_nothing(editor: Client, body: dict[str, object]) -> None:
    answer = patch(editor, **body)

    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert not history("bot.notes").exists()


def test_it_plans_a_change_for_later(editor: Client) -> None:
    due_at = timezone.now() + timedelta(hours=2)

    answer = patch(editor, percent=50, due_at=due_at.isoformat())

    assert answer.status_code == 202
    assert str(PlannedChange.objects.get().pk) == answer.json()["id"]
    assert not history("bot.notes").exists()


def test_it_lets_a_dangerous_flag_wait_for_a_second_person_but_not_its_kill(editor: Client) -> None:
    door = "/api/v1/flags/signup.open"

    planned = patch(editor, door, percent=50)
    assert (planned.status_code, planned.json()["needs_approval"]) == (202, True)

    assert post(editor, f"{door}/kill", reason="a flood of fakes").status_code == 200
    assert not flags.is_enabled("signup.open")


def test_it_tells_and_restores_the_history(editor: Client) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)
    change("bot.notes", by=None, reason="off", killed=True)

    revisions = editor.get(f"{NOTES}/history").json()
    assert [(each["sequence"], each["by"], each["reason"]) for each in revisions] == [
        (2, None, "off"),
        (1, None, "ramp"),
    ]
    assert revisions[1]["diff"] == {"percent": [None, "20.00"]}

    restored = post(editor, f"{NOTES}/restore", sequence=1, reason="back", expected_version=2)
    assert restored.json()["state"]["killed"] is False
    assert post(editor, f"{NOTES}/restore", sequence=9, reason="back", expected_version=3).status_code == 404
    assert post(editor, f"{NOTES}/restore", sequence=2, reason="back", expected_version=1).status_code == 409


def test_it_explains_why_a_member_has_it_not(editor: Client) -> None:
    change("bot.notes", by=None, reason="aim", segment=read_segment("language in en"))
    ana = member("Ana", language="es")

    answer = editor.get(f"{NOTES}/explain/{ana.pk}")

    assert answer.json()["answer"] is False
    assert "language is es" in answer.json()["reasons"][0]["text"]
    assert "Ana" not in answer.content.decode()
    assert editor.get(f"{NOTES}/explain/{uuid4()}").status_code == 404


def test_it_knows_no_flag_outside_the_catalogue(editor: Client) -> None:
    nothing = "/api/v1/flags/no.such.flag"

    answers = [editor.get(nothing), patch(editor, nothing, percent=5), post(editor, f"{nothing}/kill", reason="harm")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


def _ask_everything(client: Client) -> list[int]:
    """The statuses of reading, then of writing."""
    someone = uuid4()
    return [
        client.get("/api/v1/flags").status_code,
        client.get(NOTES).status_code,
        client.get(f"{NOTES}/history").status_code,
        client.get(f"{NOTES}/explain/{someone}").status_code,
        patch(client, percent=5).status_code,
        post(client, f"{NOTES}/kill", reason="harm").status_code,
        post(client, f"{NOTES}/restore", sequence=1, reason="back", expected_version=0).status_code,
    ]


def test_it_asks_whoever_has_not_signed_in_to_do_so(client: Client) -> None:
    assert _ask_everything(client) == [401] * 7
    assert "Sign in" in client.get(NOTES).json()["detail"]


def test_it_keeps_moderators_out(sign_in: SignIn) -> None:
    assert _ask_everything(sign_in("view_member", "view_report")) == [403] * 7


def test_it_keeps_out_who_is_no_staff_any_more(sign_in: SignIn) -> None:
    assert _ask_everything(sign_in("view_flag", "change_flag", is_staff=False)) == [403] * 7


def test_it_lets_viewers_read_and_nothing_else(sign_in: SignIn) -> None:
    assert _ask_everything(sign_in("view_flag")) == [200, 200, 200, 404, 403, 403, 403]
    assert not history("bot.notes").exists()


def test_it_takes_no_change_from_another_site(sign_in: SignIn) -> None:
    client = sign_in("view_flag", "change_flag", enforce_csrf_checks=True)

    assert patch(client, percent=5).status_code == 403
    assert not history("bot.notes").exists()


def test_it_is_described_with_its_errors(client: Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    assert {"200", "202", "401", "403", "404", "409", "422"} <= paths["/api/v1/flags/{name}"]["patch"][
        "responses"
    ].keys()


def test_it_needs_no_more_queries_for_more_flags(
    editor: Client, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    with django_assert_max_num_queries(5):
        editor.get("/api/v1/flags")
