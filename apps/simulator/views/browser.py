"""The chat in the browser: its page, and the JSON behind it."""

import json
from collections.abc import Callable

from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.db.models import F, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import BaseModel, Field, ValidationError

from apps.simulator import files, personas, windows
from apps.simulator.cities import CITIES
from apps.simulator.errors import ApiError, bad_request
from apps.simulator.models import Persona, StoredFile
from apps.simulator.schemas import JsonObject
from apps.simulator.stickers import STICKERS, sticker_webp
from apps.simulator.views.acts import ACTS

PICKER_SIZE = 40
SAFE_INLINE = ("image/jpeg", "image/png", "image/webp", "image/gif", "audio/", "video/")
LANGUAGES = {"en": "English", "es": "Español", "ru": "Русский"}


class NewPersonaForm(BaseModel):
    first_name: str = Field(min_length=1, max_length=64)
    language_code: str = Field("en", pattern=r"^[a-z]{2}$")
    username: str = Field("", pattern=r"^(@?[A-Za-z][A-Za-z0-9_]{3,31})?$")


@require_GET
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    context = {"cities": CITIES, "stickers": STICKERS, "languages": LANGUAGES}
    return render(request, "simulator/chat.html", context)


@require_http_methods(["GET", "POST"])
def persona_list(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _answer(lambda: _create_persona(request))
    query = request.GET.get("q", "").strip()
    found = Persona.objects.all()
    if query:
        wanted = Q(first_name__icontains=query) | Q(username__icontains=query.removeprefix("@"))
        found = found.filter(wanted | Q(pk=int(query)) if query.isdecimal() and len(query) < 18 else wanted)
    ordered = found.order_by(F("last_used_at").desc(nulls_last=True), "autopilot", "first_name", "pk")
    page = list(ordered[: PICKER_SIZE + 1])
    shown = [windows.persona_summary(persona) for persona in page[:PICKER_SIZE]]
    return JsonResponse({"personas": shown, "has_more": len(page) > PICKER_SIZE})


def _create_persona(request: HttpRequest) -> JsonObject:
    form = NewPersonaForm.model_validate(_json(request))
    try:
        persona = personas.create_persona(
            personas.NewPersona(
                first_name=form.first_name.strip(),
                username=form.username.removeprefix("@") or None,
                language_code=form.language_code,
            )
        )
    except IntegrityError as error:
        raise bad_request("this username is already taken") from error
    personas.touch(persona)
    return windows.persona_summary(persona)


@require_GET
def chat(request: HttpRequest, chat_id: int) -> HttpResponse:
    """A chat as it is now; with ``before`` an earlier page of its messages."""
    persona = get_object_or_404(Persona, pk=chat_id)
    before = request.GET.get("before", "")
    return JsonResponse(windows.open_window(persona, before=int(before) if before.isdecimal() else None))


@require_GET
def events(request: HttpRequest) -> HttpResponse:
    """What is new in a chat after an event."""
    chat_id, after = request.GET.get("chat", ""), request.GET.get("after", "")
    if not (chat_id.isdecimal() and after.isdecimal()):
        return JsonResponse(bad_request("chat and after must be numbers").body, status=400)
    return JsonResponse(windows.news(get_object_or_404(Persona, pk=int(chat_id)), after=int(after)))


@require_POST
def act(request: HttpRequest, chat_id: int, name: str) -> HttpResponse:
    """One act of a persona: see ``acts``."""
    if name not in ACTS:
        raise Http404
    personas.touch(get_object_or_404(Persona, pk=chat_id))
    return _answer(lambda: ACTS[name](chat_id, _json(request), request.FILES.getlist("files")))


def _json(request: HttpRequest) -> JsonObject:
    if request.content_type != "application/json":
        return dict(request.POST.items())
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(body, dict):
        raise bad_request("object expected")
    return body


def _answer(run: Callable[[], JsonObject]) -> JsonResponse:
    try:
        return JsonResponse({"ok": True, **run()})
    except ApiError as error:
        return JsonResponse(error.body, status=error.status)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        return JsonResponse(bad_request(reason).body, status=400)


@require_GET
@cache_control(private=True, max_age=86_400)
def stored_file(_request: HttpRequest, unique_id: str) -> HttpResponseBase:
    """A file for the browser. Anything but pictures, sound and film is downloaded, never shown."""
    stored = get_object_or_404(StoredFile, pk=unique_id)
    inline = stored.mime_type.startswith(SAFE_INLINE)
    return FileResponse(
        files.opened(stored),
        as_attachment=not inline,
        filename=stored.file_name or stored.path.rpartition("/")[2],
        content_type=stored.mime_type if inline else "application/octet-stream",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@require_GET
@cache_control(private=True, max_age=86_400)
def avatar(_request: HttpRequest, persona_id: int) -> HttpResponseBase:
    persona = get_object_or_404(Persona.objects.exclude(avatar=""), pk=persona_id)
    return FileResponse(default_storage.open(persona.avatar), content_type="image/jpeg")


@require_GET
@cache_control(max_age=86_400)
def sticker(_request: HttpRequest, name: str) -> HttpResponse:
    if name not in STICKERS:
        raise Http404
    return HttpResponse(sticker_webp(name), content_type="image/webp")
