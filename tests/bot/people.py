"""Members on their phones, who are there already: published, matched, in a chat."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.bot.models import Dialogue
from apps.matching.models import Match
from apps.matching.services import record_swipe
from tests.factories import member
from tests.fakes import FakeBotApi
from tests.phone import Phone

_telegram_ids = itertools.count(7_000_001)


def join(api: FakeBotApi, name: str, *, language: str = "en", **who: Any) -> Phone:
    """A published member's phone; `who` as in tests.factories.member."""
    user = member(name, telegram_id=next(_telegram_ids), language=language, **who)
    assert user.telegram_id
    return Phone(api, user.telegram_id, name, language)


def newcomer(api: FakeBotApi, name: str = "Ann", language: str = "en") -> Phone:
    return Phone(api, next(_telegram_ids), name, language)


def asked_for_the_place(phone: Phone) -> Phone:
    """Signs up as far as the question for the place."""
    phone.write("/start")
    phone.tap("consent")
    phone.write("Ann")
    phone.write("24.08.1998")
    phone.tap("Woman")
    phone.tap("Men")
    phone.tap("done:seeking")
    return phone


def matched(one: Phone, other: Phone) -> Match:
    """Both like each other."""
    record_swipe(one.user, other.user, liked=True)
    match = record_swipe(other.user, one.user, liked=True).match
    assert match
    return match


def talking(one: Phone, other: Phone) -> Match:
    """Both like each other and have the chat open."""
    match = matched(one, other)
    for phone in (one, other):
        phone.tap_data(f"chat:{match.pk.hex}")
    return match


def keyboard(phone: Phone) -> list[str]:
    """The labels below the input field; empty when there is no keyboard."""
    labels: list[str] = []
    for call in phone.api.sent_to(phone.telegram_id):
        markup = call.params.get("reply_markup") or {}
        if "keyboard" in markup:
            labels = [button["text"] for row in markup["keyboard"] for button in row]
        elif "remove_keyboard" in markup:
            labels = []
    return labels


def wait(phone: Phone, **how_long: float) -> None:
    """Time passes since the bot asked."""
    Dialogue.objects.filter(user=phone.user).update(asked_at=timezone.now() - timedelta(**how_long))


def last_params(phone: Phone) -> dict[str, Any]:
    """Of the newest call to this chat."""
    return phone.api.sent_to(phone.telegram_id)[-1].params
