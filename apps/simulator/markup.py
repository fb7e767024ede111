"""Keyboards: checked as Telegram checks them, and kept in the form in which it gives them back."""

from dataclasses import dataclass

from apps.simulator.errors import bad_request
from apps.simulator.schemas import JsonObject

ACTIONS = ("callback_data", "url", "web_app", "login_url", "switch_inline_query", "copy_text", "pay")
MAX_CALLBACK_BYTES = 64


@dataclass(frozen=True)
class Markup:
    """At most one of the two is set. ``keyboard`` is a reply keyboard, a removal or a forced reply."""

    inline: JsonObject | None = None
    keyboard: JsonObject | None = None


def parse_markup(markup: JsonObject | None) -> Markup:
    """Raises ApiError for what is no keyboard, and for buttons that Telegram refuses."""
    if not markup:
        return Markup()
    if "inline_keyboard" in markup:
        rows = [[_inline_button(button) for button in row] for row in _rows(markup, "inline_keyboard")]
        rows = [row for row in rows if row]
        return Markup(inline={"inline_keyboard": rows}) if rows else Markup()
    if "keyboard" in markup:
        rows = [[_reply_button(button) for button in row] for row in _rows(markup, "keyboard")]
        return Markup(keyboard={**markup, "keyboard": [row for row in rows if row]})
    if markup.get("remove_keyboard") is True or markup.get("force_reply") is True:
        return Markup(keyboard=markup)
    raise bad_request("object expected as reply markup")


def _rows(markup: JsonObject, name: str) -> list[list[object]]:
    rows = markup[name]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(f'can\'t parse keyboard: Field "{name}" must be an Array of Arrays')
    return rows


def _inline_button(button: object) -> JsonObject:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str) or not text.strip():
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if sum(name in button for name in ACTIONS) != 1:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data", "-")
    if not isinstance(data, str) or not 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    url = button.get("url", "https://")
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "tg://")):
        raise bad_request("inline keyboard button URL is invalid: Wrong HTTP URL")
    return button


def _reply_button(button: object) -> JsonObject:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad_request("can't parse keyboard button: KeyboardButton must be a String or an Object")
    return button
