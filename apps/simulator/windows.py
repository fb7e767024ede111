"""What the browser shows of a chat: its messages, its state, and what changed since an event."""

from django.db.models import QuerySet

from apps.simulator import payloads
from apps.simulator.methods.profile import commands_for, text_for
from apps.simulator.models import Event, Message, Persona
from apps.simulator.schemas import JsonObject

PAGE_SIZE = 100


def persona_summary(persona: Persona) -> JsonObject:
    return {
        "id": persona.pk,
        "name": persona.first_name,
        "username": persona.username or "",
        "language": persona.language_code,
        "autopilot": persona.autopilot,
        "has_avatar": bool(persona.avatar),
        "used": persona.last_used_at is not None,
    }


def chat_state(persona: Persona) -> JsonObject:
    """All of a chat's window but its messages."""
    return {
        "persona": persona_summary(persona),
        "bot": {
            "name": text_for("name", persona) or payloads.bot_user()["first_name"],
            "username": payloads.BOT_USERNAME,
            "description": text_for("description", persona),
            "commands": commands_for(persona),
        },
        "blocked": persona.blocked_bot,
        "reply_keyboard": persona.reply_keyboard,
        "pinned": persona.pinned_message_id,
    }


def shown_message(message: Message) -> JsonObject:
    shown = {**_own_view(message), "reactions": message.reactions}
    if message.reply_to is not None and not message.reply_to.deleted:
        shown["reply_to"] = _own_view(message.reply_to)
    return shown


def _own_view(message: Message) -> JsonObject:
    shown: JsonObject = {"id": message.message_id, "out": not message.from_bot, **payloads.body(message)}
    if "invoice" in message.content:
        shown["paid"] = message.checkouts.paid().exists()
    return shown


def open_window(persona: Persona, *, before: int | None = None) -> JsonObject:
    """State and last messages of a chat, and the event to go on from; with ``before`` older messages only."""
    last_event = persona.events.order_by("-id").values_list("id", flat=True).first() or 0
    persona.refresh_from_db()  # not older than the event that the browser goes on from
    found = _messages(persona).order_by("-message_id")
    if before is not None:
        found = found.filter(message_id__lt=before)
    page = list(found[: PAGE_SIZE + 1])
    return {
        **chat_state(persona),
        "messages": [shown_message(message) for message in reversed(page[:PAGE_SIZE])],
        "has_earlier": len(page) > PAGE_SIZE,
        "last_event": last_event,
    }


def news(persona: Persona, *, after: int) -> JsonObject:
    """What changed in a chat after an event: every message as it is now, so that asking twice does no harm."""
    events = list(persona.events.filter(id__gt=after).select_related("message").order_by("id"))
    if not events:
        return {"last_event": after}
    by_kind = {kind: [event for event in events if event.kind == kind] for kind in Event.Kind}
    changed = {event.message_id for event in by_kind[Event.Kind.MESSAGE] if event.message_id}
    answer: JsonObject = {
        "last_event": events[-1].id,
        "messages": [shown_message(row) for row in _messages(persona).filter(pk__in=changed).order_by("message_id")],
        "deleted": [event.message.message_id for event in by_kind[Event.Kind.DELETION] if event.message],
        "answers": [event.payload for event in by_kind[Event.Kind.ANSWER]],
    }
    if by_kind[Event.Kind.ACTION]:
        answer["action"] = by_kind[Event.Kind.ACTION][-1].payload["action"]
    if by_kind[Event.Kind.CHAT]:
        persona.refresh_from_db()  # not older than these events
        answer["state"] = chat_state(persona)
        answer["cleared"] = any("cleared" in event.payload for event in by_kind[Event.Kind.CHAT])
    return answer


def _messages(persona: Persona) -> QuerySet[Message]:
    return persona.messages.filter(deleted=False).select_related("reply_to")
