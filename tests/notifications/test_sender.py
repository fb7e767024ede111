"""Sending deliveries: order, failures, what is kept of them."""

import math
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from structlog.testing import capture_logs

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.notifications import services
from apps.notifications.models import Delivery, Priority
from apps.notifications.sender import Sender
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import User
from tests.bot_api_schema import InvalidCallError
from tests.fakes import FakeBotApi, deliver_all
from tests.notifications.conftest import make_due, tell

pytestmark = pytest.mark.django_db
Status = Delivery.Status
DOWN = GatewayError("Bad Gateway", permanent=False)
REFUSED = GatewayError("can't parse entities", permanent=True)
ROOM = dict.fromkeys(Priority.values, 10)


def waiting(user: User) -> list[str]:
    return [d.params["text"] for d in Delivery.objects.filter(user=user, status=Status.PENDING).order_by("pk")]


def secs_until_due(delivery: Delivery) -> float:
    delivery.refresh_from_db()
    return (delivery.due_at - timezone.now()).total_seconds()


# ---- Order


def test_it_sends_to_many_chats_at_once_but_one_at_a_time_to_each(ann: User, ben: User, api: FakeBotApi) -> None:
    tell(ann, "one", "two")
    tell(ben, "three", "four")

    async_to_sync(Sender(api).run_once)()

    assert [call.text for call in api.calls] == ["one", "three"]


def test_it_answers_a_tap_before_it_goes_on_with_a_broadcast(ann: User, ben: User, api: FakeBotApi) -> None:
    tell(ann, "news", priority=Priority.DIGEST)
    tell(ben, "here you are", priority=Priority.REPLY)

    async_to_sync(Sender(api, concurrency=1).run_once)()

    assert [call.text for call in api.calls] == ["here you are"]


def test_it_keeps_the_order_in_a_chat_whatever_the_priorities(ann: User, api: FakeBotApi) -> None:
    tell(ann, "news", priority=Priority.DIGEST)
    tell(ann, "here you are", priority=Priority.REPLY)

    assert [call.text for call in deliver_all(api).calls] == ["news", "here you are"]


def test_it_leaves_the_future_alone(ann: User, api: FakeBotApi) -> None:
    tell(ann, "later")
    Delivery.objects.update(due_at=timezone.now() + timedelta(seconds=30))

    assert deliver_all(api).calls == []


# ---- Failures


def test_it_holds_up_the_failing_chat_and_no_other(ann: User, ben: User, api: FakeBotApi) -> None:
    api.fail(DOWN, chat_id=ann.telegram_id)
    tell(ann, "one", "two")
    tell(ben, "three", "four")

    assert [call.text for call in deliver_all(api).calls] == ["three", "four"]
    assert waiting(ann) == ["one", "two"]

    make_due()
    assert deliver_all(api).texts_to(ann.telegram_id) == ["one", "two"]


def test_it_waits_longer_after_each_failure_but_never_over_a_minute(ann: User, api: FakeBotApi) -> None:
    api.fail(DOWN, times=math.inf)
    [delivery] = tell(ann, "hello")
    deliver_all(api)
    assert secs_until_due(delivery) < 1

    Delivery.objects.update(attempts=5)
    make_due()
    deliver_all(api)
    assert 7 < secs_until_due(delivery) <= 16

    Delivery.objects.update(attempts=700)
    make_due()
    deliver_all(api)
    assert 29 < secs_until_due(delivery) <= 60


def test_it_gives_up_after_a_day(ann: User, api: FakeBotApi) -> None:
    api.fail(DOWN)
    [delivery, _] = tell(ann, "hello", "and more")
    Delivery.objects.filter(pk=delivery.pk).update(attempts=services.MAX_ATTEMPTS - 1)

    assert deliver_all(api).texts_to(delivery.chat_id) == ["and more"]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == (Status.FAILED, "Bad Gateway")


def test_it_waits_as_long_as_telegram_says(ann: User, ben: User, api: FakeBotApi) -> None:
    api.fail(RateLimitedError("Too Many Requests", retry_after_secs=17), chat_id=ann.telegram_id)
    [delivery, _] = tell(ann, "one", "two")
    tell(ben, "three")

    assert [call.text for call in deliver_all(api).calls] == ["three"]
    assert 15 < secs_until_due(delivery) <= 17


def test_it_records_why_telegram_refused_and_goes_on(ann: User, api: FakeBotApi) -> None:
    api.fail(REFUSED)
    [refused, _] = tell(ann, "one", "two")

    assert deliver_all(api).texts_to(refused.chat_id) == ["two"]
    refused.refresh_from_db()
    assert (refused.status, refused.error, refused.attempts) == (Status.FAILED, "can't parse entities", 1)
    assert refused.params == {"text": "one"}  # the operator may send it again


