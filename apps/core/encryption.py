"""Encryption of single fields with FIELD_ENCRYPTION_KEYS: the first key encrypts, all of them decrypt (rotation)."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from apps.core.errors import MeetsMatchError


class UndecryptableError(MeetsMatchError):
    """The value was encrypted with a key that FIELD_ENCRYPTION_KEYS no longer holds: put that key back at its end."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    try:
        return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise UndecryptableError("no key in FIELD_ENCRYPTION_KEYS decrypts this value") from None


def renewed(token: str) -> str:
    """The same value under the first key: the token itself when it is under that already."""
    keys = tuple(settings.FIELD_ENCRYPTION_KEYS)
    try:
        _cipher(keys[:1]).decrypt(token.encode())
    except InvalidToken:
        return encrypt(decrypt(token))
    return token
