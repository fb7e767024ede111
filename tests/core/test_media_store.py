"""Members' photos in an S3 store, with a real server that checks signatures."""

import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import override_settings
from PIL import Image
from pytest_django import Settings
from storages.backends.s3 import S3Storage

from apps.users import services, tasks
from apps.users.models import AbandonedFile, Photo
from meetsmatch.env import read_environment
from meetsmatch.settings.base import s3_storage
from tests.factories import member
from tests.fakes import FakeBotApi

KEY, SECRET = "moderators", "only-in-tests"


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("s3")
    (folder / "media").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rclone = Path(sys.executable).with_name("rclone")
    command = [rclone, "serve", "s3", "--addr", address, "--auth-key", f"{KEY},{SECRET}", folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        _wait_for(address)
        yield f"http://{address}"
        server.terminate()


@pytest.fixture
def s3(s3_url: str, settings: Settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": storage(s3_url, SECRET)}


@pytest.mark.usefixtures("s3")
@pytest.mark.django_db
def test_it_keeps_a_photo_upright_and_without_what_the_camera_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = _photo_from_telegram(monkeypatch, _picture_with_a_place())
    tasks.store_photo(str(photo.pk))
    photo.refresh_from_db()
    with Image.open(photo.file.open()) as stored:
        assert stored.format == "JPEG"
        assert not stored.getexif()
    assert isinstance(default_storage._wrapped, S3Storage)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("s3")
@pytest.mark.django_db
def test_it_deletes_the_photos_of_who_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = _photo_from_telegram(monkeypatch, _picture_with_a_place())
    tasks.store_photo(str(photo.pk))
    photo.refresh_from_db()
    services.erase(photo.user)
    tasks.delete_abandoned_files()
    assert not default_storage.exists(photo.file.name)
    assert not AbandonedFile.objects.exists()


@pytest.mark.django_db
def test_it_deletes_the_others_when_one_file_cannot_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("photos/a.jpg", "photos/locked.jpg", "photos/c.jpg"):
        AbandonedFile.objects.create(name=name)

    def delete(name: str) -> None:
        if "locked" in name:
            raise PermissionError(name)

    monkeypatch.setattr(default_storage, "delete", delete)
    with pytest.raises(PermissionError, match="locked"):
        tasks.delete_abandoned_files()
    assert [abandoned.name for abandoned in AbandonedFile.objects.all()] == ["photos/locked.jpg"]


@pytest.mark.django_db
def test_it_is_refused_with_a_wrong_secret(s3_url: str) -> None:
    with override_settings(STORAGES={"default": storage(s3_url, "wrong")}), pytest.raises(ClientError):
        default_storage.save("x.jpg", ContentFile(b"x"))


@pytest.mark.django_db
def test_it_leaves_a_file_that_is_no_picture_to_telegram(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = _photo_from_telegram(monkeypatch, b"%PDF-1.7")
    tasks.store_photo(str(photo.pk))
    photo.refresh_from_db()
    assert not photo.file


@pytest.mark.django_db
def test_it_fetches_missing_photos_in_turn_so_that_none_waits_for_those_that_always_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user, queued = member(photos=5), []
    in_order = [str(photo.pk) for photo in user.photos.order_by("created_at")]
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(tasks.store_photo, "delay", queued.append)
    for _ in range(4):
        tasks.store_missing_photos()
    assert queued == [*in_order, *in_order[:2]]


def storage(url: str, secret: str) -> dict[str, object]:
    variables = {"S3_ENDPOINT_URL": url, "S3_BUCKET": "media", "S3_ACCESS_KEY_ID": KEY, "S3_SECRET_ACCESS_KEY": secret}
    return s3_storage(read_environment(variables))


def _photo_from_telegram(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Photo:
    photo = Photo.objects.get(user=member())
    api = FakeBotApi(stored={photo.file_id: content})

    async def download(file_id: str) -> bytes:
        return await api.download(file_id)

    monkeypatch.setattr(tasks, "_download", download)
    return photo


def _picture_with_a_place() -> bytes:
    image, out = Image.new("RGB", (60, 80), "teal"), io.BytesIO()
    exif = image.getexif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def _wait_for(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("rclone does not answer")
