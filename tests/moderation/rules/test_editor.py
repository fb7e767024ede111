"""The pages of rules: who may do what, what is said about a wrong expression, trying, backtests."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.moderation import tasks  # noqa: F401 known to Celery, so that they run at once
from apps.moderation.models import Backtest, Case, Evidence, Rule, RuleVersion
from apps.moderation.rules.services import judge
from apps.users.models import Photo, Staff, User
from tests.factories import member
from tests.moderation.rules.test_rules import found, rule, say
from tests.staff import Hire, browser

LIST, ADD, TRY = (reverse(f"admin:moderation_rule_{name}") for name in ("changelist", "add", "try"))
ROLES = (None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager")
READS, WRITES = {*ROLES} - {"Product manager"}, {None, "Policy editor"}
as_every_role = pytest.mark.parametrize("role", ROLES, ids=str)


@pytest.fixture(autouse=True)
def _no_rules_yet(db: None) -> None:
    Rule.objects.update(mode="off")


@pytest.fixture
def editor(hire: Hire) -> Client:
    return browser(hire("edda", "Policy editor"))


def page_of(rule: Rule) -> str:
    return reverse("admin:moderation_rule_change", args=[rule.pk])


def form(seen: int = 0, **fields: object) -> dict[str, object]:
    wording = {"name": "Links", "about": "message", "expression": "links > 0", "severity": 2, "action": "open_case"}
    return {**wording, "mode": "shadow", "reason": "so", "seen_version": seen, **fields}


# ---- Who


@as_every_role
def test_it_shows_rules_to_those_who_read_and_changes_them_for_editors(hire: Hire, role: str | None) -> None:
    existing, client = rule(mode="shadow"), browser(hire("visitor", role))
    assert client.get(page_of(existing)).status_code == (200 if role in READS else 403)
    assert client.post(TRY, {"expression": "true"}).status_code == (200 if role in READS else 403)
    assert client.get(ADD).status_code == (200 if role in WRITES else 403)
    answer = client.post(page_of(existing), form(1, expression="links > 1"))
    assert answer.status_code == (302 if role in WRITES else 403)
    assert client.post(reverse("admin:moderation_rule_backtest", args=[existing.pk]), {"days": 7}).status_code == (
        302 if role in WRITES else 403
    )
    existing.refresh_from_db()
    assert existing.expression == ("links > 1" if role in WRITES else "links > 0")
    assert client.post(reverse("admin:moderation_rule_delete", args=[existing.pk])).status_code == 403


def test_it_shows_a_reader_the_rule_without_a_form(hire: Hire) -> None:
    page = browser(hire("mona", "Moderator")).get(page_of(rule("links > 3"))).content.decode()
    assert "links &gt; 3" in page
    assert "Run a backtest" not in page
    assert '<textarea name="expression"' not in page


# ---- Writing


def test_it_saves_a_rule_with_its_reason(editor: Client) -> None:
    assert editor.post(ADD, form()).status_code == 302
    version = RuleVersion.objects.get(rule__name="Links")
    assert (version.number, version.reason, version.expression) == (1, "so", "links > 0")
    assert LogEntry.objects.exists()


def test_it_says_at_the_field_what_is_wrong_with_an_expression(editor: Client) -> None:
    page = editor.post(ADD, form(expression="links > 0 &&\r\n  mony > 0")).content.decode()
    assert "Line 2, column 3:" in page
    assert "Did you mean “money”?" in page
    assert "  mony &gt; 0\n  ^" in page
    assert not Rule.objects.filter(name="Links").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mode": "live"}, "run a backtest of it"),
        ({"action": "hide_photo"}, "does not fit what the rule is about"),
        ({"action": "ask", "expression": "toxicity > 50"}, "not known yet when a message is about to be sent"),
        ({"seen_version": 7}, "Somebody else has changed this rule"),
    ],
)
def test_it_says_what_else_is_wrong(editor: Client, fields: dict[str, object], words: str) -> None:
    assert words in editor.post(ADD, form(**fields)).content.decode()
    assert not Rule.objects.filter(name="Links").exists()


def test_it_explains_the_facts(editor: Client) -> None:
    page = editor.get(ADD).content.decode()
    assert "conversations_last_hour" in page
    assert "Web addresses in it." in page


# ---- Trying


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"expression": "links > 0", "try_text": "see coins.top"}, "It fires"),
        ({"expression": "links > 0", "try_text": "hello"}, "It does not fire"),
        ({"expression": "links > 0", "try_text": "see coins.top"}, "links = 1"),
        ({"expression": "toxicity > 50", "try_facts": "toxicity = 80"}, "It fires"),
        ({"expression": "lnks > 0"}, "Did you mean “links”?"),
        ({"expression": "links > 0", "try_facts": "links = many"}, "links is a number"),
        ({"expression": "links > 0", "try_facts": "size = 1"}, "There is no fact “size”"),
        ({"expression": "1 / links > 0"}, "It cannot be worked out"),
        ({"expression": "links > 0", "about": "weather"}, "Say what the rule is about"),
    ],
)
def test_it_tries_a_rule_on_a_text(editor: Client, posted: dict[str, str], words: str) -> None:
    assert words in editor.post(TRY, {"about": "message", "action": "open_case", **posted}).content.decode()


# ---- Backtests


def test_it_runs_a_backtest_and_tells_what_came_of_it(
    editor: Client, ann: User, bob: User, django_capture_on_commit_callbacks: object
) -> None:
    for text in ("see coins.top", "hello"):
        say(bob, ann, text)
    existing = rule(mode="shadow")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        editor.post(reverse("admin:moderation_rule_backtest", args=[existing.pk]), {"days": "7"})
    assert Backtest.objects.get().fired == 1
    page = editor.get(page_of(existing)).content.decode()
    assert "would have fired <b>1</b> times of 2" in page


@pytest.mark.parametrize("days", ["0", "91", "x", "-1"])
def test_it_refuses_days_that_make_no_sense(editor: Client, days: str) -> None:
    editor.post(reverse("admin:moderation_rule_backtest", args=[rule(mode="shadow").pk]), {"days": days})
    assert not Backtest.objects.exists()


# ---- The case page


def test_it_shows_on_the_case_which_rule_fired_and_why(mona: Staff, bob: User) -> None:
    rule()
    found(bob, text="secret quokka")
    page = browser(mona).get(reverse("admin:moderation_case_change", args=[Case.objects.get().pk])).content.decode()
    assert "1 rule fired" in page
    assert "links = 1" in page
    assert "quokka" not in page


def test_it_writes_down_who_reads_the_message_on_which_a_rule_fired(mona: Staff, ann: User, bob: User) -> None:
    rule()
    message = say(bob, ann, "quokka at coins.top")
    judge("message", {"links": 1}, member=bob, subject="message:1", message=message)
    case, client = Case.objects.get(), browser(mona)
    assert "quokka" not in client.get(reverse("admin:moderation_case_change", args=[case.pk])).content.decode()
    answer = client.post(
        reverse("admin:moderation_case_act", args=[case.pk, "read"]), {"evidence": Evidence.objects.get().pk}
    )
    assert "quokka" in answer.content.decode()
    assert "read the conversation of finding" in LogEntry.objects.latest("pk").change_message


def test_it_offers_to_hide_a_photo_that_a_rule_has_hidden(mona: Staff, bob: User) -> None:
    rule("nudity > 90", about="photo", action="hide_photo")
    photo = Photo.objects.filter(user=bob)[0]
    judge("photo", {"nudity": 95}, member=bob, subject="photo:1", photo=photo)
    page = browser(mona).get(reverse("admin:moderation_case_change", args=[Case.objects.get().pk])).content.decode()
    assert f'<option value="{photo.pk}">' in page
    assert "The photo is hidden until this is decided." in page


def test_it_shows_a_case_with_many_findings_in_few_queries(
    mona: Staff, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        rule(name=f"Links {number}")
    for number in range(4):
        found(bob, f"message:{number}")
    client, address = browser(mona), reverse("admin:moderation_case_change", args=[Case.objects.get().pk])
    client.get(address)
    with django_assert_max_num_queries(15):
        client.get(address)


def test_it_lists_rules_in_few_queries(editor: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        rule(name=f"Links {number}")
    found(member("Cid"))
    editor.get(LIST)
    with django_assert_max_num_queries(10):
        editor.get(LIST)
