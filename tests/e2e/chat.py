"""A persona of the simulator who is played through its JSON, without a browser: quick, and patient with outages."""

from pathlib import Path
from typing import Any

import httpx

from tests.e2e.stack import Stack, wait_until

Message = dict[str, Any]


class Chat:
    """The chat of one persona with the bot, as Telegram has it."""

    def __init__(self, telegram: Stack, name: str, *, language: str = "en", username: str = "") -> None:
        self.name = name
        self._http = httpx.Client(base_url=f"{telegram.url}/simulator/", timeout=10)
        self._http.get("").raise_for_status()  # for the CSRF cookie
        persona = {"first_name": name, "language_code": language, "username": username}
        self.id = int(self._post("personas", json=persona)["id"])

    # ---- What they do

    def start(self) -> None:
        self.write("/start")

    def write(self, text: str) -> None:
        self._act("text", json={"text": text})

    def tap(self, button: str) -> None:
        self.wait_for_button(button)
        message_id, data = self._find_button(button)
        self._act("tap", json={"message_id": message_id, "data": data})

    def send_photo(self, path: Path) -> None:
        self._act("files", data={"kind": "photo"}, files={"files": (path.name, path.read_bytes(), "image/jpeg")})

    def block_bot(self) -> None:
        self._act("blocked", json={"on": True})

    # ---- What they see

    def everything(self) -> dict[str, Any]:
        """State and newest messages of the chat, as the simulator tells its browser."""
        return dict(self._get(f"chats/{self.id}"))

    def texts(self) -> list[str]:
        """The texts and captions of all messages from the bot, oldest first."""
        page = self.everything()
        messages: list[Message] = page["messages"]
        while page["has_earlier"]:
            page = self._get(f"chats/{self.id}?before={messages[0]['id']}")
            messages = page["messages"] + messages
        return [_words(message) for message in messages if not message["out"]]

    def sees(self, words: str) -> bool:
        """Whether the words are in one of the newest messages."""
        return any(words in _words(message) for message in self.everything()["messages"])

    def wait_for(self, words: str) -> None:
        wait_until(lambda: self.sees(words), f"{self.name} reads “{words}”")

    def wait_for_button(self, button: str) -> None:
        wait_until(lambda: self._find_button(button), f"{self.name} is offered the button {button}")

    def wait_for_keyboard(self) -> None:
        wait_until(lambda: self.everything()["reply_keyboard"], f"{self.name} has a keyboard")

    def card(self) -> str:
        """What the newest card says; empty when there is none."""
        cards = [message for message in self.everything()["messages"] if _has_button(message, "like:")]
        return _words(cards[-1]) if cards else ""

    def _find_button(self, button: str) -> tuple[int, str] | None:
        for message in reversed(self.everything()["messages"]):
            for data in _buttons(message):
                if data.startswith(button):
                    return message["id"], data
        return None

    def _act(self, name: str, **content: Any) -> None:
        self._post(f"chats/{self.id}/{name}", **content)

    def _get(self, path: str) -> Any:
        return self._http.get(f"api/{path}").raise_for_status().json()

    def _post(self, path: str, **content: Any) -> Any:
        headers = {"X-CSRFToken": self._http.cookies["csrftoken"]}
        return self._http.post(f"api/{path}", headers=headers, **content).raise_for_status().json()


def _words(message: Message) -> str:
    return str(message.get("text") or message.get("caption") or "")


def _buttons(message: Message) -> list[str]:
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def _has_button(message: Message, button: str) -> bool:
    return any(data.startswith(button) for data in _buttons(message))
