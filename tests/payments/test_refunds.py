"""Staff give Stars back: Telegram is told, the days end, the member reads it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.core.errors import GatewayError, UnreachableError
from apps.notifications.models import Delivery
from apps.payments.models import Purchase
from apps.payments.services import note_returned, refund
from apps.users.models import Staff, User
from apps.users.services import erase
from tests.fakes import FakeBotApi, deliver_all
from tests.payments.conftest import Buy
from tests.staff import Hire, browser

pytestmark = pytest.mark.django_db
State = Purchase.State


@pytest.fixture
def cleo(hire: Hire) -> Staff:
    """May give Stars back."""
    return hire("cleo", "Payments")


def order(client: Client, purchase: Purchase, reason: str = "It did not work") -> Any:
    address = reverse("admin:payments_purchase_act", args=[purchase.pk, "refund"])
    return client.post(address, {"reason": reason}, follow=True)


def fresh(purchase: Purchase) -> Purchase:
    return Purchase.objects.get(pk=purchase.pk)


def until(user: User) -> Any:
    return User.objects.get(pk=user.pk).plus_until


def refunds(api: FakeBotApi) -> list[dict[str, Any]]:
    return [call.params for call in api.attempts if call.method == "refundStarPayment"]


def test_it_sends_the_stars_back_and_says_so(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase = buy(ann)
    page = order(browser(cleo), purchase)

    api = deliver_all(FakeBotApi())
    assert "Telegram is being told" in page.content.decode()
    assert refunds(api) == [{"user_id": ann.telegram_id, "telegram_payment_charge_id": purchase.charge_id}]
    assert api.texts_to(ann.telegram_id or 0) == ["⭐ We have sent you 250 Stars back. Your Plus has ended."]
    assert until(ann) is None
    after = fresh(purchase)
    assert (after.state, after.refunded_by, after.refund_reason) == (State.ORDERED, cleo, "It did not work")
    entry = LogEntry.objects.get(object_id=str(purchase.pk))
    assert (entry.user_id, entry.get_change_message()) == (cleo.pk, "refund: It did not work")


def test_it_takes_away_only_the_days_that_this_payment_bought(ann: User, buy: Buy, cleo: Staff) -> None:
    first, second = buy(ann, days=30), buy(ann, days=10)

    refund(first.pk, by=cleo, reason="too much")

    assert until(ann) == second.bought_at + timedelta(days=10)
    assert "You still have Plus until" in deliver_all(FakeBotApi()).texts_to(ann.telegram_id or 0)[-1]


def test_it_notes_when_telegram_says_that_they_are_back(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase = refund(buy(ann).pk, by=cleo, reason="too much")

    note_returned(purchase.charge_id)
    note_returned(purchase.charge_id)
    note_returned("a charge of nobody's")

    assert fresh(purchase).state == State.RETURNED
    assert "back with the member already" in order(browser(cleo), purchase).content.decode()


def test_it_follows_a_refund_that_nobody_here_has_ordered(ann: User, buy: Buy) -> None:
    purchase = buy(ann)

    note_returned(purchase.charge_id)

    assert fresh(purchase).state == State.RETURNED
    assert fresh(purchase).refunded_by is None
    assert until(ann) is None


def test_it_asks_telegram_again_when_that_has_failed(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase, api = buy(ann), FakeBotApi()
    api.fail(GatewayError("Bad Request", permanent=True), method="refundStarPayment")
    refund(purchase.pk, by=cleo, reason="too much")
    deliver_all(api)
    refund(purchase.pk, by=cleo, reason="once more")
    deliver_all(api)

    assert len(refunds(api)) == 2
    assert fresh(purchase).refund_reason == "too much"
    assert len(api.texts_to(ann.telegram_id or 0)) == 1


def test_it_sends_them_back_to_who_has_blocked_the_bot(ann: User, buy: Buy, cleo: Staff) -> None:
    api = FakeBotApi()
    api.fail(UnreachableError("bot was blocked by the user"), method="sendMessage", times=9)
    for _ in range(2):
        refund(buy(ann).pk, by=cleo, reason="too much")
    deliver_all(api)

    assert len([call for call in api.calls if call.method == "refundStarPayment"]) == 2
    assert User.objects.get(pk=ann.pk).unreachable_at


def test_it_sends_them_back_to_who_erases_their_account_meanwhile(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase = refund(buy(ann).pk, by=cleo, reason="too much")
    erase(ann)

    assert len(refunds(deliver_all(FakeBotApi()))) == 1
    assert fresh(purchase).buyer is None


def test_it_cannot_know_to_whom_when_the_account_is_gone(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase = buy(ann)
    erase(ann)

    assert "has erased their account" in order(browser(cleo), purchase).content.decode()
    assert Delivery.objects.count() == 0


def test_it_wants_a_reason(ann: User, buy: Buy, cleo: Staff) -> None:
    purchase = buy(ann)

    order(browser(cleo), purchase, reason="  ")

    assert fresh(purchase).state == State.PAID


@pytest.mark.parametrize("role", ["Product manager", "Moderator", "Senior moderator", "Flag approver"])
def test_it_is_for_those_alone_who_may(ann: User, buy: Buy, hire: Hire, role: str) -> None:
    purchase = buy(ann)

    assert order(browser(hire("pia", role)), purchase).status_code == 403
    assert fresh(purchase).state == State.PAID


# ---- The pages


def test_it_lists_purchases_without_names(ann: User, buy: Buy, hire: Hire) -> None:
    purchase = buy(ann)
    buy(ann, stars=100)
    pia = browser(hire("pia", "Product manager"))
    address = reverse("admin:payments_purchase_changelist")

    page = pia.get(address).content.decode()
    assert purchase.number in page
    assert str(ann) in page
    assert "Ann" not in page
    assert "Payments in all: 2. Stars: 350, sent back: 0, kept: 350." in page
    for term in (purchase.number, str(ann.pk), purchase.charge_id):
        assert purchase.number in pia.get(address, {"q": term}).content.decode()
    assert purchase.number not in pia.get(address, {"q": "nothing"}).content.decode()
    assert purchase.number not in pia.get(address, {"state": "returned"}).content.decode()


def test_it_shows_the_button_to_those_who_may(ann: User, buy: Buy, cleo: Staff, hire: Hire) -> None:
    address = reverse("admin:payments_purchase_change", args=[buy(ann).pk])

    page = browser(cleo).get(address).content.decode()
    assert "Give 250 Stars back" in page
    # a form inside the page's own would post to that one
    assert page.index("/do/refund/") < page.index('id="purchase_form"')
    assert "Stars back" not in browser(hire("pia", "Product manager")).get(address).content.decode()


def test_it_lists_in_few_queries(ann: User, buy: Buy, cleo: Staff, django_assert_max_num_queries: Any) -> None:
    for _ in range(5):
        buy(ann)
    client = browser(cleo)
    with django_assert_max_num_queries(12):
        client.get(reverse("admin:payments_purchase_changelist"))
