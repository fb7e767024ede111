"""The synthetic member: two people who sign up, meet and talk, every minute, and never were.

All of it goes through the inbox and the real handlers inside one transaction that is rolled back at the end. So nobody
ever sees them, nothing about them is counted, sent or kept, and nothing has to be cleaned up; only how it went is
written down. What it does not try is the way over the network: the sender's own figures tell of that.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

from apps.bot.models import SyntheticRun, Update
from apps.bot.parsing import bot_id
from apps.bot.services import receive
from apps.notifications import calls
from apps.notifications.models import Delivery
from apps.users.models import User

log = structlog.get_logger(__name__)
KEEP = timedelta(days=7)
STALE_AFTER = timedelta(minutes=3)
# Beyond all numbers that Telegram gives to people and updates (52 bits, and 31 of an update so far).
FIRST_NUMBER = 2**60
# An island in the southern Indian Ocean: nobody else is in reach, and so nobody else's row is touched.
PLACE = {"latitude": -49.35, "longitude": 70.21}
# It must never stand in anybody's way.
LIMITS = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'"


class WalkError(Exception):
    """The product did not do what it should at this step."""


class _Undo(Exception):  # noqa: N818 no error: it ends the transaction
    pass


def run() -> SyntheticRun:
    """Walks once and writes down how it went. Raises what the database raises when it is away."""
    SyntheticRun.objects.filter(started_at__lt=timezone.now() - KEEP).delete()
    started_at, started = timezone.now(), time.monotonic()
    step, error = "", ""
    walk = Walk()
    try:
        walk.go()
    except WalkError as problem:
        step, error = walk.step, str(problem)
        log.error("synthetic_member_stuck", step=step, error=error)
    took_ms = round((time.monotonic() - started) * 1000)
    return SyntheticRun.objects.create(started_at=started_at, took_ms=took_ms, stuck_at=step, error=error)


def latest() -> SyntheticRun | None:
    return SyntheticRun.objects.order_by("-started_at").first()


class Walk:
    """One walk from /start to a message that has been passed on; `step` is where it is."""

    def __init__(self) -> None:
        numbers = FIRST_NUMBER + random.getrandbits(40) * 1000
        self._numbers = count(numbers)
        self.step = ""

    def go(self) -> None:
        """Raises WalkError; whatever happens, nothing of it stays."""
        with _rolled_back():
            ann, ben = _Person(self, "Ann"), _Person(self, "Ben")
            for person in (ann, ben):
                self._sign_up(person)
            self._meet(ann, ben)
            self._talk(ann, ben)

    def _sign_up(self, person: "_Person") -> None:
        steps: dict[str, Callable[[], None]] = {
            "start": person.start,
            "consent": lambda: person.tap("consent"),
            "name": lambda: person.write(person.name),
            "birth date": lambda: person.write("24.08.1998"),
            "gender": lambda: person.tap("gender:nonbinary"),
            "seeking": lambda: person.tap("seek:nonbinary"),
            "seeking done": lambda: person.tap("done:seeking"),
            "place": lambda: person.send(location=PLACE),
            "interests": lambda: person.tap("done:interests"),
            "bio": lambda: person.tap("done:bio"),
            "photo": lambda: person.send(photo=[person.photo()]),
            "photos done": lambda: person.tap("done:photos"),
            "publish": lambda: person.tap("publish"),
        }
        for self.step, act in steps.items():
            act()

    def _meet(self, ann: "_Person", ben: "_Person") -> None:
        self.step = "browse"
        ann.write("/browse")
        self.step = "like"
        ann.tap(f"like:{ben.user.pk.hex}")
        self.step = "match"
        ben.tap(f"like:{ann.user.pk.hex}")
        self.step = "open chat"
        for person in (ann, ben):
            person.tap_newest("chat:")

    def _talk(self, ann: "_Person", ben: "_Person") -> None:
        self.step = "relay"
        seen = ben.newest()
        ann.write("Are you there?", answered=False)
        if "Are you there?" not in ben.said_since(seen):
            raise WalkError("the partner got nothing")

    def post(self, **content: Any) -> None:
        update_id = next(self._numbers)
        receive({"update_id": update_id, **content})
        update = Update.objects.filter(bot_id=bot_id(), update_id=update_id).first()
        if update is None or update.status != Update.Status.DONE:
            raise WalkError(update.error if update else "the update was not taken")

    def number(self) -> int:
        return next(self._numbers)


class _Person:
    """Somebody on a phone that shows what waits in the outbox for them."""

    def __init__(self, walk: Walk, name: str) -> None:
        self.name = name
        self._walk = walk
        self._id = walk.number()

    @property
    def user(self) -> User:
        return User.objects.get(telegram_id=self._id)

    def start(self) -> None:
        self.write("/start")
        if not User.objects.filter(telegram_id=self._id).exists():
            raise WalkError("nobody is taken in")

    def write(self, text: str, *, answered: bool = True) -> None:
        command = {"entities": [{"type": "bot_command", "offset": 0, "length": len(text)}]} if text[0] == "/" else {}
        self.send(text=text, answered=answered, **command)

    def send(self, *, answered: bool = True, **content: Any) -> None:
        self._do(answered, message={**self._message(), **content})

    def tap(self, data: str) -> None:
        """A button of the bot's; `data` is its own word for it, whether it is on the screen or not."""
        query = {"id": str(self._walk.number()), "from": self._user(), "chat_instance": "1", "data": data}
        self._do(True, callback_query={**query, "message": {**self._message(), "text": "…"}})

    def tap_newest(self, prefix: str) -> None:
        """The newest button on the screen whose word begins so."""
        for delivery in Delivery.objects.filter(chat_id=self._id).order_by("-pk"):
            for row in (delivery.params.get("reply_markup") or {}).get("inline_keyboard", []):
                for button in row:
                    if str(button.get("callback_data", "")).startswith(prefix):
                        return self.tap(button["callback_data"])
        raise WalkError(f"there is no button {prefix}")

    def photo(self) -> dict[str, Any]:
        return {"file_id": "synthetic", "file_unique_id": f"synthetic-{self._id}", "width": 9, "height": 9}

    def newest(self) -> int:
        return Delivery.objects.filter(chat_id=self._id).order_by("-pk").values_list("pk", flat=True).first() or 0

    def said_since(self, pk: int) -> str:
        """All words that wait for them since then, as the sender would send them."""
        waiting = Delivery.objects.filter(chat_id=self._id, pk__gt=pk).order_by("pk")
        made = [calls.prepare(delivery) for delivery in waiting]
        return "\n".join(str(call.params.get("text") or call.params.get("caption") or "") for call in made if call)

    def _do(self, answered: bool, **content: Any) -> None:
        before = self.newest()
        self._walk.post(**content)
        if answered and self.newest() == before:
            raise WalkError("no answer")

    def _message(self) -> dict[str, Any]:
        chat = {"id": self._id, "type": "private", "first_name": self.name}
        return {"message_id": self._walk.number() % 2**31, "date": int(time.time()), "chat": chat, "from": self._user()}

    def _user(self) -> dict[str, Any]:
        return {"id": self._id, "is_bot": False, "first_name": self.name, "language_code": "en"}


@contextmanager
def _rolled_back() -> Iterator[None]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(LIMITS)
            yield
            raise _Undo
    except _Undo:
        pass
