import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiogram.methods
import pytest
from aiogram import types
from aiogram.methods.base import TelegramMethod
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pydantic import BaseModel, TypeAdapter

from apps.simulator.models import BotUpdate, Persona
from apps.simulator.personas import NewPersona, create_persona

RESULTS = {
    method.__api_method__.lower(): method.__returning__
    for method in vars(aiogram.methods).values()
    if isinstance(method, type) and issubclass(method, TelegramMethod) and method is not TelegramMethod
}


def unknown_fields(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in value.model_fields_set & type(value).model_fields.keys():
            yield from unknown_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from unknown_fields(item)


@dataclass
class Api:
    """The Bot API as a bot calls it. Every result is held against aiogram's models of the Bot API."""

    client: Client
    token: str = settings.SIMULATOR_BOT_TOKEN

    def post(self, method: str, **params: object) -> dict:
        files = {name: value for name, value in params.items() if isinstance(value, SimpleUploadedFile)}
        url = f"/simulator/bot{self.token}/{method}"
        if files:
            texts = {
                name: v if isinstance(v, str) else json.dumps(v) for name, v in params.items() if name not in files
            }
            response = self.client.post(url, {**texts, **files})
        else:
            response = self.client.post(url, json.dumps(params), content_type="application/json")
        body = response.json()
        assert body["ok"] == (response.status_code == 200)
        assert body["ok"] or body["error_code"] == response.status_code
        return body

    def __call__(self, method: str, **params: object) -> dict:
        body = self.post(method, **params)
        assert body["ok"], body
        parsed = TypeAdapter(RESULTS[method.lower()]).validate_python(body["result"])
        assert not [*unknown_fields(parsed)]
        return body["result"]

    def refusal(self, method: str, **params: object) -> str:
        body = self.post(method, **params)
        assert not body["ok"]
        return f"{body['error_code']} {body['description']}"


@pytest.fixture(autouse=True)
def _media_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def api(client: Client, db: None) -> Api:
    return Api(client)


@pytest.fixture
def ana(db: None) -> Persona:
    return create_persona(NewPersona("Ana", telegram_id=501, username="ana_sim", language_code="es"))


@pytest.fixture
def boris(db: None) -> Persona:
    return create_persona(NewPersona("Boris", telegram_id=502, language_code="ru"))


@pytest.fixture
def picture() -> Callable[..., SimpleUploadedFile]:
    def make(width: int = 900, height: int = 600, colour: str = "teal") -> SimpleUploadedFile:
        buffer = io.BytesIO()
        Image.new("RGB", (width, height), colour).save(buffer, "JPEG")
        return SimpleUploadedFile("picture.jpg", buffer.getvalue(), "image/jpeg")

    return make


@pytest.fixture
def updates() -> Callable[[], list[dict]]:
    """All updates for the bot so far, each held against aiogram's model."""

    def read() -> list[dict]:
        rows = [{"update_id": row.update_id, **row.payload} for row in BotUpdate.objects.order_by("update_id")]
        for row in rows:
            assert not [*unknown_fields(types.Update.model_validate(row))]
        return rows

    return read


LIKE_BUTTON = {"inline_keyboard": [[{"text": "Like", "callback_data": "like:1"}]]}
