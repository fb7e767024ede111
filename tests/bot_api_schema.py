"""What the Bot API would refuse: every call that leaves the bot in a test is checked against this.

Parameters and types come from aiogram's models of the Bot API; limits that a type cannot say are written down here.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from inspect import isclass

import aiogram.methods
from aiogram.methods.base import TelegramMethod
from pydantic import BaseModel, ValidationError

METHODS: dict[str, type[TelegramMethod]] = {
    method.__api_method__: method
    for method in vars(aiogram.methods).values()
    if isclass(method) and issubclass(method, TelegramMethod) and method is not TelegramMethod
}
MAX_TEXT, MAX_CAPTION, MAX_ANSWER, MAX_PLACEHOLDER, MAX_CALLBACK_BYTES = 4096, 1024, 200, 64, 64
ALBUM_SIZES = range(2, 11)
MAX_BUTTONS, MAX_ROW = 100, 8
LOOKS_OF_BUTTON = {"text", "style", "icon_custom_emoji_id"}

TAGS = {
    "a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "span", "tg-spoiler", "tg-emoji", "tg-time",
    "pre", "code", "blockquote",
}  # fmt: skip
TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-z-]*)(?P<attributes>(?:\s[^<>]*)?)>|<", re.IGNORECASE)
ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);", re.IGNORECASE)


class InvalidCallError(BaseException):
    """Telegram would refuse this call. No Exception, so that nothing that survives bugs hides it from the test."""


def validate_call(method: str, params: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> None:
    """Raises InvalidCallError when Telegram would refuse the call for its form, whatever state chat and bot are in."""
    if method not in METHODS:
        raise InvalidCallError(f"{method}: no such method")
    try:
        _check_shape(METHODS[method], params)
        _check_texts(method, params)
        _check_keyboard(params.get("reply_markup"))
        _check_files(params, files or {})
        if rule := RULES.get(method):
            rule(params)
    except InvalidCallError as problem:
        raise InvalidCallError(f"{method}: {problem}") from None


def plain_text(markup: str) -> str:
    """The text of Telegram's HTML, tags and entities resolved. Raises InvalidCallError where Telegram could not."""
    text, position, opened = "", 0, []
    for tag in TAG.finditer(markup):
        text += _unescape(markup[position : tag.start()])
        position = tag.end()
        name = (tag["name"] or "").lower()
        if name not in TAGS:
            raise InvalidCallError(f"unsupported tag at {tag.start()}")
        if not tag["end"]:
            _check_attributes(name, tag["attributes"])
            opened.append(name)
        elif not opened or opened.pop() != name:
            raise InvalidCallError(f"unexpected end of {name} at {tag.start()}")
    if opened:
        raise InvalidCallError(f"{opened[-1]} is never closed")
    return text + _unescape(markup[position:])


def _unescape(text: str) -> str:
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def _check_attributes(name: str, attributes: str) -> None:
    if name == "a" and not re.search(r'href="(https?|tg|mailto|tel):[^"]+"', attributes):
        raise InvalidCallError("a link without an address")
    if name == "span" and 'class="tg-spoiler"' not in attributes:
        raise InvalidCallError("a span that is no spoiler")


def _check_shape(schema: type[TelegramMethod], params: Mapping[str, object]) -> None:
    try:
        parsed = schema.model_validate_json(json.dumps(params), strict=True)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidCallError("; ".join(problems)) from None
    if unknown := [*_unknown_fields(parsed)]:
        raise InvalidCallError(f"unknown parameters: {', '.join(unknown)}")


def _unknown_fields(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in value.model_fields_set & type(value).model_fields.keys():
            yield from _unknown_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from _unknown_fields(item)


def _check_texts(method: str, params: Mapping[str, object]) -> None:
    if method in ("sendMessage", "editMessageText"):
        if not _shown(params, "text").strip():
            raise InvalidCallError("message text is empty")
        _check_length(params, "text", MAX_TEXT)
    media = params.get("media")
    for captioned in (params, *(media if isinstance(media, list) else [media])):
        if isinstance(captioned, Mapping) and captioned.get("caption"):
            _check_length(captioned, "caption", MAX_CAPTION)


def _shown(holder: Mapping[str, object], name: str) -> str:
    mode = holder.get("parse_mode")
    if mode not in (None, "HTML"):
        raise InvalidCallError(f"parse_mode {mode}: only HTML is used here")
    return plain_text(str(holder[name])) if mode else str(holder[name])


def _check_length(holder: Mapping[str, object], name: str, limit: int) -> None:
    length = len(_shown(holder, name).encode("utf-16-le")) // 2
    if length > limit:
        raise InvalidCallError(f"{name} of {length} characters, {limit} are allowed")


def _check_keyboard(markup: object) -> None:
    if not isinstance(markup, Mapping):
        return
    if len(str(markup.get("input_field_placeholder") or "")) > MAX_PLACEHOLDER:
        raise InvalidCallError("input_field_placeholder is too long")
    rows = markup.get("inline_keyboard") or []
    buttons = [button for row in rows for button in row]
    if len(buttons) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
        raise InvalidCallError("too many buttons")
    for button in buttons:
        _check_button(button)


def _check_button(button: Mapping[str, object]) -> None:
    actions = button.keys() - LOOKS_OF_BUTTON
    if len(actions) != 1:
        raise InvalidCallError(f"a button needs one action, has {sorted(actions)}")
    if not str(button["text"]).strip():
        raise InvalidCallError("a button without text")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= MAX_CALLBACK_BYTES:
        raise InvalidCallError("callback_data is not of 1 to 64 bytes")


def _check_files(params: Mapping[str, object], files: Mapping[str, bytes]) -> None:
    named = set(re.findall(r'"attach://([^"]+)"', json.dumps(params)))
    if named != files.keys():
        raise InvalidCallError(f"files and attach:// do not match: {sorted(named ^ files.keys())}")
    if not all(files.values()):
        raise InvalidCallError("an empty file")


def _check_edit(params: Mapping[str, object]) -> None:
    in_chat = "chat_id" in params and "message_id" in params
    if in_chat == ("inline_message_id" in params):
        raise InvalidCallError("an edit needs chat_id and message_id, or inline_message_id")


def _check_album(params: Mapping[str, object]) -> None:
    media = params["media"]
    if not (isinstance(media, list) and len(media) in ALBUM_SIZES):
        raise InvalidCallError("an album has 2 to 10 items")


def _check_answer(params: Mapping[str, object]) -> None:
    if len(str(params.get("text") or "")) > MAX_ANSWER:
        raise InvalidCallError(f"an answer has at most {MAX_ANSWER} characters")


def _check_commands(params: Mapping[str, object]) -> None:
    commands = params["commands"]
    assert isinstance(commands, list)
    names = [command["command"] for command in commands]
    if len(names) > 100 or len(set(names)) != len(names):
        raise InvalidCallError("at most 100 different commands")
    if bad := [name for name in names if not re.fullmatch(r"[a-z0-9_]{1,32}", name)]:
        raise InvalidCallError(f"bad commands: {bad}")
    if not all(1 <= len(command["description"]) <= 256 for command in commands):
        raise InvalidCallError("a description has 1 to 256 characters")
    if not re.fullmatch(r"([a-z]{2})?", str(params.get("language_code") or "")):
        raise InvalidCallError("language_code is not of two letters")


RULES = {
    "editMessageText": _check_edit,
    "editMessageCaption": _check_edit,
    "editMessageMedia": _check_edit,
    "editMessageReplyMarkup": _check_edit,
    "sendMediaGroup": _check_album,
    "answerCallbackQuery": _check_answer,
    "setMyCommands": _check_commands,
}
