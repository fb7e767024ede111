"""One turn of the dialogue: what a handler gets, and what it returns to be sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import telegram
from django.utils import timezone

from apps.bot.models import Dialogue
from apps.notifications.models import Priority
from apps.notifications.services import Outgoing
from apps.users.models import Photo, User

Keyboard = Sequence[Sequence[tuple[str, str]]]  # rows of (label, callback data)

# A plain text that comes later than this after the question is not taken for its answer.
PROMPT_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True)
class Reply:
    """What a handler wants sent, in order, and the toast that answers a tap. Replies add up."""

    outgoing: tuple[Outgoing, ...] = ()
    toast: str = ""
    alert: bool = False

    def __add__(self, other: "Reply") -> "Reply":
        return Reply(self.outgoing + other.outgoing, self.toast or other.toast, self.alert or other.alert)


@dataclass
class Turn:
    """A member's update on its way through one handler.

    `args` are the parts of a tap's callback data, or a command's words.
    """

    user: User
    update: telegram.Update
    args: tuple[str, ...] = ()
    dialogue: Dialogue = field(init=False)
    _is_tapped_gone: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.dialogue = self.user.dialogue

    @property
    def message(self) -> telegram.Message:
        """The message that was sent. Only for updates that are one."""
        message = self.update.message or self.update.edited_message
        assert message is not None
        return message

    @property
    def sender(self) -> telegram.User:
        sender = self.update.effective_user
        assert sender is not None
        return sender

    @property
    def tapped(self) -> telegram.Message | None:
        """The message whose button was tapped, while it is there and Telegram lets us change it; None otherwise."""
        query = self.update.callback_query
        if self._is_tapped_gone or query is None or not isinstance(query.message, telegram.Message):
            return None
        return query.message

    def target_id(self, position: int = 0) -> UUID:
        """An id out of the callback data, whose form the route has checked."""
        return UUID(self.args[position])

    # ---- What the bot waits for

    def wait_for(self, step: str, **data: Any) -> None:
        """The next plain text is the answer to this question, for half an hour."""
        self.dialogue.step, self.dialogue.data, self.dialogue.asked_at = step, data, timezone.now()
        self.dialogue.save(update_fields=["step", "data", "asked_at"])

    def stop_waiting(self) -> None:
        """Plain text is no answer any more. While signing up the question stays: there the member goes on later."""
        if self.dialogue.step and self.user.profile.published_at:
            self.wait_for("")

    @property
    def is_prompt_expired(self) -> bool:
        asked_at = self.dialogue.asked_at
        return asked_at is None or timezone.now() - asked_at > PROMPT_LIFETIME

    # ---- What to send back

    def say(self, text: str, keyboard: Keyboard = ()) -> Reply:
        """A new message."""
        return say(self.user, text, keyboard)

    def screen(self, text: str, keyboard: Keyboard = ()) -> Reply:
        """A text in place of the tapped message, or a new one."""
        if self.tapped is None:
            return self.say(text, keyboard)
        if self.tapped.text is None:
            return self.delete_tapped() + self.say(text, keyboard)
        params = {"message_id": self.tapped.message_id, "text": text, "parse_mode": "HTML", **_markup(keyboard)}
        return send(self.user, "editMessageText", params)

    def picture(self, photo: Photo, caption: str, keyboard: Keyboard = ()) -> Reply:
        """A photo in place of the tapped one, or a new message."""
        if self.tapped is None or not self.tapped.photo:
            return send_photo(self.user, photo, caption, keyboard)
        media = {"type": "photo", "media": photo_param(photo), "caption": caption, "parse_mode": "HTML"}
        # an edit cannot protect, but the new message that is sent in place of a refused edit must be protected
        params = {"message_id": self.tapped.message_id, "media": media, "protect_content": True, **_markup(keyboard)}
        return send(self.user, "editMessageMedia", params)

    def delete_tapped(self) -> Reply:
        """What comes after this in the turn is a new message."""
        if self.tapped is None:
            return Reply()
        message_id = self.tapped.message_id
        self._is_tapped_gone = True
        return send(self.user, "deleteMessage", {"message_id": message_id})


def say(
    user: User, text: str, keyboard: Keyboard = (), *, priority: Priority = Priority.REPLY, key: str | None = None
) -> Reply:
    return send(
        user, "sendMessage", {"text": text, "parse_mode": "HTML", **_markup(keyboard)}, priority=priority, key=key
    )


def say_to_chat(chat_id: int, text: str) -> Reply:
    """To somebody who is no member (any more): the keyboard of an open chat goes away, too."""
    params = {"text": text, "parse_mode": "HTML", "reply_markup": {"remove_keyboard": True}}
    return Reply((Outgoing(chat_id, "sendMessage", params),))


def send_photo(
    user: User, photo: Photo, caption: str, keyboard: Keyboard = (), *, priority: Priority = Priority.REPLY
) -> Reply:
    """A photo of somebody, which cannot be forwarded or saved."""
    params = {"photo": photo_param(photo), "caption": caption, "parse_mode": "HTML", "protect_content": True}
    return send(user, "sendPhoto", {**params, **_markup(keyboard)}, priority=priority)


def send(
    user: User,
    method: str,
    params: dict[str, Any],
    *,
    priority: Priority = Priority.REPLY,
    key: str | None = None,
) -> Reply:
    assert user.telegram_id is not None
    return Reply((Outgoing(user.telegram_id, method, params, user=user, priority=priority, key=key),))


def toast(text: str, *, alert: bool = False) -> Reply:
    """The short answer to a tap, at most 200 characters; an alert must be tapped away."""
    return Reply(toast=text[:200], alert=alert)


def inline_markup(keyboard: Keyboard) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": label, "callback_data": data} for label, data in row] for row in keyboard]}


def photo_param(photo: Photo) -> Any:
    """Telegram's id of the photo, or the placeholder that makes the sender upload our copy."""
    return photo.file_id or {"$photo": str(photo.pk)}


def _markup(keyboard: Keyboard) -> dict[str, Any]:
    return {"reply_markup": inline_markup(keyboard)} if keyboard else {}
