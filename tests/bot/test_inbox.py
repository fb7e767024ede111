"""The webhook as Telegram, an attacker or a broken network sees it."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.bot import services, tasks
from apps.bot.models import Update
from apps.bot.routes import ROUTES
from apps.bot.turn import Reply, Turn
from apps.notifications.models import Delivery
from apps.users.models import User
from tests.fakes import FakeBotApi
from tests.phone import Phone, post_update

pytestmark = pytest.mark.django_db
SECRET = {"X-Telegram-Bot-Api-Secret-Token": "simulator"}


@pytest.fixture
def ann() -> Phone:
    """Has just met the bot."""
    phone = Phone(FakeBotApi(), 11, "Ann")
    phone.write("/start")
    return phone


@pytest.fixture
def outage(ann: Phone, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """After Ann has met the bot every handler raises, until the returned function is called."""

    def fail(_: Turn) -> Reply:
        raise ValueError("Ann wrote: my secret")

    monkeypatch.setattr("apps.bot.services.find_route", lambda _: (replace(ROUTES[0], handler=fail), ()))
    return monkeypatch.undo


def post(client: Client, body: bytes, **headers: str) -> int:
    return client.post(
        "/telegram/webhook", body, content_type="application/json", headers={**SECRET, **headers}
    ).status_code


def snapshot() -> tuple[list[Any], list[Any]]:
    return list(User.objects.order_by("pk").values()), list(Delivery.objects.order_by("pk").values_list("pk"))


def test_it_lets_nobody_in_without_the_secret(client: Client) -> None:
    update = orjson.dumps({"update_id": 1})
    for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": ""}, {"X-Telegram-Bot-Api-Secret-Token": "simulatoR"}):
        response = client.post("/telegram/webhook", update, content_type="application/json", headers=headers)
        assert response.status_code == 403


def test_it_lets_nobody_in_when_no_secret_is_set(client: Client, settings: Any) -> None:
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    assert post(client, b'{"update_id": 1}', **{"X-Telegram-Bot-Api-Secret-Token": ""}) == 403


def test_it_refuses_other_methods(client: Client) -> None:
    assert client.get("/telegram/webhook", headers=SECRET).status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"7", b'"update"', b"{}", b"\xff\xfe", b'{"update_id":1' + b"[" * 5000),
        *(b'{"update_id": %s}' % value for value in (b'"1"', b"true", b"-1", b"1.5", b"99999999999999999999")),
    ],
)
def test_it_says_what_is_no_update(client: Client, body: bytes) -> None:
    assert post(client, body) == 400
    assert not Update.objects.exists()


def test_it_refuses_more_than_a_mebibyte(client: Client) -> None:
    assert post(client, b'{"update_id": 1, "x": "' + b"x" * 1024 * 1024 + b'"}') == 413


def test_it_asks_telegram_to_come_back_when_the_database_is_away(client: Client) -> None:
    with patch("apps.bot.services._claim", side_effect=OperationalError("gone")):
        response = post_update(client, {"update_id": 1})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_it_changes_nothing_when_an_update_comes_twice(ann: Phone) -> None:
    ann.tap("consent")
    ann.write("Ann")
    before = snapshot()
    again = post_update(ann.client, ann.last_update)
    assert again.status_code == 200
    assert not again.content
    assert snapshot() == before


def test_it_pays_two_queries_for_a_duplicate(ann: Phone, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(4):  # savepoint, the insert that finds its twin, the member, release
        post_update(ann.client, ann.last_update)


def test_it_ignores_groups_channels_and_other_bots(ann: Phone) -> None:
    before = snapshot()
    group = {"id": -5, "type": "group", "title": "Friends"}
    someone = {"id": 99, "is_bot": False, "first_name": "Eve"}
    robot = {"id": 98, "is_bot": True, "first_name": "Robot"}
    private = {"id": 98, "type": "private"}
    for update_id, (chat, sender) in enumerate([(group, someone), (private, robot)], 5000):
        message = {"message_id": 1, "date": 0, "chat": chat, "from": sender, "text": "/start"}
        assert post_update(ann.client, {"update_id": update_id, "message": message}).status_code == 200
    assert post_update(ann.client, {"update_id": 5005, "poll": _POLL}).status_code == 200
    assert snapshot() == before


@pytest.mark.usefixtures("outage")
def test_it_keeps_an_update_whose_handler_fails_and_apologises_once(ann: Phone) -> None:
    ann.write("/help")
    kept = Update.objects.get(status=Update.Status.FAILED)
    assert "Something went wrong" in ann.last
    assert "ValueError" in kept.error
    assert "secret" not in kept.error
    post_update(ann.client, ann.last_update)
    assert [call.text for call in ann.api.calls].count(ann.last) == 1


def test_it_tries_a_failed_update_again_until_it_works(ann: Phone, outage: Callable[[], None]) -> None:
    ann.write("/help")
    Update.objects.filter(status="failed").update(retry_at="2020-01-01T00:00Z")
    assert tasks.retry_updates() == 0
    outage()
    Update.objects.filter(status="failed").update(retry_at="2020-01-01T00:00Z")
    assert tasks.retry_updates() == 1
    assert not Update.objects.exclude(status="done").exists()
    assert Delivery.objects.filter(status="pending").count() == 1
    assert tasks.retry_updates() == 0


def test_it_parks_an_update_that_keeps_failing_for_a_human(ann: Phone, outage: Callable[[], None]) -> None:
    ann.write("/help")
    for _ in range(services.MAX_ATTEMPTS):
        Update.objects.filter(status="failed").update(retry_at="2020-01-01T00:00Z")
        tasks.retry_updates()
    parked = Update.objects.get(status=Update.Status.PARKED)
    assert parked.attempts == services.MAX_ATTEMPTS
    outage()
    assert services.retry_now(Update.objects.filter(pk=parked.pk)) == 1
    parked.refresh_from_db()
    assert (parked.status, parked.payload) == ("done", "")


@pytest.mark.usefixtures("outage")
def test_it_forgets_the_payload_of_a_dropped_update(ann: Phone) -> None:
    ann.write("/help")
    assert services.drop(Update.objects.all()) == 1
    assert not Update.objects.exclude(payload="").exists()


def test_it_stores_no_exact_place_even_when_it_fails(ann: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.bot.services.find_route", lambda update: 1 / 0)
    ann.send(location={"latitude": 41.693459, "longitude": 44.801449})
    kept = Update.objects.exclude(payload="").get().payload
    assert "41.69" in kept
    assert "41.693459" not in kept
    assert "44.801449" not in kept


@pytest.mark.parametrize("seed", range(5))
def test_it_survives_a_thousand_malformed_updates(ann: Phone, seed: int) -> None:
    """Real updates with parts replaced or removed: never a 5xx, and never twice the effect."""
    dice = random.Random(seed)
    sources = _samples()
    for number in range(1000):
        update = {"update_id": 10_000 + number, "spare": 1, **json.loads(json.dumps(dice.choice(sources)))}
        broken = _break(dice, update)
        broken["update_id"] = 10_000 + number
        body = json.dumps(broken).encode()
        status = post(ann.client, body)
        assert status in (200, 400), broken
        if number % 25 == 0 and status == 200:
            before = snapshot()
            assert post(ann.client, body) == 200
            assert snapshot() == before


_POLL = {"id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False, "is_anonymous": True}
_POLL |= {"type": "regular", "allows_multiple_answers": False}
_JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    2**64 - 1,
    1.5,
    "",
    "x" * 5000,
    "\x00",
    "<b>",
    [],
    [[]],
    {},
    {"id": "x"},
)


def _samples() -> list[dict[str, Any]]:
    user = {"id": 11, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    base = {
        "message_id": 5,
        "date": 1_800_000_000,
        "chat": {"id": 11, "type": "private", "first_name": "Ann"},
        "from": user,
    }
    size = {"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}
    command = {**base, "text": "/browse", "entities": [{"type": "bot_command", "offset": 0, "length": 7}]}
    query = {"id": "1", "from": user, "chat_instance": "1", "data": "like:" + "0" * 32, "message": command}
    member = {"user": {**user, "id": 1, "is_bot": True}, "status": "kicked", "until_date": 0}
    change = {"chat": base["chat"], "from": user, "date": 0, "old_chat_member": member, "new_chat_member": member}
    return [
        {"message": command},
        {"message": {**base, "text": "hello", "reply_to_message": base}},
        {"message": {**base, "photo": [size], "caption": "c"}},
        {"message": {**base, "location": {"latitude": 1.0, "longitude": 2.0}}},
        {"edited_message": {**base, "text": "hello", "edit_date": 1_800_000_001}},
        {"callback_query": query},
        {"callback_query": {**query, "data": "interest:hiking:1"}},
        {"my_chat_member": change},
    ]


def _break(dice: random.Random, update: dict[str, Any]) -> dict[str, Any]:
    """Takes one to three parts, at any depth, away or replaces them by junk."""
    for _ in range(dice.randint(1, 3)):
        place, key = _somewhere(dice, update)
        if dice.random() < 0.2:
            del place[key]
        else:
            place[key] = json.loads(json.dumps(dice.choice(_JUNK)))
    return update


def _somewhere(dice: random.Random, place: Any) -> tuple[Any, Any]:
    """A container within, and a key of it."""
    key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
    if isinstance(place[key], dict | list) and place[key] and dice.random() < 0.8:
        return _somewhere(dice, place[key])
    return place, key
