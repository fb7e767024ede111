"""send..., copyMessage and sendMediaGroup."""

import secrets

from django.core.files.uploadedfile import UploadedFile

from apps.simulator import files, payloads
from apps.simulator.chats import Draft, find_message, locked_chat, post, reachable_chat
from apps.simulator.errors import bad_request
from apps.simulator.formatting import formatted
from apps.simulator.markup import parse_markup
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.models import Message, Persona, StoredFile
from apps.simulator.schemas import (
    Captioned,
    CopyMessage,
    InputMedia,
    JsonObject,
    SendContact,
    Sending,
    SendLocation,
    SendMedia,
    SendMediaGroup,
    SendMessage,
)

MAX_TEXT = 4096
MAX_CAPTION = 1024
ALBUM_KINDS = ("photo", "video", "document", "audio")
MEDIA_METHODS = {f"send{kind.replace('_', '')}": kind for kind in files.KINDS}


def text_content(text: str, parse_mode: str, entities: list[JsonObject] | None) -> JsonObject:
    """Raises ApiError for text that is empty, too long or badly formatted."""
    plain, found = formatted(text, parse_mode, entities)
    if not plain:
        raise bad_request("message text is empty")
    if len(plain) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": plain, "entities": found} if found else {"text": plain}


def caption_content(params: Captioned) -> JsonObject:
    plain, entities = formatted(params.caption, params.parse_mode, params.caption_entities)
    if len(plain) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    content: JsonObject = {"caption": plain} if plain else {}
    if entities:
        content["caption_entities"] = entities
    if params.show_caption_above_media:
        content["show_caption_above_media"] = True
    if params.has_spoiler:
        content["has_media_spoiler"] = True
    return content


def media_of(kind: str, source: object, uploads: Uploads, measures: files.Measures) -> StoredFile:
    """The file that a call names: an upload of its own, ``attach://name``, or a file id."""
    if isinstance(source, UploadedFile):
        return files.store(kind, source, measures)
    if not isinstance(source, str) or not source:
        raise bad_request(f"there is no {kind} in the request")
    if source.startswith("attach://"):
        upload = uploads.get(source.removeprefix("attach://"))
        if upload is None:
            raise bad_request(f'can\'t parse InputMedia: file "{source.removeprefix("attach://")}" not found')
        return files.store(kind, upload, measures)
    if source.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    return files.resolve(kind, source)


def _deliver(chat: Persona, params: Sending, content: JsonObject, *, media_group_id: str = "") -> Message:
    draft = Draft(
        content=content,
        markup=parse_markup(params.reply_markup),
        reply_to=replied(chat, params),
        protected=params.protect_content,
        media_group_id=media_group_id,
    )
    return post(chat, draft, from_bot=True)


def replied(chat: Persona, params: Sending) -> Message | None:
    """The message to reply to; None without one, or if it is gone and the call allows that."""
    reply = params.reply_parameters
    message_id = reply.message_id if reply else params.reply_to_message_id
    if not message_id:
        return None
    found = find_message(chat, message_id)
    if found is None and not (reply.allow_sending_without_reply if reply else params.allow_sending_without_reply):
        raise bad_request("message to be replied not found")
    return found


@api_method("sendMessage", params=SendMessage)
def send_message(params: SendMessage, _: Uploads) -> JsonObject:
    chat = reachable_chat(params.chat_id)
    content = text_content(params.text, params.parse_mode, params.entities)
    return payloads.message(_deliver(chat, params, content))


def _send_media(kind: str, params: SendMedia, uploads: Uploads) -> JsonObject:
    chat = reachable_chat(params.chat_id)
    source = uploads.get(kind) or (params.model_extra or {}).get(kind)
    measures = files.Measures(params.width or params.length, params.height, params.duration, params.emoji)
    stored = media_of(kind, source, uploads, measures)
    caption = {} if kind in ("sticker", "video_note") else caption_content(params)
    return payloads.message(_deliver(chat, params, {**files.media_content(stored), **caption}))


def _register_media_methods() -> None:
    for name, kind in MEDIA_METHODS.items():

        def send(params: SendMedia, uploads: Uploads, kind: str = kind) -> JsonObject:
            return _send_media(kind, params, uploads)

        api_method(name, params=SendMedia)(send)


_register_media_methods()


@api_method("sendMediaGroup", params=SendMediaGroup)
def send_media_group(params: SendMediaGroup, uploads: Uploads) -> list[JsonObject]:
    chat = reachable_chat(params.chat_id)
    if not 2 <= len(params.media) <= 10:
        raise bad_request("there must be 2 to 10 messages in an album")
    if params.reply_markup:
        raise bad_request("albums can't have a reply markup")
    contents = [input_media_content(media, uploads, album=True) for media in params.media]
    group = str(secrets.randbits(53))
    return [payloads.message(_deliver(chat, params, content, media_group_id=group)) for content in contents]


def input_media_content(media: InputMedia, uploads: Uploads, *, album: bool = False) -> JsonObject:
    """What a message with this InputMedia shows."""
    if media.type not in (ALBUM_KINDS if album else (*ALBUM_KINDS, "animation")):
        raise bad_request("can't parse InputMedia: invalid type specified")
    measures = files.Measures(media.width, media.height, media.duration)
    stored = media_of(media.type, media.media, uploads, measures)
    return {**files.media_content(stored), **caption_content(media)}


@api_method("sendContact", params=SendContact)
def send_contact(params: SendContact, _: Uploads) -> JsonObject:
    chat = reachable_chat(params.chat_id)
    fields = params.model_dump(include={"phone_number", "first_name", "last_name", "vcard"})
    contact: JsonObject = {name: value for name, value in fields.items() if value}
    return payloads.message(_deliver(chat, params, {"contact": contact}))


@api_method("sendLocation", params=SendLocation)
def send_location(params: SendLocation, _: Uploads) -> JsonObject:
    chat = reachable_chat(params.chat_id)
    content: JsonObject = {"location": {"latitude": params.latitude, "longitude": params.longitude}}
    return payloads.message(_deliver(chat, params, content))


@api_method("copyMessage", params=CopyMessage)
def copy_message(params: CopyMessage, _: Uploads) -> JsonObject:
    """Answers with the copy's number only, as Telegram does."""
    chat = reachable_chat(params.chat_id)
    original = find_message(locked_chat(params.from_chat_id), params.message_id)
    if original is None:
        raise bad_request("message to copy not found")
    content = dict(original.content)
    if params.caption is not None and "text" not in content:
        captions = ("caption", "caption_entities")
        content = {key: value for key, value in content.items() if key not in captions}
        content |= caption_content(
            Captioned(caption=params.caption, parse_mode=params.parse_mode, caption_entities=params.caption_entities)
        )
    return {"message_id": _deliver(chat, params, content).message_id}
