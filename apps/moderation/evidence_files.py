"""Pictures, voice and videos of the evidence, fetched from Telegram for one look; we hold no copy of them."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from apps.core.errors import GatewayError
from apps.core.gateways.telegram import bot_api
from apps.moderation.models import Case, Evidence
from apps.moderation.selectors import evidence_of, source_of

READ_EVIDENCE = "moderation.read_evidence"
# By how a file begins: nothing that a browser would run is among them. The second number is where it begins so.
_TYPES = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG", 0, "image/png"),
    (b"WEBP", 8, "image/webp"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
)


def urls() -> list[URLPattern]:
    """Below the list of cases."""
    wrap, place = admin.site.admin_view, "<uuid:key>/{}/<uuid:evidence>/<int:number>/"
    return [
        path(place.format("photo"), wrap(photo), name="moderation_case_photo"),
        path(place.format("media"), wrap(media), name="moderation_case_media"),
    ]


def photo(request: HttpRequest, key: UUID, evidence: UUID, number: int) -> HttpResponse:
    """A photo of the evidence that the profile does not have any more. 404 when gone."""
    if not request.user.has_perm("users.view_photo"):
        raise PermissionDenied
    return _file(_kept(request, key, evidence).profile.get("photos", []), number)


def media(request: HttpRequest, key: UUID, evidence: UUID, number: int) -> HttpResponse:
    """What was sent with one message of the evidence, edited or deleted since or not; leaves a line in the audit log.

    404 when Telegram does not have it any more, or when it is of no kind that can be shown.
    """
    person: Any = request.user
    kept = _kept(request, key, evidence)
    answer = _file(kept.messages or [], number)
    LogEntry.objects.create(
        user_id=person.pk,
        content_type=ContentType.objects.get_for_model(Case),
        object_id=str(key),
        object_repr=str(Case(pk=key)),
        action_flag=CHANGE,
        change_message=f"looked at a file of {source_of(kept)}",
    )
    return answer


def _kept(request: HttpRequest, key: UUID, evidence: UUID) -> Evidence:
    if not request.user.has_perm(READ_EVIDENCE):
        raise PermissionDenied
    return get_object_or_404(evidence_of(key), pk=evidence)


def _file(items: list[dict[str, Any]], number: int) -> HttpResponse:
    if number >= len(items) or not items[number].get("file_id"):
        raise Http404
    try:
        content = async_to_sync(_download)(items[number]["file_id"])
    except GatewayError:
        raise Http404 from None
    kind = type_of(content)
    if kind is None:
        raise Http404
    return HttpResponse(content, content_type=kind, headers={"Cache-Control": "private, max-age=600"})


def type_of(content: bytes) -> str | None:
    """What a browser may show it as; None for anything that is not surely a picture, a sound or a film."""
    return next((kind for mark, start, kind in _TYPES if content[start : start + len(mark)] == mark), None)


async def _download(file_id: str) -> bytes:
    async with bot_api() as api:
        return await api.download(file_id)
