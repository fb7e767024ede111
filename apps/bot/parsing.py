"""From the bytes that Telegram posts to python-telegram-bot's Update, and back to what may be kept of it."""

from functools import lru_cache
from typing import Any

import orjson
import telegram
from django.conf import settings
from h3.api import basic_int as h3

from apps.users.models import CELL_RESOLUTION

BIGINT_MAX = 2**63 - 1


class NotAnUpdateError(ValueError):
    """These bytes are no update of the Bot API."""


class _Parser(telegram.Bot):
    """A Bot that only lends its types. It never calls Telegram, so it does not know its own name."""

    @property
    def username(self) -> str:
        return ""


def bot_id() -> int:
    """The number before the colon of the token."""
    return int(settings.TELEGRAM_BOT_TOKEN.partition(":")[0])


@lru_cache(maxsize=1)
def _parser(token: str) -> telegram.Bot:
    return _Parser(token)


def read_json(body: bytes) -> dict[str, Any]:
    """The update as JSON, with a usable update id. Raises NotAnUpdateError."""
    try:
        # PostgreSQL stores no NUL, and no client of Telegram can type one
        payload: Any = orjson.loads(body.replace(rb"\u0000", b""))
    except orjson.JSONDecodeError:
        raise NotAnUpdateError from None
    if not isinstance(payload, dict):
        raise NotAnUpdateError
    update_id = payload.get("update_id")
    if type(update_id) is not int or not 0 <= update_id <= BIGINT_MAX:
        raise NotAnUpdateError
    return payload


def read_update(payload: dict[str, Any]) -> telegram.Update:
    """The typed update. Whatever python-telegram-bot raises for a payload that is not shaped like one comes through."""
    return telegram.Update.de_json(payload, _parser(settings.TELEGRAM_BOT_TOKEN))


def without_exact_place(payload: Any) -> Any:
    """The payload with every point moved to the centre of its H3 cell: nothing finer is ever stored."""
    if isinstance(payload, list):
        return [without_exact_place(item) for item in payload]
    if not isinstance(payload, dict):
        return payload
    kept = {key: without_exact_place(value) for key, value in payload.items()}
    latitude, longitude = kept.get("latitude"), kept.get("longitude")
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        is_point = -90 <= latitude <= 90 and -180 <= longitude <= 180
        centre = h3.cell_to_latlng(h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)) if is_point else (0.0, 0.0)
        kept["latitude"], kept["longitude"] = centre
    return kept
