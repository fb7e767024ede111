"""Faults injected on purpose, by operators: only where both switches allow it, never for long, never unseen."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.db.models.functions import Now
from django.test import Client
from waffle.testutils import override_flag

from apps.core.resilience import faults, pulse
from apps.core.resilience.dependency import Status
from apps.core.resilience.models import Fault
from apps.core.resilience.policies import REDIS
from apps.core.resilience.services import FaultError, faults_now, start_fault, stop_faults
from apps.users.models import Staff

pytestmark = pytest.mark.django_db
FLAG = "core.fault_injection"


@pytest.fixture
def operator() -> Staff:
    return Staff.objects.create_superuser("olga", "password")


@pytest.fixture
def _allowed(settings: Any) -> Iterator[None]:
    settings.FAULT_INJECTION = True
    with override_flag(FLAG, active=True):
        yield
    faults.install([])


def start(**more: Any) -> Fault:
    asked = {"dependency": "redis", "kind": "reset", "secs": 30, "by": None, "reason": "a drill", **more}
    return start_fault(asked.pop("dependency"), asked.pop("kind"), **asked)


@pytest.mark.parametrize(("setting", "flag"), [(False, False), (True, False), (False, True)])
def test_it_injects_nothing_unless_setting_and_flag_both_allow_it(settings: Any, setting: bool, flag: bool) -> None:
    settings.FAULT_INJECTION = setting
    with override_flag(FLAG, active=flag), pytest.raises(FaultError, match="faults are off here"):
        start()
    assert not Fault.objects.exists()


@pytest.mark.usefixtures("_allowed")
def test_it_strikes_the_processes_that_are_meant_until_it_ends() -> None:
    start(process="sender", rate=0.5)
    [fault] = faults_now("sender")
    assert (fault.dependency, fault.kind, fault.rate, fault.has_ended) == ("redis", "reset", 0.5, False)
    assert faults_now("web") == []
    Fault.objects.update(started_at=Now() - timedelta(seconds=31), ends_at=Now() - timedelta(seconds=1))
    assert faults_now("sender") == []


@pytest.mark.usefixtures("_allowed")
def test_it_stops_at_once_when_the_flag_is_killed() -> None:
    start()
    pulse.read_faults()
    assert len(faults.active()) == 1
    with override_flag(FLAG, active=False):
        pulse.read_faults()
        assert faults.active() == ()


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"dependency": "moon"}, "no dependency moon"),
        ({"kind": "rust"}, "no kind rust"),
        ({"kind": "cpu"}, "no fault of redis"),
        ({"kind": "full"}, "only the media store"),
        ({"process": "moon"}, "no process moon"),
        ({"rate": 0}, "a share"),
        ({"secs": 601}, "1 to 600 seconds"),
        ({"dependency": "process", "kind": "memory", "amount": 5000}, "at most 1024 MiB"),
        ({"kind": "slow", "amount": 0}, "at most 30000 ms"),
        ({"reason": "  "}, "needs a reason"),
    ],
)
def test_it_says_what_cannot_be_injected(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(FaultError, match=problem):
        start(**wrong)


def test_it_lets_no_row_say_that_a_fault_lasts_for_ever() -> None:
    with pytest.raises(IntegrityError, match="fault_ends_soon"):
        Fault.objects.create(dependency="redis", kind="reset", reason="x", ends_at=Now() + timedelta(hours=1))


@pytest.mark.usefixtures("_allowed")
def test_it_keeps_who_started_and_who_stopped_it(operator: Staff) -> None:
    fault = start(by=operator)
    assert stop_faults(Fault.objects.all(), by=operator) == [fault]
    assert stop_faults(Fault.objects.all(), by=operator) == []
    fault.refresh_from_db()
    assert (fault.by, fault.stopped_by) == (operator, operator)
    lines = LogEntry.objects.order_by("pk").values_list("user", "object_repr", "change_message")
    assert list(lines) == [
        (operator.pk, "redis reset", "Started: a drill"),
        (operator.pk, "redis reset", "Stopped"),
    ]


@pytest.mark.usefixtures("_allowed")
def test_it_is_steered_by_a_command(operator: Staff) -> None:
    said = StringIO()
    call_command("faults", "start", "media", "full", "--secs=5", "--reason=disk", "--by=olga", stdout=said)
    call_command("faults", "list", stdout=said)
    call_command("faults", "stop", stdout=said)
    assert "media full until" in said.getvalue()
    assert "1 stopped." in said.getvalue()
    assert Fault.objects.get().by == operator
    with pytest.raises(CommandError, match="only the media store"):
        call_command("faults", "start", "redis", "full", "--reason=x")


@pytest.mark.usefixtures("_allowed")
def test_it_is_steered_from_the_admin(client: Client, operator: Staff) -> None:
    client.force_login(operator)
    asked = {"dependency": "telegram", "kind": "slow", "secs": 20, "rate": 0.5, "amount": 300, "reason": "slow day"}
    client.post("/admin/core/fault/start/", asked)
    fault = Fault.objects.get()
    assert (fault.dependency, fault.kind, fault.amount, fault.by) == ("telegram", "slow", 300, operator)
    page = client.get("/admin/core/fault/").content.decode()
    assert "slow day" in page
    assert "Stop telegram slow" in page
    client.post(f"/admin/core/fault/{fault.pk}/stop/")
    assert faults_now("web") == []
    assert "Messages wait in the outbox" in page


@pytest.mark.usefixtures("_allowed")
def test_it_lets_only_operators_inject_faults(client: Client) -> None:
    manager = Staff.objects.create_user("pam", "password", is_staff=True)
    client.force_login(manager)
    assert client.post("/admin/core/fault/start/", {}).status_code == 403
    assert client.get("/admin/core/fault/").status_code == 403


def test_it_tells_in_the_admin_that_faults_are_off(client: Client, operator: Staff) -> None:
    client.force_login(operator)
    page = client.get("/admin/core/fault/").content.decode()
    assert "must both be on" in page
    assert "Inject the fault" not in page


# ---- What processes tell each other


def test_it_shows_how_every_process_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    here = pulse._me()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(pulse, "_me", lambda: "sender elsewhere 7")
        pulse.tell([Status("telegram", "open", calls=12, failed=10, refused=2, under_way=0)])
    told = pulse.statuses_everywhere()
    assert set(told) == {here, "sender elsewhere 7"}
    assert told["sender elsewhere 7"][0].state == "open"
    monkeypatch.setattr("apps.core.resilience.pulse.FRESH_SECS", -1)
    assert set(pulse.statuses_everywhere()) == {here}


def test_it_knows_of_itself_while_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr("redis.Redis.execute_command", away)
    assert set(pulse.statuses_everywhere()) == {pulse._me()}
    REDIS.reset()
