"""Files on the simulated server: stored once per content, named by file ids, served to bot and browser."""

import hashlib
import io
import mimetypes
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from apps.simulator.errors import bad_request
from apps.simulator.models import StoredFile
from apps.simulator.schemas import JsonObject

MAX_UPLOAD_BYTES = 50 * 2**20
MAX_DOWNLOAD_BYTES = 20 * 2**20
MAX_PHOTO_BYTES = 10 * 2**20
# Quoted: Django has no such generic when the program runs.
Upload: TypeAlias = "File[bytes]"
# Telegram keeps a photo in these sizes: name and longest side in pixels.
PHOTO_SIZES = (90, 320, 800, 1280)


@dataclass(frozen=True)
class Kind:
    """How Telegram keeps one kind of media."""

    folder: str
    prefix: str
    mime_type: str
    described_by: tuple[str, ...]


FILM = ("width", "height", "duration", "mime_type", "file_name")
KINDS = {
    "photo": Kind("photos", "AgACAgIAAxkB", "image/jpeg", ("width", "height")),
    "voice": Kind("voice", "AwACAgIAAxkB", "audio/ogg", ("duration", "mime_type")),
    "audio": Kind("music", "CQACAgIAAxkB", "audio/mpeg", ("duration", "mime_type", "file_name")),
    "video": Kind("videos", "BAACAgIAAxkB", "video/mp4", FILM),
    "video_note": Kind("video_notes", "DQACAgIAAxkB", "video/mp4", ("length", "duration")),
    "animation": Kind("animations", "CgACAgIAAxkB", "video/mp4", FILM),
    "sticker": Kind("stickers", "CAACAgIAAxkB", "image/webp", ("width", "height", "emoji")),
    "document": Kind("documents", "BQACAgIAAxkB", "application/octet-stream", ("mime_type", "file_name")),
}


@dataclass(frozen=True)
class Measures:
    """What the sender says of a file that the server does not look into."""

    width: int = 0
    height: int = 0
    duration_secs: int = 0
    emoji: str = ""


def store(kind: str, upload: Upload, measures: Measures = Measures()) -> StoredFile:
    """The stored file; the same bytes of one kind are stored once. For a photo, its largest size.

    Raises ApiError for files that are empty, too big, or pictures that cannot be read.
    """
    if not upload.size:
        raise bad_request("file must be non-empty")
    if upload.size > (MAX_PHOTO_BYTES if kind == "photo" else MAX_UPLOAD_BYTES):
        raise bad_request("file is too big")
    digest = hashlib.sha256(kind.encode())
    for chunk in upload.chunks():
        digest.update(chunk)
    family = digest.hexdigest()[:24]
    known = StoredFile.objects.filter(family=family).order_by("-width").first()
    if known is not None:
        return known
    upload.seek(0)
    if kind == "photo":
        return _store_photo(family, upload)
    return _store_one(kind, family, upload, measures)


def _store_one(kind: str, family: str, upload: Upload, measures: Measures) -> StoredFile:
    if kind == "sticker" and not measures.width:
        with _opened(upload) as image:
            measures = Measures(*image.size, emoji=measures.emoji)
        upload.seek(0)
    name = PurePosixPath(upload.name or "file").name[:200]
    declared = getattr(upload, "content_type", None)
    mime_type = (declared or mimetypes.guess_type(name)[0] or KINDS[kind].mime_type)[:100]
    suffix = PurePosixPath(name).suffix or mimetypes.guess_extension(mime_type) or ""
    details: JsonObject = {"family": family, "mime_type": mime_type, "file_name": name, **asdict(measures)}
    return _kept(kind, family, upload, suffix[:10], details)


def _opened(upload: Upload) -> Image.Image:
    try:
        return Image.open(upload)
    except (OSError, Image.DecompressionBombError) as error:
        raise bad_request("IMAGE_PROCESS_FAILED") from error


def _store_photo(family: str, upload: Upload) -> StoredFile:
    with _opened(upload) as opened:
        try:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError as error:
            raise bad_request("IMAGE_PROCESS_FAILED") from error
    if max(picture.size) > 20 * min(picture.size) or sum(picture.size) > 10_000:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    longest = min(max(picture.size), PHOTO_SIZES[-1])
    sides = [side for side in PHOTO_SIZES if side < longest] + [longest]
    return [_store_photo_size(family, picture, side) for side in sides][-1]


def _store_photo_size(family: str, picture: Image.Image, side: int) -> StoredFile:
    size = picture.copy()
    size.thumbnail((side, side))
    buffer = io.BytesIO()
    size.save(buffer, "JPEG", quality=87)
    details: JsonObject = {"family": family, "mime_type": "image/jpeg", "width": size.width, "height": size.height}
    return _kept("photo", f"{family}x{side}", ContentFile(buffer.getvalue()), ".jpg", details)


def _kept(kind: str, unique_id: str, content: Upload, suffix: str, details: JsonObject) -> StoredFile:
    path = default_storage.save(f"simulator/{KINDS[kind].folder}/{unique_id}{suffix}", content)
    details |= {
        "file_id": f"{KINDS[kind].prefix}{unique_id}",
        "kind": kind,
        "path": path.removeprefix("simulator/"),
        "size": content.size,
    }
    # Two uploads of the same bytes may race: the first row wins.
    return StoredFile.objects.get_or_create(file_unique_id=unique_id, defaults=details)[0]


def resolve(kind: str, file_id: str) -> StoredFile:
    """The file behind a file id. Raises ApiError for unknown ids and for a file of another kind."""
    found = StoredFile.objects.filter(file_id=file_id).first()
    if found is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if found.kind != kind:
        raise bad_request(f"can't use file of type {found.kind.title()} as {kind.title()}")
    return found


def media_content(stored: StoredFile) -> JsonObject:
    """The field of a Message that shows this file: ``{"voice": {...}}``, ``{"photo": [sizes]}``..."""
    if stored.kind == "photo":
        sizes = StoredFile.objects.filter(family=stored.family).order_by("width", "height")
        return {"photo": [_description(size) for size in sizes]}
    shown: JsonObject = {stored.kind: _description(stored)}
    if stored.kind == "animation":
        # For clients that know no animations.
        shown["document"] = _description(stored, kind="document")
    return shown


def _description(stored: StoredFile, kind: str = "") -> JsonObject:
    values: JsonObject = {
        "width": stored.width,
        "height": stored.height,
        "length": stored.width,
        "duration": stored.duration_secs,
        "mime_type": stored.mime_type,
        "file_name": stored.file_name,
        "emoji": stored.emoji,
    }
    described: JsonObject = {
        "file_id": stored.file_id,
        "file_unique_id": stored.file_unique_id,
        "file_size": stored.size,
        **{name: values[name] for name in KINDS[kind or stored.kind].described_by},
    }
    if stored.kind == "sticker":
        described |= {"type": "regular", "is_animated": False, "is_video": False}
    return described


def file_description(file_id: str) -> JsonObject:
    """What getFile answers. Raises ApiError for unknown ids and for files over 20 MB."""
    stored = StoredFile.objects.filter(file_id=file_id).first()
    if stored is None:
        raise bad_request("invalid file_id")
    if stored.size > MAX_DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.file_unique_id,
        "file_size": stored.size,
        "file_path": stored.path,
    }


def opened(stored: StoredFile) -> Upload:
    return default_storage.open(f"simulator/{stored.path}")
