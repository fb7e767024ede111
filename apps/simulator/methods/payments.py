"""Invoices in Telegram Stars: sendInvoice, answerPreCheckoutQuery, refundStarPayment."""

import secrets

from django.utils import timezone

from apps.simulator import payloads
from apps.simulator.chats import Draft, locked_chat, post, reachable_chat, record
from apps.simulator.errors import bad_request
from apps.simulator.markup import parse_markup
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.methods.sending import replied
from apps.simulator.models import Checkout, Event
from apps.simulator.schemas import AnswerPreCheckoutQuery, JsonObject, RefundStarPayment, SendInvoice
from apps.simulator.updates import enqueue

STARS = "XTR"
MAX_PAYLOAD_BYTES = 128


@api_method("sendInvoice", params=SendInvoice)
def send_invoice(params: SendInvoice, _: Uploads) -> JsonObject:
    """Stars only, which is what Telegram allows for digital goods: no provider, and exactly one price."""
    if params.currency != STARS or params.provider_token:
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    if len(params.prices) != 1:
        raise bad_request("there must be exactly one price for a payment in Telegram Stars")
    if not 1 <= len(params.payload.encode()) <= MAX_PAYLOAD_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    chat = reachable_chat(params.chat_id)
    invoice: JsonObject = {
        "title": params.title,
        "description": params.description,
        "start_parameter": params.start_parameter,
        "currency": STARS,
        "total_amount": params.prices[0].amount,
    }
    draft = Draft(
        {"invoice": invoice},
        markup=parse_markup(params.reply_markup),
        reply_to=replied(chat, params),
        protected=params.protect_content,
    )
    message = post(chat, draft, from_bot=True)
    message.invoice_payload = params.payload
    message.save(update_fields=["invoice_payload"])
    return payloads.message(message)


@api_method("answerPreCheckoutQuery", params=AnswerPreCheckoutQuery)
def answer_pre_checkout_query(params: AnswerPreCheckoutQuery, _: Uploads) -> bool:
    """Takes the Stars or tells the person why not. An answer that comes after ten seconds counts for nothing."""
    checkout = _checkout(params.pre_checkout_query_id)
    if checkout is None or checkout.expired or checkout.answered_at:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if not params.ok and not params.error_message:
        raise bad_request("error message is empty")
    chat = locked_chat(checkout.message.chat_id)
    checkout.answered_at = timezone.now()
    if params.ok and not Checkout.objects.paid().filter(message=checkout.message).exists():
        checkout.charge_id = f"stars-{secrets.token_hex(16)}"
    checkout.save(update_fields=["answered_at", "charge_id"])
    answer = {"query": checkout.query, "text": params.error_message, "show_alert": True}
    record(chat, Event.Kind.ANSWER, checkout.message, answer)
    if checkout.charge_id:
        record(chat, Event.Kind.MESSAGE, checkout.message)
        _tell(checkout, "successful_payment", from_bot=False)
    return True


@api_method("refundStarPayment", params=RefundStarPayment)
def refund_star_payment(params: RefundStarPayment, _: Uploads) -> bool:
    """Also to somebody who has blocked the bot."""
    paid = Checkout.objects.paid().select_related("message__chat").filter(message__chat=params.user_id)
    checkout = paid.filter(charge_id=params.telegram_payment_charge_id).first()
    if checkout is None:
        raise bad_request("CHARGE_NOT_FOUND")
    locked_chat(params.user_id)
    if not Checkout.objects.filter(pk=checkout.pk, refunded_at=None).update(refunded_at=timezone.now()):
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    _tell(checkout, "refunded_payment", from_bot=True)
    return True


def _checkout(query_id: str) -> Checkout | None:
    number = query_id.removeprefix(Checkout.PREFIX)
    return Checkout.objects.filter(pk=int(number)).first() if number.isdecimal() else None


def _tell(checkout: Checkout, what: str, *, from_bot: bool) -> None:
    """A service message, which both sides get."""
    chat = locked_chat(checkout.message.chat_id)
    message = post(chat, Draft({what: payloads.payment(checkout)}), from_bot=from_bot)
    enqueue("message", payloads.message(message), f"chat:{chat.pk}")
