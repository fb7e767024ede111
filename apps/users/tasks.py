"""Our own copies of members' photos: fetched from Telegram, deleted with the photo."""

import io

import structlog
from asgiref.sync import async_to_sync
from celery import current_app, shared_task
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps, UnidentifiedImageError

from apps.core.errors import AwayError, GatewayError
from apps.core.gateways.telegram import bot_api
from apps.users.models import AbandonedFile, Photo

log = structlog.get_logger(__name__)
MAX_SIDE_PIXELS = 1600
BATCH = 200
REACHED = "users.missing_photos_reached"  # when the last photo that was queued again was made


@shared_task(
    name="users.store_photo",
    autoretry_for=(GatewayError, OSError),
    retry_backoff=True,
    retry_kwargs={"max_retries": 5},
)
def store_photo(photo_id: str) -> None:
    """Fetches one photo from Telegram into the media store. Does nothing when it is there already or gone."""
    photo = Photo.objects.filter(pk=photo_id, file="").first()
    if photo is None:
        return
    try:
        picture = _plain_jpeg(async_to_sync(_download)(photo.file_id))
    except UnidentifiedImageError:
        log.warning("photo_not_an_image", photo=photo_id)
        return
    name = default_storage.save(f"photos/{photo.pk}.jpg", ContentFile(picture))
    if not Photo.objects.filter(pk=photo_id, file="").update(file=name):
        AbandonedFile.objects.create(name=name)  # removed or stored by another worker meanwhile
        return
    current_app.signature("moderation.check_photo", (photo_id,)).delay()


@shared_task(name="users.store_missing_photos")
def store_missing_photos() -> None:
    """Queues again what a lost broker or a failed download left without our copy.

    The next ones each time, and then again from the oldest: those that always fail keep no others waiting.
    """
    missing = Photo.objects.filter(file="").order_by("created_at")
    if reached := cache.get(REACHED):
        missing = missing.filter(created_at__gt=reached)
    photos = list(missing.values_list("pk", "created_at")[:BATCH])
    for photo_id, _ in photos:
        store_photo.delay(str(photo_id))
    cache.set(REACHED, photos[-1][1] if len(photos) == BATCH else None, timeout=None)


@shared_task(name="users.delete_abandoned_files")
def delete_abandoned_files() -> None:
    """Deletes the files of erased members and removed photos. A file that is gone already counts as deleted.

    One that cannot be deleted keeps no others from it; the first of such errors is raised in the end.
    """
    errors: list[Exception] = []
    for abandoned in AbandonedFile.objects.order_by("pk")[:BATCH]:
        try:
            default_storage.delete(abandoned.name)
        except AwayError:
            raise
        except Exception as error:  # noqa: BLE001 whatever the store's driver raises
            errors.append(error)
        else:
            abandoned.delete()
    if errors:
        raise errors[0]


async def _download(file_id: str) -> bytes:
    async with bot_api() as api:
        return await api.download(file_id)


def _plain_jpeg(data: bytes) -> bytes:
    """The picture alone, upright, without what a camera writes beside it (place, device, time)."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=88)
    return out.getvalue()
