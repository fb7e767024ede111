"""The media store: a folder, or any S3, as Django's storage behind the guard of its policy.

Raises AwayError while the store rests, FileNotFoundError for what is not there, and otherwise what its driver raises.
"""

from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from storages.backends.s3 import S3Storage

from apps.core.resilience import faults
from apps.core.resilience.policies import MEDIA


class _Guarded:
    """Over one of Django's storages. Reading, looking and deleting are tried again; what is saved is saved once."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        return MEDIA.repeat(lambda: super(_Guarded, self)._open(name, mode))  # type: ignore[misc]

    def _save(self, name: str, content: "File[Any] | IO[Any]") -> str:
        with MEDIA.guard():
            faults.strike_writing(MEDIA.name)
            saved: str = super()._save(name, content)  # type: ignore[misc]
            return saved

    def delete(self, name: str) -> None:
        MEDIA.repeat(lambda: super(_Guarded, self).delete(name))  # type: ignore[misc]

    def exists(self, name: str) -> bool:
        return bool(MEDIA.repeat(lambda: super(_Guarded, self).exists(name)))  # type: ignore[misc]


class FolderStore(_Guarded, FileSystemStorage):
    pass


class S3Store(_Guarded, S3Storage):  # type: ignore[misc]
    pass
