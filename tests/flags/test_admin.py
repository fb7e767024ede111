"""The pages of flags, as viewers, product managers and superusers find them."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps import flags
from apps.flags.catalogue import CATALOGUE, Kind
from apps.flags.models import Flag, PlannedChange, Ramp
from apps.flags.selectors import history
from apps.flags.services import change, propose
from apps.users.models import Staff
from tests.factories import member

pytestmark = pytest.mark.django_db
LIST = "admin:flags_flag_changelist"


@pytest.fixture
def client_of() -> Any:
    """A browser signed in as staff with these permissions on flags."""

    def enter(*verbs: str) -> Client:
        staff = Staff.objects.create_user("maria", "a long password", is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__in=[f"{verb}_flag" for verb in verbs]))
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


@pytest.fixture
def notes() -> Flag:
    return Flag.objects.get_or_create(name="bot.notes")[0]


@pytest.fixture
def pool_limit() -> Flag:
    return Flag.objects.get_or_create(name="matching.pool_limit")[0]


def save(client: Client, flag: Flag, **fields: object) -> Any:
    shown = {
        "everyone": "",
        "percent": "",
        "segment": "",
        "value": "",
        "reason": "a test",
        "seen_version": flag.version,
    }
    return client.post(reverse("admin:flags_flag_change", args=[flag.pk]), {**shown, **fields})


def test_it_shows_the_state_of_every_flag_at_a_glance(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)

    page = client_of("view").get(reverse(LIST)).content.decode()

    assert "bot.notes" in page
    assert "20 %" in page


def test_it_changes_a_flag_and_writes_down_who_and_why(client_of: Any, notes: Flag) -> None:
    answer = save(client_of("view", "change"), notes, segment="language in es\nage >= 25", percent="20", reason="ramp")

    assert answer.status_code == 302
    revision = history("bot.notes").get()
    assert (str(revision.by), revision.reason) == ("maria", "ramp")
    assert [str(rule) for rule in Flag.objects.get(pk=notes.pk).state.segment] == ["language in es", "age >= 25"]


def test_it_shows_what_is_set_in_the_form(client_of: Any, notes: Flag) -> None:
    rule = {"attribute": "age", "operator": ">=", "value": 25}
    change("bot.notes", by=None, reason="ramp", percent=20, segment=[rule], everyone=False)

    page = client_of("view", "change").get(reverse("admin:flags_flag_change", args=[notes.pk]))

    initial = page.context["adminform"].form.initial
    assert (initial["segment"], initial["everyone"], str(initial["percent"])) == ("age >= 25", "off", "20.00")


def test_it_sets_a_value_within_its_bounds(client_of: Any, pool_limit: Flag) -> None:
    client = client_of("view", "change")

    refused = save(client, pool_limit, value="7")
    save(client, pool_limit, value="500")

    assert "must be at least 50" in refused.content.decode()
    assert flags.value("matching.pool_limit", None, 2000) == 500


@pytest.mark.parametrize(
    "fields", [{"reason": ""}, {"segment": "country in de"}, {"percent": "101"}, {"percent": "many"}]
)
def test_it_says_what_is_wrong_and_changes_nothing(client_of: Any, notes: Flag, fields: dict[str, str]) -> None:
    answer = save(client_of("view", "change"), notes, **{"percent": "20", **fields})

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert not history("bot.notes").exists()


def test_it_saves_nothing_over_what_somebody_else_has_changed(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="meanwhile", killed=True)

    answer = save(client_of("view", "change"), notes, percent="20")

    assert "has been changed meanwhile" in answer.content.decode()
    assert history("bot.notes").count() == 1


def test_it_kills_and_revives_from_the_list(client_of: Any, notes: Flag) -> None:
    client = client_of("view", "change")

    client.post(reverse(LIST), {"action": "kill", "_selected_action": [notes.pk]})
    assert not flags.is_enabled("bot.notes")

    client.post(reverse(LIST), {"action": "revive", "_selected_action": [notes.pk]})
    assert flags.is_enabled("bot.notes")
    assert history("bot.notes").count() == 2


def test_it_shows_the_history_with_what_changed(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)

    page = client_of("view").get(reverse("admin:flags_flag_history", args=[notes.pk])).content.decode()

    assert "ramp" in page
    assert "percent: – → 20.00" in page
    assert "Restore" not in page


def restore(client: Client, flag: Flag, *, version: int) -> Any:
    url = reverse("admin:flags_flag_restore", args=[flag.pk, 1])
    return client.post(url, {"reason": "back", "version": version}, follow=True)


def test_it_restores_a_revision(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)
    change("bot.notes", by=None, reason="off", killed=True)

    restore(client_of("view", "change"), notes, version=2)

    assert history("bot.notes")[0].state == history("bot.notes")[2].state
    assert history("bot.notes")[0].reason == "back"


def test_it_restores_nothing_over_what_somebody_else_has_changed(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)
    change("bot.notes", by=None, reason="off", killed=True)

    answer = restore(client_of("view", "change"), notes, version=1)

    assert "has been changed meanwhile" in answer.content.decode()
    assert history("bot.notes").count() == 2


# ---- The list


def listed(client: Client, **filters: str) -> set[str]:
    return {flag.name for flag in client.get(reverse(LIST), filters).context["cl"].result_list}


def test_it_marks_what_is_stale_and_what_waits(client_of: Any, notes: Flag, define: Any) -> None:
    define("new_deck", Kind.RELEASE, remove_by=date(2020, 1, 1))
    Flag.objects.get_or_create(name="new_deck")
    propose("bot.notes", by=None, reason="ramp", due_at=timezone.now() + timedelta(days=1), percent=20)
    Ramp.objects.create(flag="bot.notes", reason="ramp", steps=[{"percent": 5, "pause_minutes": 60}])

    page = client_of("view").get(reverse(LIST))

    marks = {flag.name: [str(mark.text) for mark in flag.marks] for flag in page.context["cl"].result_list}
    assert marks["bot.notes"] == ["ramp running", "1 planned change"]
    assert marks["new_deck"] == ["expired", "no code asks for it"]


def test_it_narrows_the_list_down(client_of: Any, notes: Flag, pool_limit: Flag, define: Any) -> None:
    define("new_deck")
    Flag.objects.get_or_create(name="new_deck")
    change("bot.notes", by=None, reason="harm", killed=True)
    client = client_of("view")

    assert listed(client, state="killed") == {"bot.notes"}
    assert listed(client, kind="value") == {name for name, flag in CATALOGUE.items() if flag.kind is Kind.VALUE}
    assert "bot.notes" in listed(client, owner="bot")
    assert "matching.pool_limit" not in listed(client, owner="bot")
    assert listed(client, stale="any") == listed(client, stale="not_asked_for") == {"new_deck"}


# ---- Before a change


def preview(client: Client, flag: Flag, **fields: object) -> Any:
    typed = {"everyone": "", "percent": "", "segment": "", "value": "", "seen_version": flag.version}
    return client.post(reverse("admin:flags_flag_preview", args=[flag.pk]), {**typed, **fields})


def test_it_previews_what_is_typed_and_saves_nothing(client_of: Any, notes: Flag) -> None:
    member("Ana", language="es")
    member("Ann", language="en")

    answer = preview(client_of("view", "change"), notes, segment="language in es")

    members = answer.context["effect"].members
    assert (members.before.included, members.after.included, members.affected) == (2, 1, 1)
    assert "segment: – → language in es" in answer.content.decode()
    assert not history("bot.notes").exists()


def test_it_previews_what_is_wrong(client_of: Any, notes: Flag) -> None:
    answer = preview(client_of("view", "change"), notes, segment="country in <b>de</b>")

    assert "cannot be saved yet" in answer.content.decode()
    assert "<b>de</b>" not in answer.content.decode()


def test_it_previews_nothing_for_viewers(client_of: Any, notes: Flag) -> None:
    assert preview(client_of("view"), notes, percent="5").status_code == 403


def test_it_asks_before_a_change_that_touches_many(client_of: Any, notes: Flag) -> None:
    for name in ("Ana", "Bea", "Ann"):
        member(name, language="es" if name == "Ana" else "en")
    client = client_of("view", "change")
    change_of_many = {"segment": "language in es\nage >= 18", "reason": "aim"}

    asked = save(client, notes, **change_of_many)
    assert "Change bot.notes?" in asked.content.decode()
    assert asked.context["effect"].members.affected == 2
    assert not history("bot.notes").exists()

    typed_again = {field.html_name: field.value() for field in asked.context["form"] if field.value() is not None}
    save(client, notes, **typed_again, confirmed="yes")
    assert [str(rule) for rule in Flag.objects.get(pk=notes.pk).state.segment] == ["language in es", "age >= 18"]


@pytest.mark.parametrize("fields", [{"killed": "on"}, {"everyone": "off"}])
def test_it_asks_before_it_answers_everybody_alike(client_of: Any, notes: Flag, fields: dict[str, str]) -> None:
    save(client_of("view", "change"), notes, **fields)

    assert not history("bot.notes").exists()


def test_it_does_not_ask_before_a_change_that_touches_few(client_of: Any, notes: Flag) -> None:
    for number in range(6):
        member(f"Ann{number}", language="en" if number else "es")

    save(client_of("view", "change"), notes, segment="language in en")

    assert history("bot.notes").count() == 1


def test_it_plans_a_change_for_later(client_of: Any, notes: Flag) -> None:
    client = client_of("view", "change")
    tomorrow = timezone.localtime() + timedelta(days=1)

    answer = save(client, notes, percent="20", due_at=f"{tomorrow:%Y-%m-%dT%H:%M}")
    assert answer.status_code == 302
    assert PlannedChange.objects.get().fields == {"percent": "20.00"}
    assert not history("bot.notes").exists()

    refused = save(client, notes, percent="20", due_at="2020-01-01T10:00")
    assert refused.context["adminform"].form.errors["due_at"]


def test_it_says_that_a_dangerous_flag_waits_for_somebody_else(client_of: Any) -> None:
    door = Flag.objects.get_or_create(name="signup.open")[0]

    answer = save(client_of("view", "change"), door, percent="20", confirmed="yes")

    assert "somebody else has to approve" in str(next(iter(get_messages(answer.wsgi_request))))
    assert PlannedChange.objects.get().needs_approval


# ---- Roles


def test_it_lets_viewers_look_and_nothing_else(client_of: Any, notes: Flag) -> None:
    change("bot.notes", by=None, reason="ramp", percent=20)
    client = client_of("view")

    assert client.get(reverse("admin:flags_flag_change", args=[notes.pk])).status_code == 200
    assert save(client, notes, percent="50").status_code == 403
    assert restore(client, notes, version=1).status_code == 403
    client.post(reverse(LIST), {"action": "kill", "_selected_action": [notes.pk]})
    assert history("bot.notes").count() == 1


def test_it_keeps_everybody_else_out(client_of: Any, notes: Flag) -> None:
    client = client_of()

    for url in (
        reverse(LIST),
        *(reverse(f"admin:flags_flag_{page}", args=[notes.pk]) for page in ("change", "history")),
    ):
        assert client.get(url).status_code == 403


def test_it_lets_nobody_make_or_delete_what_the_catalogue_decides(client_of: Any, notes: Flag) -> None:
    client = client_of("view", "add", "change", "delete")

    assert client.get(reverse("admin:flags_flag_add")).status_code == 403
    assert client.get(reverse("admin:flags_flag_delete", args=[notes.pk])).status_code == 403


def test_it_lets_a_flag_that_no_code_knows_be_deleted_but_not_changed(client_of: Any) -> None:
    old = Flag.objects.create(name="old_deck")
    client = client_of("view", "change", "delete")

    assert "not in the code" in client.get(reverse(LIST)).content.decode()
    assert client.get(reverse("admin:flags_flag_change", args=[old.pk])).status_code == 200
    assert save(client, old, percent="50").status_code == 403
    assert client.get(reverse("admin:flags_flag_delete", args=[old.pk])).status_code == 200