def test_it_gives_up_on_a_member_who_blocked_the_bot(ann: User, ben: User, api: FakeBotApi) -> None:
    api.fail(UnreachableError("bot was blocked by the user"), chat_id=ann.telegram_id)
    tell(ann, "one", "two")
    tell(ben, "three")

    assert [call.text for call in deliver_all(api).calls] == ["three"]
    assert len(api.attempts) == 2
    assert set(ann.deliveries.values_list("status", "error")) == {("failed", "bot was blocked by the user")}
    ann.refresh_from_db()
    ben.refresh_from_db()
    assert ann.unreachable_at is not None
    assert ben.unreachable_at is None


def test_it_survives_a_bug_and_does_not_quote_the_member(ann: User, api: FakeBotApi) -> None:
    tell(ann, method="sendPhoto", photo={"$photo": "my secret is no photo"})
    tell(ann, "two")

    with capture_logs() as logs:
        assert deliver_all(api).texts_to(ann.telegram_id) == ["two"]

    assert ann.deliveries.get(status=Status.FAILED).error.startswith("ValidationError in ")
    assert "secret" not in str(logs)


def test_it_lets_a_malformed_call_fail_the_test_that_made_it(ann: User, api: FakeBotApi) -> None:
    tell(ann, "hello", colour="red")

    with pytest.raises(InvalidCallError, match="colour"):
        deliver_all(api)


# ---- What is kept


def test_it_forgets_what_was_said_once_it_is_sent(ann: User, api: FakeBotApi) -> None:
    [delivery] = tell(ann, "my secret")

    deliver_all(api)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.params, delivery.message_id) == (Status.SENT, {}, 101)
    assert delivery.sent_at is not None


@pytest.mark.parametrize("error", [None, REFUSED, UnreachableError("user is deactivated")])
def test_it_keeps_nothing_about_somebody_who_is_no_member(api: FakeBotApi, error: GatewayError | None) -> None:
    if error:
        api.fail(error)
    enqueue([Outgoing(77, "sendMessage", {"text": "You are erased."})])

    deliver_all(api)

    assert len(api.attempts) == 1
    assert not Delivery.objects.exists()


def test_it_logs_failures_without_chat_or_text(ann: User, api: FakeBotApi) -> None:
    api.fail(DOWN)
    [delivery] = tell(ann, "my secret")

    with capture_logs() as logs:
        deliver_all(api)

    assert logs == [
        {
            "event": "delivery_failed",
            "log_level": "warning",
            "delivery": delivery.pk,
            "method": "sendMessage",
            "attempt": 1,
            "error": "GatewayError",
            "permanent": False,
        }
    ]


def test_it_does_not_mind_a_member_erased_while_it_sends(ann: User) -> None:
    class ErasingApi(FakeBotApi):
        async def call(self, *args: object, **kwargs: object) -> object:
            await User.objects.all().adelete()
            raise UnreachableError("user is deactivated")

    tell(ann, "hello")

    deliver_all(ErasingApi())

    assert not Delivery.objects.exists()


# ---- Leases


def test_it_does_not_touch_what_another_sender_holds(ann: User, api: FakeBotApi) -> None:
    tell(ann, "one", "two")
    services.claim(ROOM, held=())

    assert deliver_all(api).calls == []


def test_it_takes_over_when_the_lease_of_another_has_run_out(ann: User, api: FakeBotApi) -> None:
    tell(ann, "one", "two")
    services.claim(ROOM, held=())
    make_due()

    assert deliver_all(api).texts_to(ann.telegram_id) == ["one", "two"]


def test_it_does_not_take_over_from_itself(ann: User) -> None:
    [delivery] = tell(ann, "one")
    services.claim(ROOM, held=())
    make_due()

    assert services.claim(ROOM, held=[delivery.pk]) == []


def test_it_keeps_what_it_renews(ann: User) -> None:
    [delivery] = tell(ann, "one")
    services.claim(ROOM, held=())
    make_due()

    services.renew_leases([delivery.pk])

    assert services.claim(ROOM, held=()) == []


def test_it_ignores_the_failure_of_a_sender_that_lost_its_lease(ann: User) -> None:
    tell(ann, "one")
    [mine] = services.claim(ROOM, held=())
    make_due()
    services.claim(ROOM, held=())

    services.record_failure(mine, REFUSED)

    assert ann.deliveries.get().status == Status.IN_FLIGHT


def test_it_believes_a_sender_that_lost_its_lease_that_it_has_sent(ann: User) -> None:
    tell(ann, "one")
    [mine] = services.claim(ROOM, held=())
    make_due()
    services.claim(ROOM, held=())

    services.record_sent([(mine, 101)])

    assert ann.deliveries.get().status == Status.SENT
