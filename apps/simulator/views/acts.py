"""What the browser asks a persona to do, one function per act: validated input in, one service called."""

import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.core.files.base import ContentFile
from django.db import transaction
from pydantic import BaseModel, Field

from apps.simulator import files, personas
from apps.simulator.errors import bad_request
from apps.simulator.models import CallbackQuery, Message, Persona
from apps.simulator.schemas import JsonObject
from apps.simulator.stickers import STICKERS, sticker_webp

ALBUM_MAX = 10
T = TypeVar("T", bound=BaseModel)
Uploads = Sequence[files.Upload]
# Chat, raw input and files in; what the browser is told out. Raises ValidationError and ApiError.
Act = Callable[[int, JsonObject, Uploads], JsonObject]


class Text(BaseModel):
    text: str = Field(min_length=1, max_length=10_000)
    reply_to: int | None = None


class Files(BaseModel):
    kind: str = Field(pattern=f"^({'|'.join(files.KINDS)})$")
    caption: str = Field("", max_length=1024)
    reply_to: int | None = None
    duration: int = Field(0, ge=0, le=86_400)
    width: int = Field(0, ge=0, le=10_000)
    height: int = Field(0, ge=0, le=10_000)


class Location(BaseModel):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Sticker(BaseModel):
    name: str


class Tap(BaseModel):
    message_id: int
    data: str


class Pay(BaseModel):
    message_id: int


class Edit(BaseModel):
    message_id: int
    text: str = Field("", max_length=10_000)


class Switch(BaseModel):
    on: bool


class Nothing(BaseModel):
    pass


def _sent(message: Message) -> JsonObject:
    return {"message_id": message.message_id}


def send_text(chat_id: int, given: Text, _: Uploads) -> JsonObject:
    return _sent(personas.say(chat_id, given.text, reply_to_id=given.reply_to))


@transaction.atomic
def send_files(chat_id: int, given: Files, uploads: Uploads) -> JsonObject:
    """Several files become an album: messages that share a group."""
    if not 1 <= len(uploads) <= ALBUM_MAX:
        raise bad_request(f"choose 1 to {ALBUM_MAX} files")
    group = str(secrets.randbits(53)) if len(uploads) > 1 else ""
    measures = files.Measures(given.width, given.height, given.duration)
    for number, upload in enumerate(uploads):
        content = files.media_content(files.store(given.kind, upload, measures))
        if number == 0 and given.caption:
            content["caption"] = given.caption
        message = personas.send(chat_id, content, reply_to_id=given.reply_to, media_group_id=group)
    return _sent(message)


def send_location(chat_id: int, given: Location, _: Uploads) -> JsonObject:
    return _sent(personas.send(chat_id, {"location": given.model_dump()}))


def send_contact(chat_id: int, _: Nothing, __: Uploads) -> JsonObject:
    """Shares the persona's own contact, with a number from the range kept for fiction."""
    persona = Persona.objects.get(pk=chat_id)
    contact: JsonObject = {
        "phone_number": f"+1555{chat_id % 10**7:07d}",
        "first_name": persona.first_name,
        "user_id": persona.pk,
    }
    return _sent(personas.send(chat_id, {"contact": contact}))


def send_sticker(chat_id: int, given: Sticker, _: Uploads) -> JsonObject:
    if given.name not in STICKERS:
        raise bad_request("there is no such sticker")
    picture = ContentFile(sticker_webp(given.name), name=f"{given.name}.webp")
    stored = files.store("sticker", picture, files.Measures(emoji=STICKERS[given.name][0]))
    return _sent(personas.send(chat_id, files.media_content(stored)))


def tap(chat_id: int, given: Tap, _: Uploads) -> JsonObject:
    query: CallbackQuery = personas.tap(chat_id, given.message_id, given.data)
    return {"query": query.pk}


def pay(chat_id: int, given: Pay, _: Uploads) -> JsonObject:
    return {"query": personas.pay(chat_id, given.message_id).query}


def edit(chat_id: int, given: Edit, _: Uploads) -> JsonObject:
    return _sent(personas.edit(chat_id, given.message_id, given.text))


def set_blocked(chat_id: int, given: Switch, _: Uploads) -> JsonObject:
    personas.set_blocked(chat_id, given.on)
    return {}


def set_autopilot(chat_id: int, given: Switch, _: Uploads) -> JsonObject:
    personas.set_autopilot(chat_id, given.on)
    return {}


def clear(chat_id: int, _: Nothing, __: Uploads) -> JsonObject:
    personas.clear_chat(chat_id)
    return {}


def _act(form: type[T], run: Callable[[int, T, Uploads], JsonObject]) -> Act:
    def parse_and_run(chat_id: int, raw: JsonObject, uploads: Uploads) -> JsonObject:
        return run(chat_id, form.model_validate(raw), uploads)

    return parse_and_run


ACTS: dict[str, Act] = {
    "text": _act(Text, send_text),
    "files": _act(Files, send_files),
    "location": _act(Location, send_location),
    "contact": _act(Nothing, send_contact),
    "sticker": _act(Sticker, send_sticker),
    "tap": _act(Tap, tap),
    "pay": _act(Pay, pay),
    "edit": _act(Edit, edit),
    "blocked": _act(Switch, set_blocked),
    "autopilot": _act(Switch, set_autopilot),
    "clear": _act(Nothing, clear),
}
