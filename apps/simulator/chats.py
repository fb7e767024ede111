"""Chats: posting, changing and removing messages. Every change leaves an event for the chat's window."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from apps.simulator import autopilot
from apps.simulator.errors import bad_request, blocked_by_user
from apps.simulator.markup import Markup
from apps.simulator.models import Event, Message, Persona
from apps.simulator.schemas import JsonObject

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


@dataclass(frozen=True)
class Draft:
    """A message before it has its number."""

    content: JsonObject
    markup: Markup = field(default_factory=Markup)
    reply_to: Message | None = None
    protected: bool = False
    media_group_id: str = ""


def locked_chat(chat_id: int | str) -> Persona:
    """The chat, locked until the transaction ends. Raises ApiError if there is none."""
    numeric = isinstance(chat_id, int) or chat_id.lstrip("-").isdecimal()
    persona = Persona.objects.select_for_update().filter(pk=int(chat_id)).first() if numeric else None
    if persona is None:
        raise bad_request("chat not found")
    return persona


def reachable_chat(chat_id: int | str) -> Persona:
    """As ``locked_chat``. Raises ApiError too if the person has blocked the bot."""
    chat = locked_chat(chat_id)
    if chat.blocked_bot:
        raise blocked_by_user()
    return chat


def find_message(chat: Persona, message_id: int) -> Message | None:
    """A message of the chat; None if it never was or has been deleted."""
    found = chat.messages.filter(message_id=message_id, deleted=False).select_related("reply_to").first()
    if found is not None:
        found.chat = chat
    return found


def post(chat: Persona, draft: Draft, *, from_bot: bool) -> Message:
    """Adds a message to a locked chat."""
    chat.last_message_id += 1
    message = Message.objects.create(
        chat=chat,
        message_id=chat.last_message_id,
        from_bot=from_bot,
        content=draft.content,
        reply_markup=draft.markup.inline,
        has_reply_keyboard=draft.markup.keyboard is not None,
        reply_to=draft.reply_to,
        protected=draft.protected,
        media_group_id=draft.media_group_id,
    )
    if draft.markup.keyboard is not None:
        removed = "remove_keyboard" in draft.markup.keyboard
        chat.reply_keyboard = None if removed else draft.markup.keyboard
        record(chat, Event.Kind.CHAT)
    chat.save(update_fields=["last_message_id", "reply_keyboard"])
    record(chat, Event.Kind.MESSAGE, message)
    if from_bot:
        autopilot.react(message)
    return message


def revise(message: Message, content: JsonObject, inline: JsonObject | None) -> Message:
    """Replaces content and keyboard. Raises ApiError if nothing changes."""
    if message.content == content and message.reply_markup == inline:
        raise bad_request(NOT_MODIFIED)
    # A change of the keyboard alone does not count as an edit for the reader.
    if message.content != content:
        message.edited_at = timezone.now()
    message.content = content
    message.reply_markup = inline
    message.save(update_fields=["content", "reply_markup", "edited_at"])
    record(message.chat, Event.Kind.MESSAGE, message)
    if message.from_bot:
        autopilot.react(message)
    return message


def remove(message: Message) -> None:
    message.deleted = True
    message.save(update_fields=["deleted"])
    record(message.chat, Event.Kind.DELETION, message)


def pin(chat: Persona, message_id: int | None) -> None:
    chat.pinned_message_id = message_id
    chat.save(update_fields=["pinned_message_id"])
    record(chat, Event.Kind.CHAT)


def react_to(message: Message, emojis: Sequence[str]) -> None:
    message.reactions = list(emojis)
    message.save(update_fields=["reactions"])
    record(message.chat, Event.Kind.MESSAGE, message)


def record(chat: Persona, kind: Event.Kind, message: Message | None = None, payload: JsonObject | None = None) -> Event:
    """Tells the chat's window of a change. The chat must be locked, which keeps its event ids in order."""
    return Event.objects.create(chat=chat, kind=kind, message=message, payload=payload or {})
