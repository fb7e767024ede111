"""Liveness and readiness, for whoever restarts processes and routes requests."""

from collections.abc import Callable

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    cache.get("readyz")


def _media() -> None:
    default_storage.exists("readyz")


# Without the database nothing works; without the others the product goes on, degraded.
CHECKS: dict[str, tuple[Callable[[], None], bool]] = {
    "database": (_database, True),
    "redis": (_redis, False),
    "media": (_media, False),
}


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 whatever a driver raises means the same here: not usable
        return f"failing: {type(error).__name__}"
    return "ok"


def live(request: HttpRequest) -> HttpResponse:
    """200 while the process lives; touches nothing."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served, else 503; the body has each dependency's state."""
    states = {name: _state(check) for name, (check, _) in CHECKS.items()}
    is_ready = all(states[name] == "ok" for name, (_, needed) in CHECKS.items() if needed)
    response = JsonResponse({"ready": is_ready, "dependencies": states}, status=200 if is_ready else 503)
    response.headers["Cache-Control"] = "no-store"
    return response
