"""A member pays in Telegram: its question before it takes the Stars, and its word that it has."""

import itertools
from typing import Any

from tests.bot.people import last_params
from tests.phone import Phone

_numbers = itertools.count(1)


def invoice(phone: Phone) -> dict[str, Any]:
    """What /plus and its button bring."""
    phone.write("/plus")
    phone.tap("plus:buy")
    return last_params(phone)


def check_out(phone: Phone, of: dict[str, Any]) -> dict[str, Any]:
    """Presses Pay: what the bot answers in the webhook's own response."""
    query = {
        "id": f"query-{next(_numbers)}",
        "from": _payer(phone),
        "currency": of["currency"],
        "total_amount": of["prices"][0]["amount"],
        "invoice_payload": of["payload"],
    }
    return phone.post({"pre_checkout_query": query}).json()


def pay(phone: Phone, of: dict[str, Any], *, charge_id: str = "") -> str:
    """Telegram has taken the Stars; its id of the payment."""
    charge_id = charge_id or f"charge-{next(_numbers)}"
    phone.send(successful_payment=_payment(of, charge_id))
    return charge_id


def buy(phone: Phone) -> str:
    """The whole way; Telegram's id of the payment."""
    found = invoice(phone)
    assert check_out(phone, found)["ok"]
    return pay(phone, found)


def has_stars_back(phone: Phone, charge_id: str) -> None:
    """Telegram tells of a refund, on behalf of the bot."""
    bot = {"id": 1, "is_bot": True, "first_name": "MeetsMatch"}
    phone.send(**{"from": bot}, refunded_payment=_payment({"prices": [{"amount": 250}], "payload": ""}, charge_id))


def _payment(of: dict[str, Any], charge_id: str) -> dict[str, Any]:
    return {
        "currency": "XTR",
        "total_amount": of["prices"][0]["amount"],
        "invoice_payload": of["payload"],
        "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": "",
    }


def _payer(phone: Phone) -> dict[str, Any]:
    return {"id": phone.telegram_id, "is_bot": False, "first_name": phone.name, "language_code": phone.language}
