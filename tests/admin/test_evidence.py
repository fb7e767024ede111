from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from apps.bot.models import Update
from apps.conversations.models import Conversation, Message
from apps.moderation.models import Report
from apps.notifications.models import Delivery
from tests.admin.conftest import SignIn

Acquaintance = Callable[[], Conversation]


def test_it_shows_who_talks_and_how_much_but_not_what(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    conversation, client = make_acquaintance(), sign_in()

    for page in (
        reverse("admin:conversations_conversation_changelist"),
        reverse("admin:conversations_conversation_change", args=[conversation.pk]),
    ):
        text = client.get(page).content.decode()
        assert "Anna" in text
        assert "Boris" in text
        assert "lake" not in text
    listed = client.get(reverse("admin:conversations_conversation_changelist")).context["cl"].result_list
    assert [row.message_count for row in listed] == [1]


def test_it_says_when_somebody_last_wrote_and_finds_who_did_lately(
    make_acquaintance: Acquaintance, sign_in: SignIn
) -> None:
    conversation, client = make_acquaintance(), sign_in()
    listed, page = (
        reverse("admin:conversations_conversation_changelist"),
        reverse("admin:conversations_conversation_change", args=[conversation.pk]),
    )
    lately = client.get(listed, {"last_message_at": "day"}).context["cl"].result_list
    Message.objects.update(created_at=datetime(2026, 3, 5, 12, 30, tzinfo=UTC))

    assert list(lately) == [conversation]
    assert not client.get(listed, {"last_message_at": "day"}).context["cl"].result_list
    for each in (listed, page):
        assert "March 5, 2026, 12:30 p.m." in client.get(each).content.decode()


def test_it_shows_a_report_with_its_words(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    make_acquaintance()

    page = sign_in("Moderator").get(reverse("admin:moderation_report_change", args=[Report.objects.get().pk]))

    assert "sells coins" in page.content.decode()


def test_it_never_shows_what_a_delivery_carries_or_to_which_chat(
    make_acquaintance: Acquaintance, sign_in: SignIn
) -> None:
    make_acquaintance()
    delivery, client = Delivery.objects.get(), sign_in()

    for page in (
        reverse("admin:notifications_delivery_changelist"),
        reverse("admin:notifications_delivery_change", args=[delivery.pk]),
    ):
        text = client.get(page).content.decode()
        assert "Bad Request" in text
        assert "lake" not in text
        assert str(delivery.chat_id) not in text


def test_it_lists_updates_with_errors_only_and_never_what_is_in_them(db: None, sign_in: SignIn) -> None:
    Update.objects.create(bot_id=1, update_id=501)
    parked = Update.objects.create(bot_id=1, update_id=502, status="parked", payload="the lake", error="KeyError in x")
    client = sign_in()

    page = client.get(reverse("admin:bot_update_changelist")).content.decode()
    detail = client.get(reverse("admin:bot_update_change", args=[parked.pk])).content.decode()

    assert "502" in page
    assert "501" not in page
    assert "KeyError in x" in detail
    assert "lake" not in page + detail


@pytest.mark.parametrize("who", ["Anna", "Boris"])
@pytest.mark.parametrize("model", ["matching_match", "conversations_conversation", "moderation_report"])
def test_it_finds_what_either_of_two_members_did(
    make_acquaintance: Acquaintance, sign_in: SignIn, model: str, who: str
) -> None:
    match = make_acquaintance().match
    make_acquaintance()
    member = match.low if match.low.profile.name == who else match.high
    client, page = sign_in("Moderator"), reverse(f"admin:{model}_changelist")

    assert client.get(page, {"q": who}).context["cl"].result_count == 2
    assert client.get(page, {"q": str(member.pk)}).context["cl"].result_count == 1
    assert client.get(page, {"q": "Nobody"}).context["cl"].result_count == 0


def test_it_shows_a_report_whose_writer_was_erased(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    make_acquaintance()
    Report.objects.get().reporter.delete()

    assert sign_in("Moderator").get(reverse("admin:moderation_report_changelist")).status_code == 200
