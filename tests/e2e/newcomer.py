"""Somebody new and their way from /start to a published profile, whichever Telegram client they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Client(Protocol):
    """A Telegram client. Buttons go by the beginning of their callback data, which no language changes."""

    def start(self) -> None:
        """Presses START."""

    def write(self, text: str) -> object:
        """Sends a message."""

    def tap(self, button: str) -> None:
        """Taps the newest such button, once there is one."""

    def wait_for_button(self, button: str) -> None:
        """Returns when there is such a button."""

    def wait_for_keyboard(self) -> None:
        """Returns when the bot offers a keyboard below the input field."""

    def send_photo(self, path: Path) -> None:
        """Sends a picture file as a photo."""


@dataclass(frozen=True)
class Newcomer:
    """What somebody tells about themselves when asked."""

    name: str
    gender: str
    seeking: Sequence[str]
    photo: Path
    city: str = "Tbilisi"
    born: str = "24.08.1998"
    interests: Sequence[str] = ("hiking",)
    bio: str = "I like mountains and good coffee."


def sign_up(client: Client, me: Newcomer) -> None:
    client.start()
    client.tap("consent")
    client.wait_for_button("back:name")
    client.write(me.name)
    client.wait_for_button("back:birth_date")
    client.write(me.born)
    client.tap(f"gender:{me.gender}")
    for gender in me.seeking:
        client.tap(f"seek:{gender}")
    client.tap("done:seeking")
    client.wait_for_keyboard()
    client.write(me.city)
    for interest in me.interests:
        client.tap(f"interest:{interest}")
    client.tap("done:interests")
    client.wait_for_button("done:bio")
    client.write(me.bio)
    client.wait_for_button("back:photos")
    client.send_photo(me.photo)
    client.tap("done:photos")
    client.tap("publish")
    client.wait_for_button("browse")
