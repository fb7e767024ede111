"""What people do in a Telegram client: write, tap, edit, block. Each act becomes an update for the bot."""

import secrets
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from apps.simulator import payloads
from apps.simulator.chats import Draft, find_message, locked_chat, post, record, revise
from apps.simulator.errors import bad_request
from apps.simulator.formatting import formatted
from apps.simulator.models import CallbackQuery, Checkout, Event, Message, Persona
from apps.simulator.schemas import JsonObject
from apps.simulator.updates import enqueue

FIRST_FREE_ID = 6_000_000_000


@dataclass(frozen=True)
class NewPersona:
    """``telegram_id`` None: a free one is chosen. ``avatar``: a JPEG, or None for initials."""

    first_name: str
    telegram_id: int | None = None
    username: str | None = None
    language_code: str = "en"
    autopilot: bool = False
    avatar: bytes | None = None


@transaction.atomic
def create_persona(new: NewPersona) -> Persona:
    """The persona with that Telegram id, made if there is none yet; so running it twice changes nothing."""
    telegram_id = new.telegram_id or FIRST_FREE_ID + secrets.randbelow(1_000_000_000)
    persona, _ = Persona.objects.get_or_create(
        telegram_id=telegram_id,
        defaults={
            "first_name": new.first_name,
            "username": new.username,
            "language_code": new.language_code,
            "autopilot": new.autopilot,
        },
    )
    if new.avatar is not None and not persona.avatar:
        persona.avatar = default_storage.save(f"simulator/avatars/{telegram_id}.jpg", ContentFile(new.avatar))
        persona.save(update_fields=["avatar"])
    return persona


def touch(persona: Persona) -> None:
    """Notes that a human plays this persona now, for the order in the picker."""
    Persona.objects.filter(pk=persona.pk).update(last_used_at=timezone.now())


@transaction.atomic
def say(persona_id: int, text: str, *, reply_to_id: int | None = None) -> Message:
    plain, entities = formatted(text, "", None)
    if not plain:
        raise bad_request("message text is empty")
    if len(plain) > 4096:
        raise bad_request("message is too long")
    content: JsonObject = {"text": plain, "entities": entities} if entities else {"text": plain}
    return send(persona_id, content, reply_to_id=reply_to_id)


@transaction.atomic
def send(persona_id: int, content: JsonObject, *, reply_to_id: int | None = None, media_group_id: str = "") -> Message:
    """Sends any content to the bot. Writing to a blocked bot unblocks it, as in Telegram's clients."""
    chat = locked_chat(persona_id)
    if chat.blocked_bot:
        _change_membership(chat, blocked=False)
    reply_to = find_message(chat, reply_to_id) if reply_to_id else None
    message = post(chat, Draft(content, reply_to=reply_to, media_group_id=media_group_id), from_bot=False)
    enqueue("message", payloads.message(message), f"chat:{chat.pk}")
    return message


@transaction.atomic
def edit(persona_id: int, message_id: int, text: str) -> Message:
    """Changes one's own message: its text, or the caption of what it shows."""
    chat = locked_chat(persona_id)
    message = find_message(chat, message_id)
    if message is None or message.from_bot:
        raise bad_request("message can't be edited")
    name = "text" if "text" in message.content else "caption"
    plain, entities = formatted(text, "", None)
    if name == "text" and not plain:
        raise bad_request("message text is empty")
    replaced = ("text", "entities", "caption", "caption_entities")
    content: JsonObject = {key: value for key, value in message.content.items() if key not in replaced}
    content |= {name: plain} if plain else {}
    content |= {"entities" if name == "text" else "caption_entities": entities} if entities else {}
    revise(message, content, None)
    enqueue("edited_message", payloads.message(message), f"chat:{chat.pk}")
    return message


@transaction.atomic
def tap(persona_id: int, message_id: int, data: str) -> CallbackQuery:
    """Taps the inline button with that data. Raises ApiError if the message has no such button any more."""
    chat = locked_chat(persona_id)
    message = find_message(chat, message_id)
    if message is None or data not in message.button_data():
        raise bad_request("message to tap on has no such button")
    query = CallbackQuery.objects.create(message=message, data=data)
    payload: JsonObject = {
        "id": str(query.pk),
        "from": payloads.user(chat),
        "message": payloads.message(message),
        "chat_instance": str(-(chat.pk * 7919)),
        "data": data,
    }
    enqueue("callback_query", payload, f"user:{chat.pk}")
    return query


@transaction.atomic
def pay(persona_id: int, message_id: int) -> Checkout:
    """Presses an invoice's Pay button: the bot is asked. Raises ApiError for what is no invoice, or paid already."""
    chat = locked_chat(persona_id)
    message = find_message(chat, message_id)
    if message is None or "invoice" not in message.content:
        raise bad_request("message to pay for is no invoice")
    if message.checkouts.paid().exists():
        raise bad_request("this invoice has been paid already")
    checkout = Checkout.objects.create(message=message)
    invoice = message.content["invoice"]
    payload: JsonObject = {
        "id": checkout.query,
        "from": payloads.user(chat),
        "currency": invoice["currency"],
        "total_amount": invoice["total_amount"],
        "invoice_payload": message.invoice_payload,
    }
    enqueue("pre_checkout_query", payload, f"user:{chat.pk}")
    return checkout


@transaction.atomic
def set_blocked(persona_id: int, blocked: bool) -> None:
    chat = locked_chat(persona_id)
    if chat.blocked_bot != blocked:
        _change_membership(chat, blocked=blocked)


def _change_membership(chat: Persona, *, blocked: bool) -> None:
    chat.blocked_bot = blocked
    chat.save(update_fields=["blocked_bot"])
    record(chat, Event.Kind.CHAT)
    bot = payloads.bot_user()
    member: JsonObject = {"user": bot, "status": "member"}
    kicked: JsonObject = {"user": bot, "status": "kicked", "until_date": 0}
    payload: JsonObject = {
        "chat": payloads.chat(chat),
        "from": payloads.user(chat),
        "date": int(timezone.now().timestamp()),
        "old_chat_member": member if blocked else kicked,
        "new_chat_member": kicked if blocked else member,
    }
    enqueue("my_chat_member", payload, f"my_chat_member:{chat.pk}")


@transaction.atomic
def set_autopilot(persona_id: int, autopilot: bool) -> None:
    chat = locked_chat(persona_id)
    chat.autopilot = autopilot
    chat.save(update_fields=["autopilot"])
    record(chat, Event.Kind.CHAT)


@transaction.atomic
def clear_chat(persona_id: int) -> None:
    """Empties the chat on the person's side; the bot is told nothing, as in Telegram."""
    chat = locked_chat(persona_id)
    chat.messages.update(deleted=True)
    chat.reply_keyboard = None
    chat.pinned_message_id = None
    chat.save(update_fields=["reply_keyboard", "pinned_message_id"])
    record(chat, Event.Kind.CHAT, payload={"cleared": True})
