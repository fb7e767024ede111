"""Flags that clients may know: how they stand for everybody, and how for one member."""

from typing import Final

from apps.flags.asking import is_enabled
from apps.flags.rules import Subject

PUBLIC: Final = (
    "bot.contact_exchange",
    "bot.like_notice",
    "bot.notes",
    "conversations.media",
    "signup.open",
)


def public_flags(member: Subject | None = None) -> dict[str, bool]:
    """On or off for this member, as the bot has it for them. A member who is in a study is exposed by being told.

    Without one: for the system as a whole, where a flag that only some members have is off.
    """
    return {name: is_enabled(name, member) for name in PUBLIC}
