"""Where Telegram, or the edge worker in front of us, posts updates."""

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare

from apps.bot.parsing import NotAnUpdateError, read_json
from apps.bot.services import receive
from apps.bot.shedding import Gate

log = structlog.get_logger(__name__)
MAX_BODY_BYTES = 1024 * 1024
RETRY_AFTER_SECS = 5
RETRY_SOON_SECS = 2
gate = Gate(settings.WEB_THREADS)


def webhook(request: HttpRequest) -> HttpResponse:
    """200 once the update is dealt with or safely kept. Any other status makes Telegram post it again."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if not _knows_the_secret(request):
        return HttpResponse(status=403)
    try:
        if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
            return HttpResponse(status=413)
        payload = read_json(request.body)
    except RequestDataTooBig:
        return HttpResponse(status=413)
    except (NotAnUpdateError, ValueError):
        return HttpResponse("This is no update of the Bot API.", status=400, content_type="text/plain")
    with gate.admit(payload) as is_admitted:
        return _handle(payload) if is_admitted else _later(RETRY_SOON_SECS)


def _handle(payload: dict[str, Any]) -> HttpResponse:
    try:
        answer = receive(payload)
    except (OperationalError, InterfaceError) as error:
        log.error("database_away", error=type(error).__name__)
        return _later(RETRY_AFTER_SECS)
    return JsonResponse(answer) if answer else HttpResponse()


def _later(secs: int) -> HttpResponse:
    return HttpResponse(status=503, headers={"Retry-After": str(secs)})


def _knows_the_secret(request: HttpRequest) -> bool:
    """Fails closed: without a secret of our own nobody gets in."""
    secret = settings.TELEGRAM_WEBHOOK_SECRET
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    return bool(secret) and constant_time_compare(given, secret)
