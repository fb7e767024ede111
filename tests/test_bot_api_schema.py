"""The guard that every call of the tests passes through must itself refuse what Telegram refuses."""

from typing import Any

import pytest

from tests.bot_api_schema import InvalidCallError, plain_text, validate_call


def message(**params: object) -> tuple[str, dict[str, Any]]:
    return "sendMessage", {"chat_id": 1, "text": "hello", **params}


def button(**params: object) -> tuple[str, dict[str, Any]]:
    return message(reply_markup={"inline_keyboard": [[{"text": "Like", **params}]]})


def album(*captions: str, **params: object) -> tuple[str, dict[str, Any]]:
    return "sendMediaGroup", {
        "chat_id": 1,
        "media": [{"type": "photo", "media": "id", "caption": caption} for caption in captions],
        **params,
    }


def commands(*names: str, **params: object) -> tuple[str, dict[str, Any]]:
    return "setMyCommands", {"commands": [{"command": name, "description": "It helps"} for name in names], **params}


@pytest.mark.parametrize(
    "call",
    [
        message(),
        message(text="<b>1</b> &lt; <a href='x'>2</a>"),
        message(text="&lt;" * 4096, parse_mode="HTML"),
        message(text="<tg-spoiler><b>no</b></tg-spoiler> 2 > 1 &amp; so", parse_mode="HTML"),
        message(reply_markup={"keyboard": [[{"text": "Here", "request_location": True}]], "resize_keyboard": True}),
        message(reply_markup={"remove_keyboard": True}),
        message(reply_parameters={"message_id": 1}, link_preview_options={"is_disabled": True}),
        button(callback_data="x" * 64),
        button(url="https://example.org"),
        album("one", "two"),
        ("sendPhoto", {"chat_id": 1, "photo": "id", "caption": "c" * 1024}),
        ("editMessageText", {"chat_id": 1, "message_id": 2, "text": "hello"}),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "t" * 200}),
        commands("browse", "help", language_code="es", scope={"type": "all_private_chats"}),
    ],
)
def test_it_lets_pass_what_telegram_takes(call: tuple[str, dict[str, Any]]) -> None:
    validate_call(*call)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (("sendMesage", {"chat_id": 1, "text": "hello"}), "no such method"),
        (("sendMessage", {"chat_id": 1}), "text: Field required"),
        (("sendMessage", {"text": "hello"}), "chat_id: Field required"),
        (message(colour="red"), "unknown parameters: colour"),
        (button(callback_data="x", colour="red"), "unknown parameters: colour"),
        (message(reply_markup={"foo": 1}), "unknown parameters: foo"),
        (message(text=5), "text: Input should be a valid string"),
        (message(disable_notification="yes"), "disable_notification"),
        (message(text="x" * 4097), "4097 characters"),
        (message(text=" \n"), "empty"),
        (message(text="<b></b>", parse_mode="HTML"), "empty"),
        (message(parse_mode="MarkdownV2"), "only HTML"),
        (message(text="1 < 2", parse_mode="HTML"), "unsupported tag"),
        (message(text="<h1>x</h1>", parse_mode="HTML"), "unsupported tag"),
        (message(text="<b>x", parse_mode="HTML"), "never closed"),
        (message(text="<b><i>x</b></i>", parse_mode="HTML"), "unexpected end of b"),
        (message(text="x</b>", parse_mode="HTML"), "unexpected end of b"),
        (message(text="<a>x</a>", parse_mode="HTML"), "without an address"),
        (message(text="<span>x</span>", parse_mode="HTML"), "no spoiler"),
        (("sendPhoto", {"chat_id": 1, "photo": "id", "caption": "c" * 1025}), "1025 characters"),
        (album("fine", "c" * 1025), "1025 characters"),
        (album("alone"), "2 to 10"),
        (album(*"12345678901"), "2 to 10"),
        (album("one", "two", reply_markup={"inline_keyboard": []}), "unknown parameters: reply_markup"),
        (button(callback_data="x" * 65), "1 to 64 bytes"),
        (button(callback_data="é" * 33), "1 to 64 bytes"),
        (button(callback_data=""), "1 to 64 bytes"),
        (button(), "one action"),
        (button(callback_data="x", url="https://example.org"), "one action"),
        (message(reply_markup={"inline_keyboard": [[{"text": " ", "callback_data": "x"}]]}), "without text"),
        (message(reply_markup={"inline_keyboard": [[{"text": "x", "callback_data": "x"}] * 9]}), "too many"),
        (message(reply_markup={"force_reply": True, "input_field_placeholder": "x" * 65}), "placeholder"),
        (("editMessageText", {"chat_id": 1, "text": "hello"}), "needs chat_id and message_id"),
        (("answerCallbackQuery", {"callback_query_id": "1", "text": "t" * 201}), "at most 200"),
        (commands("Help"), "bad commands"),
        (commands("help", "help"), "different"),
        (commands("help", language_code="eng"), "two letters"),
        (("setMyCommands", {"commands": [{"command": "help", "description": ""}]}), "1 to 256"),
        (("sendPhoto", {"chat_id": 1, "photo": "attach://one"}), "do not match"),
    ],
)
def test_it_refuses_what_telegram_refuses(call: tuple[str, dict[str, Any]], why: str) -> None:
    with pytest.raises(InvalidCallError, match=why):
        validate_call(*call)


def test_it_refuses_files_that_nothing_mentions() -> None:
    with pytest.raises(InvalidCallError, match="do not match"):
        validate_call("sendPhoto", {"chat_id": 1, "photo": "id"}, {"one": b"a picture"})


def test_it_refuses_empty_files() -> None:
    with pytest.raises(InvalidCallError, match="empty file"):
        validate_call("sendPhoto", {"chat_id": 1, "photo": "attach://one"}, {"one": b""})


def test_it_reads_the_text_of_markup() -> None:
    assert plain_text("<b>Ann</b> &amp; <i>Ben &#128512;</i> &nbsp;") == "Ann & Ben 😀 &nbsp;"
