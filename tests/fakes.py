"""Stand-ins at the gateways."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from apps.core.errors import GatewayError
from apps.notifications.sender import Sender
from tests.bot_api_schema import validate_call


@dataclass(frozen=True)
class RecordedCall:
    """One call that left the bot."""

    method: str
    params: dict[str, Any]
    files: dict[str, bytes]
    message_id: int | None = None  # of the message that it made or changed

    @property
    def chat_id(self) -> int | None:
        return self.params.get("chat_id")

    @property
    def text(self) -> str:
        """What the member reads: text or caption; empty when there is neither."""
        media = self.params.get("media")
        captioned = media if isinstance(media, dict) else self.params
        return str(self.params.get("text") or captioned.get("caption") or "")


@dataclass
class _Failure:
    error: GatewayError
    method: str | None
    chat_id: int | None
    times: float


@dataclass
class FakeBotApi:
    """A Telegram that does what it is told, refuses malformed calls (InvalidCallError), and fails on demand.

    `calls` are those that succeeded, `attempts` all, in order. `stored` are the files that download() hands out.
    """

    calls: list[RecordedCall] = field(default_factory=list)
    attempts: list[RecordedCall] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    _failures: list[_Failure] = field(default_factory=list)
    _message_ids: defaultdict[Any, count] = field(default_factory=lambda: defaultdict(lambda: count(101)))
    _file_numbers: count = field(default_factory=lambda: count(1))

    def fail(
        self, error: GatewayError, *, method: str | None = None, chat_id: int | None = None, times: float = 1
    ) -> None:
        """The next `times` calls (of this method, to this chat) raise the error; `times=math.inf`: all of them."""
        self._failures.append(_Failure(error, method, chat_id, times))

    def sent_to(self, chat_id: int) -> list[RecordedCall]:
        return [call for call in self.calls if call.chat_id == chat_id]

    def texts_to(self, chat_id: int) -> list[str]:
        return [call.text for call in self.sent_to(chat_id)]

    async def call(self, method: str, params: Mapping[str, object], files: Mapping[str, bytes] | None = None) -> Any:
        validate_call(method, params, files)
        call = RecordedCall(method, dict(params), dict(files or {}))
        self.attempts.append(call)
        self._raise_if_told(call)
        result = self._result(call)
        message_id = result.get("message_id") if isinstance(result, dict) else params.get("message_id")
        self.calls.append(replace(call, message_id=message_id))
        return result

    async def download(self, file_id: str) -> bytes:
        if file_id not in self.stored:
            raise GatewayError("wrong file_id or the file is temporarily unavailable", permanent=True)
        return self.stored[file_id]

    def _raise_if_told(self, call: RecordedCall) -> None:
        for failure in self._failures:
            fits = failure.method in (None, call.method) and failure.chat_id in (None, call.chat_id)
            if fits and failure.times > 0:
                failure.times -= 1
                raise failure.error

    def _result(self, call: RecordedCall) -> Any:
        if call.method == "sendMediaGroup":
            return [self._message(call, item["media"]) for item in call.params["media"]]
        if call.method == "sendChatAction" or not re.match("send|edit|copyMessage$", call.method):
            return True
        media = call.params.get("media")
        return self._message(call, media["media"] if media else call.params.get("photo"))

    def _message(self, call: RecordedCall, photo: str | None) -> dict[str, Any]:
        message_id = call.params.get("message_id") or next(self._message_ids[call.chat_id])
        message = {"message_id": message_id, "date": 0, "chat": {"id": call.chat_id, "type": "private"}}
        return message | ({"photo": self._sizes(call, photo)} if photo else {"text": call.text})

    def _sizes(self, call: RecordedCall, photo: str) -> list[dict[str, Any]]:
        """The same picture small and large. What was uploaded gets a new file id."""
        if photo.startswith("attach://"):
            content = call.files[photo.removeprefix("attach://")]
            photo = f"file-{next(self._file_numbers)}"
            self.stored[photo] = content
        return [
            {"file_id": f"{photo}-small", "file_unique_id": f"{photo}-small-unique", "width": 90, "height": 90},
            {"file_id": photo, "file_unique_id": f"{photo}-unique", "width": 900, "height": 900},
        ]


def deliver_all(api: FakeBotApi) -> FakeBotApi:
    """Sends what waits in the outbox until nothing more is due. What has failed for now is due after a pause only."""
    sender = Sender(api)
    while async_to_sync(sender.run_once)():
        pass
    return api


@dataclass
class FakeEdge:
    """An edge that remembers what it was told to purge, the latest version of each profile; `is_away`: and fails."""

    purged: dict[UUID, int] = field(default_factory=dict)
    calls: int = 0
    is_away: bool = False

    def purge(self, versions: Mapping[UUID, int]) -> None:
        self.calls += 1
        if self.is_away:
            raise GatewayError("edge: ConnectError", permanent=False)
        self.purged |= versions
