"""Broadcasts: drafted and confirmed by product managers, written in batches, paused, stopped, never doubled."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.core.errors import GatewayError, UnreachableError
from apps.notifications.broadcasts import selectors, services
from apps.notifications.broadcasts.models import Broadcast
from apps.notifications.broadcasts.services import BroadcastError
from apps.notifications.models import Delivery, Priority
from apps.notifications.tasks import advance_broadcasts
from apps.users.models import Member, Staff
from tests.admin.conftest import MakeMember, SignIn
from tests.fakes import FakeBotApi, deliver_all

pytestmark = pytest.mark.django_db
Status = Broadcast.Status


@pytest.fixture
def api() -> FakeBotApi:
    return FakeBotApi()


@pytest.fixture
def manager(db: None) -> Staff:
    return Staff.objects.create_user("pam", "a long password", is_staff=True)


@pytest.fixture
def members(make_member: MakeMember) -> list[Member]:
    return sorted((make_member(f"M{n}", language="es" if n % 2 else "en") for n in range(6)), key=lambda m: m.pk)


def draft(**fields: object) -> Broadcast:
    return Broadcast.objects.create(name="May", text_en="<b>Hello</b>", text_es="<b>Hola</b>", **fields)


def begin(manager: Staff, **fields: object) -> Broadcast:
    broadcast = draft(**fields)
    services.start(broadcast.pk, by=manager, seen=selectors.fingerprint(broadcast))
    broadcast.refresh_from_db()
    return broadcast


def chats(api: FakeBotApi) -> list[int | None]:
    return sorted(call.chat_id for call in api.calls)


def ids(members: list[Member]) -> list[int | None]:
    return sorted(member.telegram_id for member in members)


def test_it_reaches_every_member_once_in_their_language(manager: Staff, members: list[Member], api: FakeBotApi) -> None:
    broadcast = begin(manager)
    advance_broadcasts()
    advance_broadcasts()

    deliver_all(api)
    advance_broadcasts()

    assert chats(api) == ids(members)
    spoken = {call.chat_id: call.text for call in api.calls}
    assert all(spoken[m.telegram_id].startswith("<b>Hola" if m.language == "es" else "<b>Hello") for m in members)
    assert all("/settings" in text for text in spoken.values())
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.total) == (Status.FINISHED, 6)
    assert broadcast.results == {"delivered": 6, "blocked": 0, "failed": 0}


def test_it_leaves_alone_who_wants_no_news_or_does_not_fit(
    manager: Staff, members: list[Member], api: FakeBotApi
) -> None:
    spanish = [member for member in members if member.language == "es"]
    services.set_news(spanish[0], wanted=False)
    services.set_news(spanish[1], wanted=False)
    services.set_news(spanish[1], wanted=True)

    begin(manager, segment=[{"attribute": "language", "operator": "in", "value": ["es"]}])
    advance_broadcasts()

    assert chats(deliver_all(api)) == ids(spanish[1:])


def test_it_goes_on_where_it_was_stopped_and_doubles_nothing(
    manager: Staff, members: list[Member], api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BATCH", 2)
    real, calls = services._make, []

    def killed_in_the_third_batch(broadcast: Broadcast, count: int) -> int:
        calls.append(count)
        made = real(broadcast, count)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(services, "_make", killed_in_the_third_batch)
    begin(manager)
    with pytest.raises(KeyboardInterrupt):
        advance_broadcasts()
    assert Delivery.objects.count() == 4

    advance_broadcasts()

    assert chats(deliver_all(api)) == ids(members)


def test_it_sends_nothing_more_once_paused_and_the_rest_when_it_goes_on(
    manager: Staff, members: list[Member], api: FakeBotApi
) -> None:
    broadcast = begin(manager)
    advance_broadcasts()
    first = Delivery.objects.filter(chat_id=members[3].telegram_id)
    sent = first.get()
    first.update(status=Delivery.Status.SENT)

    services.pause(broadcast.pk, by=manager)
    advance_broadcasts()
    assert deliver_all(api).calls == []

    services.resume(broadcast.pk, by=manager)
    advance_broadcasts()
    assert chats(deliver_all(api)) == ids([m for m in members if m.telegram_id != sent.chat_id])


def test_it_ends_for_good_when_stopped(manager: Staff, members: list[Member], api: FakeBotApi) -> None:
    broadcast = begin(manager)
    advance_broadcasts()
    services.stop(broadcast.pk, by=manager)
    advance_broadcasts()

    assert deliver_all(api).calls == []
    with pytest.raises(BroadcastError):
        services.resume(broadcast.pk, by=manager)


def test_it_keeps_its_pace(manager: Staff, members: list[Member]) -> None:
    broadcast = begin(manager, per_minute=12)
    Broadcast.objects.update(advanced_at=timezone.now() - timedelta(seconds=11))
    advance_broadcasts()
    advance_broadcasts()

    assert broadcast.deliveries.count() == 2


def test_it_writes_no_further_ahead_than_the_sender_can_send(
    manager: Staff, members: list[Member], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TELEGRAM_CALLS_PER_SEC = 4
    monkeypatch.setattr(services, "AHEAD_SECS", 1)
    begin(manager)
    advance_broadcasts()

    assert Delivery.objects.count() == 4


def test_it_waits_for_its_time(manager: Staff, members: list[Member]) -> None:
    broadcast = begin(manager, starts_at=timezone.now() + timedelta(hours=1))
    advance_broadcasts()
    assert (broadcast.status, Delivery.objects.count()) == (Status.SCHEDULED, 0)

    Broadcast.objects.update(starts_at=timezone.now())
    advance_broadcasts()
    assert Delivery.objects.filter(priority=Priority.DIGEST).count() == 6


def test_it_tells_who_has_blocked_the_bot_from_what_failed(
    manager: Staff, members: list[Member], api: FakeBotApi
) -> None:
    api.fail(UnreachableError("bot was blocked by the user"), chat_id=members[0].telegram_id)
    api.fail(GatewayError("can't parse entities", permanent=True), chat_id=members[1].telegram_id)
    broadcast = begin(manager)
    advance_broadcasts()

    deliver_all(api)

    assert selectors.progress(broadcast) == selectors.Progress(delivered=4, blocked=1, failed=1, waiting=0)


def test_it_starts_only_what_was_looked_at(manager: Staff, members: list[Member]) -> None:
    broadcast = draft()
    seen = selectors.fingerprint(broadcast)
    Broadcast.objects.update(text_en="something else")

    with pytest.raises(BroadcastError):
        services.start(broadcast.pk, by=manager, seen=seen)


# ---- In the admin


def post(client: Client, broadcast: Broadcast, verb: str, **said: str) -> str:
    answer = client.post(reverse("admin:notifications_broadcast_act", args=[broadcast.pk, verb]), said, follow=True)
    return answer.content.decode()


def test_it_lets_product_managers_write_preview_and_send(
    sign_in: SignIn,
    members: list[Member],
    api: FakeBotApi,
) -> None:
    client = sign_in("Product manager")
    typed = {
        "name": "May",
        "text_en": "<b>Hello</b>",
        "text_ru": "Привет",
        "segment": "language in en",
        "per_minute": "",
    }
    page = client.post(reverse("admin:notifications_broadcast_add"), typed, follow=True).content.decode()
    broadcast = Broadcast.objects.get()
    assert "Send it to 3 members?" in page
    assert broadcast.created_by is not None

    post(client, broadcast, "preview", telegram_id=str(members[0].telegram_id))
    assert len(deliver_all(api).texts_to(members[0].telegram_id)) == 2
    [seen] = re.findall(r'name="seen" value="(\w+)"', page)
    page = post(client, broadcast, "start", seen=seen)

    assert "Stop for good" in page
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.total) == (Status.RUNNING, 3)
    messages = [entry.get_change_message() for entry in LogEntry.objects.order_by("id")]
    assert messages[-2:] == ["preview", "start"]


def test_it_refuses_what_telegram_could_not_read(sign_in: SignIn) -> None:
    client = sign_in("Product manager")
    for text in ("<b>Hello", "<h1>Hello</h1>", "Hello</i>"):
        client.post(reverse("admin:notifications_broadcast_add"), {"name": "May", "text_en": text, "segment": ""})

    assert not Broadcast.objects.exists()


def test_it_changes_drafts_only(sign_in: SignIn, manager: Staff, members: list[Member]) -> None:
    broadcast = begin(manager)
    client = sign_in("Product manager")
    typed = {"name": "Other", "text_en": "Other", "segment": ""}

    answer = client.post(reverse("admin:notifications_broadcast_change", args=[broadcast.pk]), typed)

    assert answer.status_code == 403
    assert Broadcast.objects.get().text_en == "<b>Hello</b>"


def test_it_lets_moderators_do_nothing_with_broadcasts(
    sign_in: SignIn,
    manager: Staff,
    members: list[Member],
) -> None:
    broadcast = begin(manager)
    client = sign_in("Moderator")

    assert client.get(reverse("admin:notifications_broadcast_show", args=[broadcast.pk])).status_code == 403
    assert client.post(reverse("admin:notifications_broadcast_act", args=[broadcast.pk, "stop"])).status_code == 403
    assert Broadcast.objects.get().status == Status.RUNNING
