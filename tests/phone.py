"""A member with a phone: what they type and tap goes through the webhook, what the bot sends them is read back."""

import itertools
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from apps.users.models import User
from tests.fakes import FakeBotApi, RecordedCall, deliver_all

_update_ids = itertools.count(1)


class NoSuchButtonError(AssertionError):
    """The bot has not shown this button in its latest messages."""


class Phone:
    """One member. The messages on screen are those that the bot has sent or edited, in order."""

    def __init__(self, api: FakeBotApi, telegram_id: int, name: str = "Ann", language: str = "en") -> None:
        self.api = api
        self.telegram_id = telegram_id
        self.name = name
        self.language = language
        self.username: str | None = None
        self.client = Client()
        self.toast = ""
        self.last_update: dict[str, Any] = {}
        self._message_ids = itertools.count(1_000_000)

    # ---- What the member does

    def write(self, text: str, *, reply_to: int | None = None) -> int:
        """Types a message or a command; its message id."""
        content: dict[str, Any] = {"text": text}
        if text.startswith("/"):
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        return self.send(reply_to=reply_to, **content)

    def send(self, *, reply_to: int | None = None, **content: Any) -> int:
        """Sends any kind of message; its message id."""
        message_id = next(self._message_ids)
        message = {**self._message(message_id), **content}
        if reply_to:
            message["reply_to_message"] = self._message(reply_to)
        self.post({"message": message})
        return message_id

    def send_photo(self, name: str = "beach", caption: str = "") -> int:
        size = {"file_id": f"{name}-id", "file_unique_id": f"{name}-unique", "width": 800, "height": 1000}
        return self.send(
            photo=[{**size, "width": 80, "height": 100}, size], **({"caption": caption} if caption else {})
        )

    def edit(self, message_id: int, **content: Any) -> None:
        self.post({"edited_message": {**self._message(message_id), "edit_date": 1_800_000_001, **content}})

    def tap(self, label_or_data: str) -> str:
        """Taps the newest inline button with this label, or callback data that begins with it; the toast."""
        for call in reversed(self.screen()):
            for row in (call.params.get("reply_markup") or {}).get("inline_keyboard", []):
                for button in row:
                    if label_or_data in button["text"] or button["callback_data"].startswith(label_or_data):
                        return self.tap_data(button["callback_data"], on=call)
        raise NoSuchButtonError(f"{label_or_data!r} is not among {self.buttons()}")

    def tap_data(self, data: str, *, on: RecordedCall | None = None) -> str:
        """Taps a button with this callback data, also one that is not on screen (a late or a forged tap)."""
        message: dict[str, Any] = {**self._message((on and on.message_id) or 7), "from": _BOT}
        message |= {"photo": [_SIZE]} if on and on.method in ("sendPhoto", "editMessageMedia") else {"text": "…"}
        query = {
            "id": str(next(_update_ids)),
            "from": self._user(),
            "chat_instance": "1",
            "data": data,
            "message": message,
        }
        response = self.post({"callback_query": query})
        self.toast = (response.json() if response.content else {}).get("text", "")
        return self.toast

    def blocks_the_bot(self) -> None:
        self._changes_membership("kicked")

    def unblocks_the_bot(self) -> None:
        self._changes_membership("member")

    def post(self, content: dict[str, Any], *, update_id: int | None = None) -> HttpResponse:
        """Posts an update to the webhook as Telegram does, then lets the sender run."""
        self.last_update = {"update_id": update_id or next(_update_ids), **content}
        response = post_update(self.client, self.last_update)
        assert response.status_code == 200, response.content
        deliver_all(self.api)
        return response

    # ---- What the member sees

    def screen(self) -> list[RecordedCall]:
        """The messages in the chat, as they read now."""
        shown: dict[Any, RecordedCall] = {}
        for call in self.api.sent_to(self.telegram_id):
            if call.method == "deleteMessage":
                shown.pop(call.message_id, None)
            else:
                shown[call.message_id] = call
        return list(shown.values())

    @property
    def last(self) -> str:
        """The text or caption of the newest message."""
        return self.screen()[-1].text

    def sees(self, words: str) -> bool:
        return any(words in call.text for call in self.screen())

    def buttons(self) -> list[str]:
        """The labels under the newest message."""
        shown = self.screen()
        markup = (shown[-1].params.get("reply_markup") if shown else None) or {}
        return [button["text"] for row in markup.get("inline_keyboard", []) for button in row]

    @property
    def user(self) -> User:
        return User.objects.select_related("profile", "preferences", "dialogue").get(telegram_id=self.telegram_id)

    def _changes_membership(self, status: str) -> None:
        member = {"user": _BOT, "status": status, **({"until_date": 0} if status == "kicked" else {})}
        change = {
            "chat": self._chat(),
            "from": self._user(),
            "date": 1_800_000_000,
            "old_chat_member": {"user": _BOT, "status": "member"},
            "new_chat_member": member,
        }
        self.post({"my_chat_member": change})

    def _message(self, message_id: int) -> dict[str, Any]:
        return {"message_id": message_id, "date": 1_800_000_000, "chat": self._chat(), "from": self._user()}

    def _chat(self) -> dict[str, Any]:
        return {"id": self.telegram_id, "type": "private", "first_name": self.name}

    def _user(self) -> dict[str, Any]:
        user = {"id": self.telegram_id, "is_bot": False, "first_name": self.name, "language_code": self.language}
        return user | ({"username": self.username} if self.username else {})


def post_update(client: Client, update: dict[str, Any]) -> HttpResponse:
    return client.post(
        "/telegram/webhook",
        update,
        content_type="application/json",
        headers={"X-Telegram-Bot-Api-Secret-Token": settings.TELEGRAM_WEBHOOK_SECRET},
    )


_BOT = {"id": 1, "is_bot": True, "first_name": "MeetsMatch", "username": "meetsmatch_bot"}
_SIZE = {"file_id": "x", "file_unique_id": "x", "width": 1, "height": 1}


def sign_up(
    phone: Phone,
    *,
    born: str = "24.08.1998",
    gender: str = "Woman",
    seeking: tuple[str, ...] = ("Men",),
    city: str = "Tbilisi",
    interests: tuple[str, ...] = ("Hiking",),
    bio: str = "",
) -> Phone:
    """Goes the whole way from /start to a published profile, in English."""
    phone.write("/start")
    phone.tap("consent")
    phone.write(phone.name)
    phone.write(born)
    phone.tap(gender)
    for sought in seeking:
        phone.tap(sought)
    phone.tap("done:seeking")
    phone.write(city)
    for interest in interests:
        phone.tap(interest)
    phone.tap("done:interests")
    phone.write(bio) if bio else phone.tap("Skip")
    phone.send_photo(f"face-of-{phone.telegram_id}")
    phone.tap("done:photos")
    phone.tap("publish")
    return phone
