"""Whatever goes wrong on the way in and on the way out: no match, message or notification is lost or doubled.

Updates come twice, late and out of order; handlers and senders die half way; Telegram answers 429, errors, or that a
member has blocked the bot. When all is well again, everything has arrived once. Only a call whose sender was killed
between the call and its record may arrive twice: nobody can know that it was made.
"""

from collections import Counter
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpResponse
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from apps.bot import services as inbox
from apps.bot.models import Update
from apps.conversations.models import Message
from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.matching.models import Match
from apps.notifications import calls, services
from apps.notifications.calls import Call
from apps.notifications.models import Delivery, Priority
from apps.notifications.sender import Sender
from tests.bot.people import join
from tests.fakes import FakeBotApi, deliver_all
from tests.phone import Phone

WHO = st.integers(0, 1)
ROOM = dict.fromkeys(Priority.values, 10)


class SlowPhone(Phone):
    """What it sends stays on the way."""

    def __init__(self, phone: Phone, on_the_way: list[dict[str, Any]]) -> None:
        super().__init__(phone.api, phone.telegram_id, phone.name)
        self.on_the_way = on_the_way

    def post(self, content: dict[str, Any], *, update_id: int | None = None) -> HttpResponse:
        self.last_update = {"update_id": 900_000 + len(self.on_the_way), **content}
        self.on_the_way.append(self.last_update)
        return HttpResponse()


class Journey(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()

    @initialize()
    def two_members(self) -> None:
        self.api = FakeBotApi()
        self.posted: list[dict[str, Any]] = []
        self.handled: list[int] = []
        phones = join(self.api, "Ann", seeking=("man",)), join(self.api, "Bob", gender="man", seeking=("woman",))
        self.phones = [SlowPhone(phone, self.posted) for phone in phones]
        self.may_be_doubled: Counter[tuple[int, str]] = Counter()
        self.was_blocked = False

    def teardown(self) -> None:
        try:
            self.everything_has_arrived_once()
        finally:
            transaction.set_rollback(True)
            self.rollback.__exit__(None, None, None)

    # ---- What members do

    @rule(who=WHO)
    def likes(self, who: int) -> None:
        self.phones[who].tap_data(f"like:{self.phones[1 - who].user.pk.hex}")

    @precondition(lambda self: Match.objects.exists())
    @rule(who=WHO)
    def opens_the_chat(self, who: int) -> None:
        self.phones[who].tap_data(f"chat:{Match.objects.get().pk.hex}")

    @rule(who=WHO)
    def writes(self, who: int) -> None:
        self.phones[who].write(f"message {len(self.posted)}.")

    # ---- How updates arrive

    @precondition(lambda self: self.on_the_way())
    @rule(which=st.integers(0, 3), dies=st.integers(0, 4))
    def an_update_arrives(self, which: int, dies: int) -> None:
        """Not always the first; sometimes its handler dies."""
        waiting = self.on_the_way()
        update = waiting[which % len(waiting)]
        self.handled.append(update["update_id"])
        if dies == 0:
            with patch("apps.bot.services.enqueue", side_effect=[ValueError, []]):
                inbox.receive(update)
        else:
            inbox.receive(update)

    @precondition(lambda self: self.handled)
    @rule(which=st.integers(0, 30))
    def an_update_arrives_again(self, which: int) -> None:
        again = self.handled[which % len(self.handled)]
        inbox.receive(next(update for update in self.posted if update["update_id"] == again))

    @rule()
    def failed_updates_are_tried_again(self) -> None:
        inbox.retry_now(Update.objects.all())

    # ---- How deliveries leave

    @rule()
    def the_sender_runs(self) -> None:
        async_to_sync(Sender(self.api).run_once)()

    @rule(made=st.integers(0, 2))
    def a_sender_is_killed(self, made: int) -> None:
        """After so many of its calls, none of them recorded; then its leases run out."""
        for delivery in services.claim(ROOM, held=())[:made]:
            call = calls.prepare(delivery)
            if isinstance(call, Call) and "text" in call.params:
                with suppress(GatewayError):
                    async_to_sync(self.api.call)(call.method, call.params)
                    self.may_be_doubled[delivery.chat_id, str(call.params["text"])] += 1
        self.time_passes()

    @rule(who=WHO, error=st.sampled_from(["429", "502", "blocked"]))
    def telegram_refuses(self, who: int, error: str) -> None:
        errors = {
            "429": RateLimitedError("Too Many Requests", retry_after_secs=5),
            "502": GatewayError("Bad Gateway", permanent=False),
            "blocked": UnreachableError("bot was blocked by the user"),
        }
        self.was_blocked = self.was_blocked or error == "blocked"
        self.api.fail(errors[error], chat_id=self.phones[who].telegram_id)

    @rule()
    def time_passes(self) -> None:
        Delivery.objects.exclude(status="sent").update(due_at=Delivery.objects.order_by("id").values("created_at")[:1])

    # ---- What must hold

    def on_the_way(self) -> list[dict[str, Any]]:
        return [update for update in self.posted if update["update_id"] not in self.handled]

    def everything_has_arrived_once(self) -> None:
        self.api._failures.clear()
        for update in self.on_the_way():
            inbox.receive(update)
        inbox.retry_now(Update.objects.all())
        services.retry_failed(Delivery.objects.all())
        self.time_passes()
        deliver_all(self.api)

        numbers = [update["update_id"] for update in self.posted]
        done = Update.objects.filter(update_id__in=numbers).values_list("update_id", "status")
        assert sorted(done) == sorted((number, "done") for number in numbers)
        assert set(Delivery.objects.values_list("status", flat=True)) <= {"sent"}
        self.matches_and_messages_are_there_once()

    def matches_and_messages_are_there_once(self) -> None:
        assert Match.objects.count() <= 1
        for me, other in (self.phones, self.phones[::-1]):
            texts = Counter(call.text for call in self.api.sent_to(me.telegram_id))
            arrived = {text: times for text, times in texts.items() if "message " in text and "." in text}
            relayed = Message.objects.filter(sender=other.user)
            expected = Counter(text for message in relayed for text in arrived if message.text in text)
            assert sum(expected.values()) == relayed.count(), "a message is lost"
            told = Counter({text: times for text, times in texts.items() if "It’s a match" in text})
            assert len(told) == Match.objects.count(), "a match is not told, or lost"
            for text, times in (Counter(arrived) + told).items():
                assert 1 <= times <= 1 + self.may_be_doubled[me.telegram_id, text], text
            if not self.was_blocked and not self.may_be_doubled:
                order = [text for call in self.api.sent_to(me.telegram_id) if (text := call.text) in arrived]
                written = [message.text for message in relayed.order_by("created_at")]
                assert [text for text in order if text in written] == [text for text in written if text in order]


@pytest.mark.django_db
def test_it_loses_and_doubles_nothing() -> None:
    run_state_machine_as_test(
        Journey,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
