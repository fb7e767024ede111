"""Planned changes and ramps from a shell."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps import flags
from apps.flags.models import Flag, PlannedChange, Ramp
from apps.flags.rollout import ramps
from apps.flags.rollout.design import Design, read_steps
from apps.flags.selectors import history
from apps.users.models import Staff
from tests.flags.rollout.conftest import DANGEROUS

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("flags", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("who", [("--by", "maria"), ()], ids=["maria", "nobody"])
def test_it_plans_what_is_dangerous_and_says_so(who: tuple[str, ...], maria: Staff, otto: Staff) -> None:
    said = run("set", DANGEROUS, "--everyone", "off", "--reason", "flood", *who)

    planned = PlannedChange.objects.get()
    assert str(planned.pk) in said
    assert "second person" in said
    assert flags.is_enabled(DANGEROUS)
    assert str(planned.pk) in run("planned")

    assert "Applied" in run("approve", str(planned.pk), "--by", "otto")
    assert not flags.is_enabled(DANGEROUS)


def test_it_kills_at_once_and_asks_before_it_revives(maria: Staff) -> None:
    run("kill", DANGEROUS, "--reason", "flood", "--by", "maria")
    assert not flags.is_enabled(DANGEROUS)

    assert "second person" in run("revive", DANGEROUS, "--reason", "over", "--by", "maria")
    assert not flags.is_enabled(DANGEROUS)


def test_it_lets_nobody_approve_their_own_or_without_the_right(maria: Staff, otto: Staff) -> None:
    run("set", DANGEROUS, "--everyone", "off", "--reason", "flood", "--by", "otto")
    key = str(PlannedChange.objects.get().pk)

    for name in ("otto", "maria", "nobody"):
        with pytest.raises(CommandError):
            run("approve", key, "--by", name)
    with pytest.raises(CommandError, match="nothing planned"):
        run("approve", "00000000-0000-4000-8000-000000000000", "--by", "otto")
    assert not history(DANGEROUS).exists()


def test_it_refuses(maria: Staff, otto: Staff) -> None:
    run("set", DANGEROUS, "--everyone", "off", "--reason", "flood", "--by", "maria")

    run("refuse", str(PlannedChange.objects.get().pk), "--by", "otto", "--reason", "not now")

    assert PlannedChange.objects.get().remark == "not now"
    assert run("planned") == ""


def test_it_shows_and_steers_a_ramp(new_chat: str, maria: Staff) -> None:
    with pytest.raises(CommandError, match="no ramp"):
        run("ramp", new_chat)
    ramps.start_ramp(new_chat, by=maria, reason="a", design=Design(read_steps(["5 % for 1 day", "50 % for 1 day"])))
    assert "5 % → 50 %: Running, at 5 %" in run("ramp", new_chat)
    with pytest.raises(CommandError, match="say why"):
        run("ramp", new_chat, "--act", "stop")

    run("ramp", new_chat, "--act", "roll-back", "--reason", "complaints", "--by", "maria")

    assert Flag.objects.get(name=new_chat).percent is None
    assert Ramp.objects.get().remark == "rolled back by maria: complaints"
