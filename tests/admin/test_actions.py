from collections.abc import Callable
from unittest.mock import patch

from django.contrib.admin.models import LogEntry
from django.test import Client

from apps.bot.models import Update
from apps.conversations.models import Conversation
from apps.notifications.models import Delivery
from tests.admin.conftest import SignIn

Acquaintance = Callable[[], Conversation]
DELIVERIES, UPDATES = "/admin/notifications/delivery/", "/admin/bot/update/"


def act(client: Client, page: str, action: str, *rows: Delivery | Update) -> None:
    client.post(page, {"action": action, "_selected_action": [row.pk for row in rows]})


def test_it_sends_a_failed_delivery_again(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    make_acquaintance()
    delivery = Delivery.objects.get()

    act(sign_in("Moderator"), f"{DELIVERIES}?status__exact=failed", "send_again", delivery)

    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.PENDING
    assert LogEntry.objects.get().get_change_message() == "Sent again."
    assert LogEntry.objects.get().user.username == "moderator"


def test_it_does_not_send_again_what_was_sent(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    make_acquaintance()
    Delivery.objects.update(status=Delivery.Status.SENT)

    act(sign_in("Moderator"), DELIVERIES, "send_again", Delivery.objects.get())

    assert Delivery.objects.get().status == Delivery.Status.SENT
    assert not LogEntry.objects.exists()


def test_it_tries_a_parked_update_again_and_writes_down_who_did(db: None, sign_in: SignIn) -> None:
    update = Update.objects.create(bot_id=1, update_id=1, status="parked", payload="{}")

    with patch("apps.bot.admin.retry_now", return_value=1) as retry_now:
        act(sign_in("Moderator"), f"{UPDATES}?status=parked", "try_again_now", update)

    assert list(retry_now.call_args.args[0]) == [update]
    assert LogEntry.objects.get().object_id == str(update.pk)


def test_it_drops_an_update_for_superusers(db: None, sign_in: SignIn) -> None:
    update = Update.objects.create(bot_id=1, update_id=1, status="parked", payload="{}")

    act(sign_in(), UPDATES, "drop", update)

    update.refresh_from_db()
    assert (update.status, update.payload) == (Update.Status.DONE, "")
    assert LogEntry.objects.get().get_change_message() == "Dropped."


def test_it_does_not_let_moderators_drop_updates(db: None, sign_in: SignIn) -> None:
    update = Update.objects.create(bot_id=1, update_id=1, status="parked", payload="{}")

    act(sign_in("Moderator"), UPDATES, "drop", update)

    assert Update.objects.get().status == Update.Status.PARKED
