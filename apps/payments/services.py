"""What is sold and what becomes of the money: invoices, the last check before a payment, payments, refunds.

Telegram takes the Stars and says so in an update, which may come twice, late, or from somebody whose account is gone:
whatever has been paid is in the books, once. See docs/payments.md.
"""

from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from apps import flags
from apps.core.errors import RuleError
from apps.flags.experiments.models import Metric
from apps.notifications.models import Priority
from apps.notifications.services import Outgoing, enqueue
from apps.payments import texts
from apps.payments.errors import PaymentError
from apps.payments.models import Purchase
from apps.payments.selectors import CURRENCY, days_of, last_day, offer
from apps.users.models import User
from apps.users.restrictions import lock_members
from apps.users.services import set_plus_until

REFUND = "payments.refund_purchase"
NO_ACCOUNT = "The account was gone when the payment arrived."
BY_TELEGRAM = "Telegram says that it was refunded; nobody did so here."

log = structlog.get_logger(__name__)


# ---- Selling


def invoice(user: User) -> dict[str, Any]:
    """The parameters of sendInvoice for what is on offer to them now. Raises RuleError: plus_off_sale."""
    on_offer = offer(user)
    if on_offer is None:
        raise RuleError("plus_off_sale")
    return {
        "title": texts.title(),
        "description": texts.description(on_offer),
        "payload": on_offer.item,
        "currency": CURRENCY,
        "prices": [{"label": texts.title(), "amount": on_offer.stars}],
        # forwarded, it would have others pay a price that is not theirs
        "protect_content": True,
    }


def check_out(user: User, *, currency: str, stars: int, item: str) -> None:
    """The last word before Telegram takes the Stars. Nothing is written: who is let through may still not pay.

    Raises RuleError: plus_kept_out; plus_off_sale; plus_changed, for an invoice that is older than the offer.
    """
    if user.is_kept_out:
        raise RuleError("plus_kept_out")
    on_offer = offer(user)
    if on_offer is None:
        raise RuleError("plus_off_sale")
    if (currency, stars, item) != (CURRENCY, on_offer.stars, on_offer.item):
        raise RuleError("plus_changed")


@transaction.atomic
def take_payment(buyer: User, *, charge_id: str, stars: int, item: str) -> Purchase | None:
    """Writes the payment down and gives what was paid for, whatever has changed since; None when it was done before.

    The caller holds the lock of the member's row.
    """
    purchase = _write_down(buyer, charge_id=charge_id, stars=stars, item=item)
    if purchase is None:
        return None
    _follow(buyer)
    flags.record(Metric.PURCHASE, buyer)
    return purchase


@transaction.atomic
def take_payment_of_nobody(telegram_id: int, *, charge_id: str, stars: int, item: str) -> Purchase | None:
    """The same from somebody without an account: there is nobody to give anything to, so the Stars go back at once."""
    purchase = _write_down(None, charge_id=charge_id, stars=stars, item=item)
    if purchase is None:
        return None
    purchase.refunded_at, purchase.refund_reason = timezone.now(), NO_ACCOUNT
    purchase.save(update_fields=["refunded_at", "refund_reason"])
    _send_back(telegram_id, purchase)
    return purchase


def _write_down(buyer: User | None, *, charge_id: str, stars: int, item: str) -> Purchase | None:
    purchase, is_first = Purchase.objects.get_or_create(
        charge_id=charge_id, defaults={"buyer": buyer, "stars": stars, "item": item, "days": days_of(item)}
    )
    if is_first and not purchase.days:
        log.error("payment_for_nothing_known", purchase=str(purchase.pk))
    return purchase if is_first else None


# ---- Giving back


@transaction.atomic
def refund(purchase_id: UUID, *, by: User, reason: str) -> Purchase:
    """The days it bought end, the Stars go back, and the member is told. Again, for one of which Telegram did not say
    that the Stars are back: asks Telegram once more. Raises PaymentError.
    """
    if not reason.strip():
        raise PaymentError(texts.reason_missing())
    purchase, buyer = _lock(purchase_id)
    if buyer is None or buyer.telegram_id is None:
        raise PaymentError(texts.buyer_gone())
    if purchase.returned_at:
        raise PaymentError(texts.returned_already())
    _send_back(buyer.telegram_id, purchase)
    if not purchase.refunded_at:
        purchase.refunded_at, purchase.refunded_by, purchase.refund_reason = timezone.now(), by, reason.strip()[:500]
        purchase.save(update_fields=["refunded_at", "refunded_by", "refund_reason"])
        _follow(buyer)
        _tell_of_refund(buyer, purchase)
    return purchase


@transaction.atomic
def note_returned(charge_id: str) -> None:
    """Telegram says that the Stars are back. Ends the days, too, if nobody here asked for it. Safe to call twice."""
    found = Purchase.objects.filter(charge_id=charge_id, returned_at=None).first()
    if found is None:
        return
    purchase, buyer = _lock(found.pk)
    purchase.returned_at = timezone.now()
    if purchase.refunded_at:
        purchase.save(update_fields=["returned_at"])
        return
    purchase.refunded_at, purchase.refund_reason = purchase.returned_at, BY_TELEGRAM
    purchase.save(update_fields=["returned_at", "refunded_at", "refund_reason"])
    if buyer:
        _follow(buyer)
        _tell_of_refund(buyer, purchase)


def _lock(purchase_id: UUID) -> tuple[Purchase, User | None]:
    """The member's row first, as a turn of the dialogue does: so nobody waits in a circle."""
    buyer_id = Purchase.objects.values_list("buyer", flat=True).get(pk=purchase_id)
    buyer = next(iter(lock_members([buyer_id] if buyer_id else [])), None)
    return Purchase.objects.select_for_update().get(pk=purchase_id), buyer


def _follow(buyer: User) -> None:
    set_plus_until(buyer, last_day(Purchase.objects.filter(buyer=buyer)))


def _send_back(telegram_id: int, purchase: Purchase) -> None:
    """A delivery of no member's: if they erase their account meanwhile, the Stars go back all the same."""
    params = {"user_id": telegram_id, "telegram_payment_charge_id": purchase.charge_id}
    enqueue([Outgoing(telegram_id, "refundStarPayment", params, priority=Priority.REPLY)])


def _tell_of_refund(buyer: User, purchase: Purchase) -> None:
    assert buyer.telegram_id is not None, "a member"
    with override(buyer.language):
        params = {"text": texts.refunded(purchase.stars, buyer), "parse_mode": "HTML"}
    enqueue([Outgoing(buyer.telegram_id, "sendMessage", params, user=buyer, priority=Priority.ALERT)])
