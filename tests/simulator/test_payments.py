"""Invoices in Telegram Stars, as bot and person see them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.simulator.errors import ApiError
from apps.simulator.models import Checkout, Event
from apps.simulator.personas import pay, set_blocked
from apps.simulator.windows import open_window

INVOICE = {
    "title": "Plus",
    "description": "30 days",
    "payload": "plus:30",
    "currency": "XTR",
    "prices": [{"label": "Plus", "amount": 250}],
}


def last_update(updates, kind):
    return [update[kind] for update in updates() if kind in update][-1]


def invoiced(api):
    return api("sendInvoice", chat_id=501, **INVOICE)["message_id"]


def paid(api):
    """What the bot is told of a payment it has let."""
    checkout = pay(501, invoiced(api))
    api("answerPreCheckoutQuery", pre_checkout_query_id=checkout.query, ok=True)
    return Checkout.objects.get(pk=checkout.pk)


def told(event):
    return event.payload["text"]


def test_it_shows_an_invoice_and_keeps_its_payload_to_the_bot(api, ana):
    sent = api("sendInvoice", chat_id=501, **INVOICE, protect_content=True)

    assert sent["invoice"] == {
        "title": "Plus",
        "description": "30 days",
        "start_parameter": "",
        "currency": "XTR",
        "total_amount": 250,
    }
    assert "plus:30" not in str(open_window(ana))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"currency": "USD"}, "PAYMENT_PROVIDER_INVALID"),
        ({"provider_token": "1:x"}, "PAYMENT_PROVIDER_INVALID"),
        ({"prices": INVOICE["prices"] * 2}, "exactly one price"),
        ({"prices": [{"label": "Plus", "amount": 0}]}, "can't parse prices"),
        ({"payload": ""}, "INVOICE_PAYLOAD_INVALID"),
        ({"payload": "я" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ({"title": "P" * 33}, "can't parse title"),
    ],
)
def test_it_refuses_what_telegram_refuses(api, ana, change, reason):
    assert reason in api.refusal("sendInvoice", chat_id=501, **{**INVOICE, **change})


def test_it_asks_the_bot_before_it_takes_the_stars(api, ana, updates):
    checkout = pay(501, invoiced(api))

    query = last_update(updates, "pre_checkout_query")
    assert query["id"] == checkout.query
    assert (query["currency"], query["total_amount"], query["invoice_payload"]) == ("XTR", 250, "plus:30")
    assert Checkout.objects.paid().count() == 0


def test_it_pays_once_the_bot_has_let_it(api, ana, updates):
    checkout = paid(api)

    payment = last_update(updates, "message")["successful_payment"]
    assert payment == {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": "plus:30",
        "telegram_payment_charge_id": checkout.charge_id,
        "provider_payment_charge_id": "",
    }
    assert [message["paid"] for message in open_window(ana)["messages"] if "invoice" in message] == [True]
    with pytest.raises(ApiError, match="paid already"):
        pay(501, checkout.message.message_id)


def test_it_tells_the_person_why_not(api, ana, updates):
    checkout = pay(501, invoiced(api))
    api("answerPreCheckoutQuery", pre_checkout_query_id=checkout.query, ok=False, error_message="Sold out")

    answer = Event.objects.filter(kind=Event.Kind.ANSWER).get()
    assert (answer.payload["query"], told(answer)) == (checkout.query, "Sold out")
    assert Checkout.objects.paid().count() == 0
    assert not any("successful_payment" in update.get("message", {}) for update in updates())


def test_it_takes_no_answer_after_ten_seconds_and_none_twice(api, ana):
    late = pay(501, invoiced(api))
    Checkout.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    done = paid(api)

    for query in (late.query, done.query, "checkout-x"):
        assert "too old" in api.refusal("answerPreCheckoutQuery", pre_checkout_query_id=query, ok=True)
    assert Checkout.objects.paid().count() == 1


def test_it_gives_back_once_also_to_who_has_blocked_the_bot(api, ana, boris, updates):
    checkout = paid(api)
    charge = {"telegram_payment_charge_id": checkout.charge_id}
    set_blocked(501, True)

    assert "CHARGE_NOT_FOUND" in api.refusal("refundStarPayment", user_id=502, **charge)
    assert api("refundStarPayment", user_id=501, **charge) is True
    assert "CHARGE_ALREADY_REFUNDED" in api.refusal("refundStarPayment", user_id=501, **charge)
    refund = last_update(updates, "message")["refunded_payment"]
    assert (refund["total_amount"], refund["telegram_payment_charge_id"]) == (250, checkout.charge_id)


def test_it_presses_only_the_button_of_an_invoice(api, ana):
    api("sendMessage", chat_id=501, text="No invoice")

    with pytest.raises(ApiError, match="no invoice"):
        pay(501, 1)
