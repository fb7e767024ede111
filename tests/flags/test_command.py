"""`manage.py flags`, for operators and for CI."""

from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps import flags
from apps.flags.catalogue import CATALOGUE, Kind
from apps.flags.models import Flag
from apps.flags.selectors import ONE_SIDED_AFTER, history, names_in_code, stale
from apps.flags.services import change
from apps.flags.state import State
from apps.users.models import Staff
from tests.factories import member
from tests.flags.conftest import Define

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("flags", *arguments, stdout=out)
    return out.getvalue()


def test_it_lists_every_flag_with_its_state() -> None:
    run("set", "matching.pool_limit", "--value", "500", "--where", "language in es", "--reason", "try")

    listed = run("list")

    assert {line.split()[0] for line in listed.splitlines()} == set(CATALOGUE)
    assert "500 for language in es" in listed
    assert "everyone (default)" in listed


def test_it_changes_only_what_is_given(new_deck: str) -> None:
    run("set", new_deck, "--where", "language in es", "--where", "age >= 25", "--percent", "20", "--reason", "ramp")
    run("set", new_deck, "--percent", "50", "--reason", "ramp on")

    state = Flag.objects.get(name=new_deck).state
    assert (state.percent, [str(rule) for rule in state.segment]) == (50, ["language in es", "age >= 25"])


def test_it_takes_back_what_was_set(new_deck: str) -> None:
    run("set", new_deck, "--everyone", "on", "--percent", "20", "--where", "age >= 25", "--reason", "a")
    run("set", new_deck, "--everyone", "rules", "--percent", "none", "--where", "none", "--reason", "b")

    assert not flags.is_enabled(new_deck, member("Ann"))
    assert Flag.objects.get(name=new_deck).state == State()


def test_it_kills_and_revives() -> None:
    run("kill", "bot.notes", "--reason", "spam")
    assert not flags.is_enabled("bot.notes")

    run("revive", "bot.notes", "--reason", "filter is there")
    assert flags.is_enabled("bot.notes")


def test_it_shows_who_changed_what_and_why(new_deck: str) -> None:
    Staff.objects.create_user("maria", "a long password", is_staff=True)
    run("set", new_deck, "--percent", "20", "--reason", "first fifth", "--by", "maria")

    shown = run("history", new_deck)

    assert "#1" in shown
    assert "maria: first fifth" in shown
    assert "percent: – → 20.00" in shown


def test_it_restores_a_revision(new_deck: str) -> None:
    run("set", new_deck, "--everyone", "on", "--reason", "launch")
    run("kill", new_deck, "--reason", "it hurts")

    run("restore", "1", new_deck, "--reason", "repaired")

    assert flags.is_enabled(new_deck)


@pytest.mark.parametrize(
    "arguments",
    [
        ("kill", "nwe_deck", "--reason", "a"),
        ("history", "nwe_deck"),
        ("kill", "bot.notes", "--reason", "a", "--by", "nobody"),
        ("restore", "7", "bot.notes", "--reason", "a"),
        ("set", "matching.pool_limit", "--value", "many", "--reason", "a"),
        ("set", "matching.pool_limit", "--value", "1", "--reason", "a"),
        ("set", "bot.notes", "--where", "country in de", "--reason", "a"),
    ],
)
def test_it_says_what_is_wrong_and_changes_nothing(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    assert not history("bot.notes").exists()


# ---- Flags that have outlived their use


def test_it_finds_nothing_stale_in_the_product() -> None:
    assert stale() == {}
    run("stale")


def test_it_finds_what_no_code_asks_for(new_deck: str) -> None:
    with pytest.raises(CommandError, match="1 stale"):
        run("stale")
    assert stale() == {new_deck: ["not_asked_for"]}


def test_it_finds_what_should_have_been_removed(define: Define) -> None:
    define("old_deck", Kind.RELEASE, remove_by=date(2020, 1, 1))

    assert "expired" in stale()["old_deck"]


def test_it_finds_what_has_long_been_the_same_for_everybody(define: Define) -> None:
    long_ago = timezone.now() - ONE_SIDED_AFTER - timedelta(hours=1)
    for name, fields, at in (
        ("all", {"everyone": True}, long_ago),
        ("half", {"percent": 50}, long_ago),
        ("new", {"everyone": True}, timezone.now()),
    ):
        define(name, Kind.RELEASE)
        with patch("django.utils.timezone.now", return_value=at):
            change(name, by=None, reason="a", **fields)

    found = stale()

    assert "one_sided" in found["all"]
    assert "one_sided" not in found["half"]
    assert "one_sided" not in found["new"]


def test_it_knows_flags_from_code_and_from_templates(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "apps" / "a.py").write_text(
        "from apps import flags\nflags.is_enabled('one', u)\nflags.value('two', u, 1)"
    )
    (tmp_path / "templates" / "a.html").write_text("{% flag 'three' %}{% endflag %}")

    assert names_in_code(tmp_path) == {"one", "two", "three"}
