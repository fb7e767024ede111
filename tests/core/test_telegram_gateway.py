"""The Bot API over HTTP, against a server on loopback."""

import asyncio
import logging
import traceback
import warnings
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from apps.core.errors import GatewayError, RateLimitedError, UnreachableError
from apps.core.gateways import telegram
from apps.core.gateways.telegram import JSON, TelegramBotApi
from tests.telegram_server import TOKEN, Answer, TelegramServer, telegram_server

SECRET = TOKEN.partition(":")[2]


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with telegram_server() as server:
        yield server


def call(root: str, method: str, params: dict[str, object], files: dict[str, bytes] | None = None) -> JSON:
    async def in_its_own_loop() -> JSON:
        async with TelegramBotApi(TOKEN, root=root) as api:
            return await api.call(method, params, files)

    return asyncio.run(in_its_own_loop())


def download(root: str, file_id: str) -> bytes:
    async def in_its_own_loop() -> bytes:
        async with TelegramBotApi(TOKEN, root=root) as api:
            return await api.download(file_id)

    return asyncio.run(in_its_own_loop())


def failure_of(server: TelegramServer, answer: Answer) -> GatewayError:
    server.answers["sendMessage"] = answer
    with pytest.raises(GatewayError) as caught:
        call(server.root, "sendMessage", {"chat_id": 1, "text": "hello"})
    return caught.value


def test_it_calls_a_method_and_returns_its_result(server: TelegramServer) -> None:
    server.answers["sendMessage"] = Answer({"message_id": 7})
    keyboard = {"inline_keyboard": [[{"text": "Like", "callback_data": "like"}]]}

    result = call(server.root, "sendMessage", {"chat_id": 1, "text": "hello", "reply_markup": keyboard})

    [request] = server.requests
    assert result == {"message_id": 7}
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert request.params == {"chat_id": 1, "text": "hello", "reply_markup": keyboard}


def test_it_uploads_files_beside_the_parameters_that_mention_them(server: TelegramServer) -> None:
    call(server.root, "sendPhoto", {"chat_id": 1, "photo": "attach://one.jpg"}, {"one.jpg": b"a picture"})

    [request] = server.requests
    assert b'name="photo"\r\n\r\nattach://one.jpg\r\n' in request.body
    assert b'name="one.jpg"; filename="one.jpg"\r\n\r\na picture\r\n' in request.body
    assert b"Content-Type: image/jpeg\r\n" in request.body


def test_it_does_not_warn_about_calling_methods_by_name(server: TelegramServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(server.root, "sendMessage", {"chat_id": 1, "text": "hello"})

    assert len(server.requests) == 1


def test_it_says_how_long_to_wait(server: TelegramServer) -> None:
    error = failure_of(server, Answer(status=429, description="Too Many Requests", parameters={"retry_after": 17}))

    assert isinstance(error, RateLimitedError)
    assert error.retry_after_secs == 17


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: user is deactivated"),
        (403, "Forbidden: bot can't initiate conversation with a user"),
        (400, "Bad Request: chat not found"),
    ],
)
def test_it_tells_members_who_cannot_be_reached_from_other_refusals(
    server: TelegramServer, status: int, description: str
) -> None:
    assert isinstance(failure_of(server, Answer(status=status, description=description)), UnreachableError)


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        (Answer(status=400, description="Bad Request: can't parse entities"), True),
        (Answer(status=400, description="Bad Request: query is too old and response timeout expired"), True),
        (Answer(status=400, description="moved", parameters={"migrate_to_chat_id": 5}), True),
        (Answer(status=404, description="Not Found"), True),
        (Answer(status=409, description="Conflict"), True),
        (Answer(status=413, description="Request Entity Too Large"), True),
        (Answer(status=401, description="Unauthorized"), False),
        (Answer(status=429, description="Too Many Requests"), False),
        (Answer(status=500, description="Internal Server Error"), False),
        (Answer(status=502, body=b"<html>Bad Gateway</html>"), False),
        (Answer(body=b"<html>a hotel's login page</html>"), False),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_it_tells_refusals_from_outages(server: TelegramServer, answer: Answer, is_permanent: bool) -> None:
    error = failure_of(server, answer)

    assert type(error) is GatewayError
    assert error.permanent is is_permanent


def test_it_repeats_what_telegram_said(server: TelegramServer) -> None:
    error = failure_of(server, Answer(status=400, description="Bad Request: message is not modified"))

    assert str(error) == "Message is not modified"


def test_it_takes_an_absent_server_for_an_outage() -> None:
    with telegram_server() as server:
        root = server.root

    with pytest.raises(GatewayError) as caught:
        call(root, "sendMessage", {"chat_id": 1, "text": "hello"})
    assert not caught.value.permanent


def test_it_takes_a_silent_server_for_an_outage(server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram, "READ_TIMEOUT_SECS", 0.2)
    server.holds.clear()

    error = failure_of(server, Answer())

    assert not error.permanent


def test_it_downloads_a_file(server: TelegramServer) -> None:
    server.answers["getFile"] = Answer({"file_id": "f", "file_unique_id": "u", "file_path": "photos/one.jpg"})
    server.answers["one.jpg"] = Answer(body=b"a picture")

    assert download(server.root, "f") == b"a picture"
    assert unquote(server.requests[-1].path) == f"/file/bot{TOKEN}/photos/one.jpg"


@pytest.mark.parametrize("announced", [{}, {"file_size": 9}])
def test_it_downloads_nothing_too_big(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch, announced: dict[str, int]
) -> None:
    monkeypatch.setattr(telegram, "MAX_DOWNLOAD_BYTES", 8)
    server.answers["getFile"] = Answer({"file_id": "f", "file_unique_id": "u", "file_path": "one.jpg", **announced})
    server.answers["one.jpg"] = Answer(body=b"a picture")

    with pytest.raises(GatewayError, match="too big") as caught:
        download(server.root, "f")
    assert caught.value.permanent


def test_it_says_when_a_file_is_gone(server: TelegramServer) -> None:
    server.answers["getFile"] = Answer(status=400, description="Bad Request: wrong file_id")

    with pytest.raises(GatewayError, match="file_id") as caught:
        download(server.root, "f")
    assert caught.value.permanent


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, description=f"Bad Request: {TOKEN}"),
        Answer(status=404, body=f"no /bot{TOKEN}/sendMessage here".encode()),
        Answer(status=502, body=f"<html>/bot{TOKEN}/sendMessage</html>".encode()),
        Answer(body=f"<html>/bot{TOKEN}/sendMessage</html>".encode()),
    ],
)
def test_it_never_lets_the_token_out(server: TelegramServer, caplog: pytest.LogCaptureFixture, answer: Answer) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers["sendMessage"] = answer

    with pytest.raises(GatewayError) as caught:
        call(server.root, "sendMessage", {"chat_id": 1, "text": "my words"})

    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__context__ is None
    assert SECRET not in caplog.text
    assert "my words" not in caplog.text


def test_it_logs_neither_token_nor_words_when_all_goes_well(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers["getFile"] = Answer({"file_id": "f", "file_unique_id": "u", "file_path": "one.jpg"})
    server.answers["one.jpg"] = Answer(body=b"a picture")

    call(server.root, "sendMessage", {"chat_id": 1, "text": "my words"})
    download(server.root, "f")

    assert SECRET not in caplog.text
    assert "my words" not in caplog.text
