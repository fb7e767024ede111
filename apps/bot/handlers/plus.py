"""/plus: what it gives and costs, the invoice, Telegram's question before a payment, the payment; help with one."""

import telegram

from apps.bot import keyboards, texts
from apps.bot.handlers import signup
from apps.bot.turn import Reply, Turn, say_to_chat, send, toast
from apps.matching.selectors import is_listed, waiting_likes
from apps.matching.services import likes_a_day
from apps.payments import services
from apps.payments import texts as about
from apps.payments.selectors import has_plus, offer, purchases_of

SHOWN_PURCHASES = 5


def plus(turn: Turn) -> Reply:
    """/plus"""
    user, on_offer = turn.user, offer(turn.user)
    text = about.screen(
        user,
        on_offer,
        likes=likes_a_day(user, with_plus=True),
        likes_without=likes_a_day(user, with_plus=False),
        waiting=waiting_likes(user) if has_plus(user) and is_listed(user) else None,
    )
    return signup.leave_question(turn) + turn.say(text, keyboards.buy_plus(on_offer.stars) if on_offer else ())


def buy(turn: Turn) -> Reply:
    return send(turn.user, "sendInvoice", services.invoice(turn.user))


def check_out(turn: Turn) -> Reply:
    """Telegram is about to take the Stars: an empty reply lets it, what is refused is answered with the reason."""
    query = turn.update.pre_checkout_query
    assert query is not None
    services.check_out(turn.user, currency=query.currency, stars=query.total_amount, item=query.invoice_payload)
    return Reply()


def paid(turn: Turn) -> Reply:
    payment = turn.message.successful_payment
    assert payment is not None
    purchase = services.take_payment(
        turn.user,
        charge_id=payment.telegram_payment_charge_id,
        stars=payment.total_amount,
        item=payment.invoice_payload,
    )
    return turn.say(about.thanks(turn.user)) if purchase else Reply()


def support(turn: Turn) -> Reply:
    """/paysupport"""
    return turn.say(about.support(list(purchases_of(turn.user)[:SHOWN_PURCHASES])))


def terms(turn: Turn) -> Reply:
    """/terms"""
    return turn.say(texts.account.terms())


# ---- Without a member


def from_stranger(update: telegram.Update) -> Reply:
    """A question before a payment, or a payment, of somebody whose account is gone."""
    if update.pre_checkout_query:
        return toast(about.no_account())
    message = update.message
    assert message is not None and message.successful_payment is not None  # noqa: PT018
    payment = message.successful_payment
    services.take_payment_of_nobody(
        message.chat.id,
        charge_id=payment.telegram_payment_charge_id,
        stars=payment.total_amount,
        item=payment.invoice_payload,
    )
    return say_to_chat(message.chat.id, about.paid_without_account())


def stars_back(refund: telegram.RefundedPayment) -> Reply:
    """Telegram says so, on behalf of the member or of the bot."""
    services.note_returned(refund.telegram_payment_charge_id)
    return Reply()
