"""Rows in the form in which the Bot API shows them."""

from django.conf import settings

from apps.simulator.models import BotSetting, Checkout, Message, Persona
from apps.simulator.schemas import JsonObject

BOT_USERNAME = "meetsmatch_bot"


def bot_user() -> JsonObject:
    name = BotSetting.objects.filter(key="name", language_code="").first()
    return {
        "id": int(settings.SIMULATOR_BOT_TOKEN.partition(":")[0]),
        "is_bot": True,
        "first_name": name.value if name and name.value else "MeetsMatch",
        "username": BOT_USERNAME,
    }


def user(persona: Persona) -> JsonObject:
    shown: JsonObject = {"id": persona.telegram_id, "is_bot": False, "first_name": persona.first_name}
    if persona.username:
        shown["username"] = persona.username
    return shown | {"language_code": persona.language_code}


def chat(persona: Persona) -> JsonObject:
    shown: JsonObject = {"id": persona.telegram_id, "first_name": persona.first_name, "type": "private"}
    if persona.username:
        shown["username"] = persona.username
    return shown


def message(row: Message, *, with_reply: bool = True) -> JsonObject:
    """The Bot API's Message. A replied-to message is shown without what it replied to itself."""
    shown: JsonObject = {
        "message_id": row.message_id,
        "from": bot_user() if row.from_bot else user(row.chat),
        "chat": chat(row.chat),
        **body(row),
    }
    if with_reply and row.reply_to is not None and not row.reply_to.deleted:
        shown["reply_to_message"] = message(row.reply_to, with_reply=False)
    return shown


def body(row: Message) -> JsonObject:
    """What a Message shows besides who wrote it and what it replies to."""
    shown: JsonObject = {"date": int(row.sent_at.timestamp()), **row.content}
    if row.edited_at:
        shown["edit_date"] = int(row.edited_at.timestamp())
    if row.media_group_id:
        shown["media_group_id"] = row.media_group_id
    if row.protected:
        shown["has_protected_content"] = True
    if row.reply_markup:
        shown["reply_markup"] = row.reply_markup
    return shown


def payment(checkout: Checkout) -> JsonObject:
    """What a service message says of a payment, or of its refund."""
    invoice = checkout.message.content["invoice"]
    return {
        "currency": invoice["currency"],
        "total_amount": invoice["total_amount"],
        "invoice_payload": checkout.message.invoice_payload,
        "telegram_payment_charge_id": checkout.charge_id,
        "provider_payment_charge_id": "",
    }
