"""What the bot tells Telegram at its start, and updates by polling."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.bot.management.commands import setup_bot
from apps.bot.management.commands.poll_updates import fetch_and_handle
from apps.core.errors import GatewayError
from tests.factories import member
from tests.fakes import FakeBotApi, deliver_all


class Telegram(FakeBotApi):
    """Hands out these updates to whoever polls; usable as `async with`."""

    def __init__(self, *updates: dict[str, Any]) -> None:
        super().__init__()
        self.updates = updates

    async def __aenter__(self) -> "Telegram":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    def _result(self, call: Any) -> Any:
        if call.method == "getUpdates":
            return [update for update in self.updates if update["update_id"] >= call.params["offset"]]
        return {"id": 1, "is_bot": True, "username": "a_bot"} if call.method == "getMe" else super()._result(call)


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Telegram:
    telegram = Telegram()
    monkeypatch.setattr(setup_bot, "bot_api", lambda: telegram)
    return telegram


def called(telegram: Telegram, method: str) -> list[dict[str, Any]]:
    return [call.params for call in telegram.calls if call.method == method]


def test_it_registers_the_webhook_with_its_secret(telegram: Telegram, settings: Settings) -> None:
    call_command("setup_bot")
    (webhook,) = called(telegram, "setWebhook")
    assert webhook["url"] == settings.TELEGRAM_WEBHOOK_URL
    assert webhook["secret_token"] == settings.TELEGRAM_WEBHOOK_SECRET
    assert set(webhook["allowed_updates"]) == {
        "message",
        "edited_message",
        "callback_query",
        "pre_checkout_query",
        "my_chat_member",
    }


def test_it_registers_its_commands_in_every_language(telegram: Telegram) -> None:
    call_command("setup_bot")
    by_language = {params.get("language_code"): params["commands"] for params in called(telegram, "setMyCommands")}
    assert by_language.keys() == {None, "es", "ru"}
    assert len({commands[0]["description"] for commands in by_language.values()}) == 3


def test_it_takes_the_webhook_away_for_polling(telegram: Telegram, settings: Settings) -> None:
    settings.TELEGRAM_UPDATES = "polling"
    call_command("setup_bot")
    assert called(telegram, "deleteWebhook")
    assert not called(telegram, "setWebhook")


def test_it_says_what_to_check_when_telegram_refuses(telegram: Telegram) -> None:
    telegram.fail(GatewayError("Unauthorized", permanent=False))
    with pytest.raises(CommandError, match="TELEGRAM_BOT_TOKEN"):
        call_command("setup_bot")


def test_it_does_not_poll_while_a_webhook_is_configured() -> None:
    with pytest.raises(CommandError, match="TELEGRAM_UPDATES=polling"):
        call_command("poll_updates")


@pytest.mark.django_db
def test_it_answers_what_it_polls_and_asks_for_the_next() -> None:
    ann = member("Ann", telegram_id=11)
    sender = {"id": 11, "is_bot": False, "first_name": "Ann"}
    message = {"message_id": 1, "date": 1, "chat": {"id": 11, "type": "private"}, "from": sender}
    text = {"text": "/help", "entities": [{"type": "bot_command", "offset": 0, "length": 5}]}
    tap = {
        "id": "77",
        "from": sender,
        "chat_instance": "1",
        "data": "interest:hiking:0",
        "message": {**message, **text},
    }
    telegram = Telegram({"update_id": 5, "message": {**message, **text}}, {"update_id": 6, "callback_query": tap})

    assert async_to_sync(fetch_and_handle)(telegram, 0) == 7
    ann.profile.refresh_from_db()
    assert ann.profile.interests == ["hiking"]
    assert called(telegram, "answerCallbackQuery") == [{"callback_query_id": "77"}]
    assert any("How it works" in text for text in deliver_all(telegram).texts_to(11))
