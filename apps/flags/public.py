"""Flags that clients may know without signing in: how they stand for everybody, never for one member."""

from typing import Final

from apps.flags.asking import is_enabled

PUBLIC: Final = (
    "bot.contact_exchange",
    "bot.like_notice",
    "bot.notes",
    "conversations.media",
    "signup.open",
)


def public_flags() -> dict[str, bool]:
    """On or off for the system as a whole: a flag that only some members have is off here."""
    return {name: is_enabled(name) for name in PUBLIC}
