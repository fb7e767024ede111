"""Liveness and readiness, for whoever restarts processes and routes requests."""

from collections.abc import Callable

from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from apps.bot.synthetic import STALE_AFTER, latest
from apps.core.errors import AwayError
from apps.core.impatient_redis import impatient_redis
from apps.core.resilience.policies import TELEGRAM
from apps.core.resilience.pulse import statuses_everywhere


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    impatient_redis().ping()


def _media() -> None:
    default_storage.exists("readyz")


def _telegram() -> None:
    """By the breakers of those who call it, for a probe must not: Telegram counts calls."""
    resting = [
        process
        for process, statuses in statuses_everywhere().items()
        if any(status.name == TELEGRAM.name and status.state == "open" for status in statuses)
    ]
    if resting:
        raise AwayError("a breaker is open")


# Without the database nothing works; without the others the product goes on, degraded.
CHECKS: dict[str, tuple[Callable[[], None], bool]] = {
    "database": (_database, True),
    "redis": (_redis, False),
    "media": (_media, False),
    "telegram": (_telegram, False),
}


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 whatever a driver raises means the same here: not usable
        return f"failing: {type(error).__name__}"
    return "ok"


def _synthetic() -> str:
    """How the synthetic member's last walk went. Says nothing about readiness: the worker walks, not this process."""
    try:
        run = latest()
    except DatabaseError:
        return "unknown"
    if run is None:
        return "has not walked yet"
    if timezone.now() - run.started_at > STALE_AFTER:
        return "stale: no walk within minutes"
    return "ok" if run.is_good else f"stuck: {run.stuck_at}"


def live(request: HttpRequest) -> HttpResponse:
    """200 while the process lives; touches nothing."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served, else 503; the body has each dependency's state, and the synthetic member's."""
    states = {name: _state(check) for name, (check, _) in CHECKS.items()}
    is_ready = all(states[name] == "ok" for name, (_, needed) in CHECKS.items() if needed)
    body = {"ready": is_ready, "dependencies": states, "synthetic": _synthetic() if is_ready else "unknown"}
    response = JsonResponse(body, status=200 if is_ready else 503)
    response.headers["Cache-Control"] = "no-store"
    return response
