"""A persona of the simulator who is played through its JSON, without a browser: quick, and patient with outages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from tests.e2e.stack import Stack, wait_until

Message = dict[str, Any]
# Django compares the cookie with the header; where both come from does not matter.
CSRF_TOKEN = "e" * 32
# While processes are killed, Telegram waits longer and longer before it tries again.
PATIENCE_SECS = 60


class Chat:
    """The chat of one persona with the bot, as Telegram has it."""

    def __init__(self, telegram: Stack, name: str, *, language: str = "en", username: str = "") -> None:
        self.name = name
        self._root = f"{telegram.url}/simulator/api"
        headers = {"Cookie": f"csrftoken={CSRF_TOKEN}", "X-CSRFToken": CSRF_TOKEN}
        self._http = urllib3.PoolManager(headers=headers, retries=False, timeout=10)
        persona = {"first_name": name, "language_code": language, "username": username}
        self.id = int(self._request("POST", "personas", json=persona)["id"])

    # ---- What they do

    def start(self) -> None:
        self.write("/start")

    def write(self, text: str) -> None:
        self._act("text", json={"text": text})

    def tap(self, button: str) -> None:
        self.wait_for_button(button)
        found = self._find_button(button)
        assert found, f"{button} is gone"
        message_id, data = found
        self._act("tap", json={"message_id": message_id, "data": data})

    def send_photo(self, path: Path) -> None:
        self._act("files", fields={"kind": "photo", "files": (path.name, path.read_bytes(), "image/jpeg")})

    def block_bot(self) -> None:
        self._act("blocked", json={"on": True})

    # ---- What they see

    def everything(self) -> dict[str, Any]:
        """State and newest messages of the chat, as the simulator tells its browser."""
        return dict(self._request("GET", f"chats/{self.id}"))

    def texts(self) -> list[str]:
        """The texts and captions of all messages from the bot, oldest first."""
        page = self.everything()
        messages: list[Message] = page["messages"]
        while page["has_earlier"]:
            page = self._request("GET", f"chats/{self.id}?before={messages[0]['id']}")
            messages = page["messages"] + messages
        return [_words(message) for message in messages if not message["out"]]

    def sees(self, words: str) -> bool:
        """Whether the words are in one of the newest messages."""
        return any(words in _words(message) for message in self.everything()["messages"])

    def wait_for(self, words: str) -> None:
        self._wait_until(lambda: self.sees(words), f"reads “{words}”")

    def wait_for_button(self, button: str) -> None:
        self._wait_until(lambda: self._find_button(button), f"is offered the button {button}")

    def wait_for_keyboard(self) -> None:
        self._wait_until(lambda: self.everything()["reply_keyboard"], "has a keyboard")

    def wait_until_gone(self, words: str) -> None:
        self._wait_until(lambda: not self.sees(words), f"does not read “{words}” any more")

    def browse_to(self, name: str) -> None:
        """Passes everybody whose card comes before this person's."""
        self.write("/browse")
        self.wait_for_button("like:")
        while not self._card().startswith(f"{name}, "):
            before = self._card()
            self.tap("pass:")
            self._wait_until(lambda passed=before: self._card() != passed, "sees another card")

    def _card(self) -> str:
        """What the newest card says; empty when there is none."""
        cards = [message for message in self.everything()["messages"] if _buttons(message, "like:")]
        return _words(cards[-1]) if cards else ""

    def _find_button(self, button: str) -> tuple[int, str] | None:
        for message in reversed(self.everything()["messages"]):
            for data in _buttons(message, button):
                return message["id"], data
        return None

    def _wait_until(self, is_so: Callable[[], object], what: str) -> None:
        wait_until(is_so, f"{self.name} {what}", PATIENCE_SECS)

    def _act(self, name: str, **content: Any) -> None:
        self._request("POST", f"chats/{self.id}/{name}", **content)

    def _request(self, method: str, path: str, **content: Any) -> Any:
        response = self._http.request(method, f"{self._root}/{path}", **content)
        assert response.status == 200, f"{method} {path}: {response.status} {response.data!r}"
        return response.json()


def _words(message: Message) -> str:
    return str(message.get("text") or message.get("caption") or "")


def _buttons(message: Message, beginning: str) -> list[str]:
    """The callback data of the message's buttons that begins like this."""
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    every = [button.get("callback_data", "") for row in rows for button in row]
    return [data for data in every if data.startswith(beginning)]
