"""edit... and delete..."""

from datetime import timedelta

from django.utils import timezone

from apps.simulator import payloads
from apps.simulator.chats import find_message, locked_chat, reachable_chat, remove, revise
from apps.simulator.errors import bad_request
from apps.simulator.markup import parse_markup
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.methods.sending import caption_content, input_media_content, text_content
from apps.simulator.models import Message
from apps.simulator.schemas import (
    EditMessageCaption,
    EditMessageMedia,
    EditMessageText,
    EditReplyMarkup,
    JsonObject,
    OneMessage,
    SeveralMessages,
)

DELETABLE_FOR = timedelta(hours=48)
CAPTION_FIELDS = ("caption", "caption_entities", "show_caption_above_media")
UNCAPTIONED = ("text", "sticker", "video_note", "contact", "location")


def _editable(params: EditReplyMarkup) -> Message:
    message = find_message(reachable_chat(params.chat_id), params.message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot or message.has_reply_keyboard:
        raise bad_request("message can't be edited")
    return message


def _revised(message: Message, content: JsonObject, params: EditReplyMarkup) -> JsonObject:
    return payloads.message(revise(message, content, parse_markup(params.reply_markup).inline))


@api_method("editMessageText", params=EditMessageText)
def edit_message_text(params: EditMessageText, _: Uploads) -> JsonObject:
    message = _editable(params)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _revised(message, text_content(params.text, params.parse_mode, params.entities), params)


@api_method("editMessageCaption", params=EditMessageCaption)
def edit_message_caption(params: EditMessageCaption, _: Uploads) -> JsonObject:
    message = _editable(params)
    if any(kind in message.content for kind in UNCAPTIONED):
        raise bad_request("there is no caption in the message to edit")
    kept: JsonObject = {name: value for name, value in message.content.items() if name not in CAPTION_FIELDS}
    return _revised(message, {**kept, **caption_content(params)}, params)


@api_method("editMessageMedia", params=EditMessageMedia)
def edit_message_media(params: EditMessageMedia, uploads: Uploads) -> JsonObject:
    message = _editable(params)
    return _revised(message, input_media_content(params.media, uploads), params)


@api_method("editMessageReplyMarkup", params=EditReplyMarkup)
def edit_message_reply_markup(params: EditReplyMarkup, _: Uploads) -> JsonObject:
    message = _editable(params)
    return _revised(message, message.content, params)


@api_method("deleteMessage", params=OneMessage)
def delete_message(params: OneMessage, _: Uploads) -> bool:
    message = find_message(locked_chat(params.chat_id), params.message_id)
    if message is None:
        raise bad_request("message to delete not found")
    if _too_old(message):
        raise bad_request("message can't be deleted for everyone")
    remove(message)
    return True


@api_method("deleteMessages", params=SeveralMessages)
def delete_messages(params: SeveralMessages, _: Uploads) -> bool:
    """Skips what is not there or too old, as Telegram does."""
    if not 1 <= len(params.message_ids) <= 100:
        raise bad_request("Too many message identifiers specified")
    chat = locked_chat(params.chat_id)
    for message_id in params.message_ids:
        message = find_message(chat, message_id)
        if message is not None and not _too_old(message):
            remove(message)
    return True


def _too_old(message: Message) -> bool:
    return timezone.now() - message.sent_at > DELETABLE_FOR
