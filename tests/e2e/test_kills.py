"""kill -9 of web and sender again and again, while two people sign up, match and write to each other."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Self

from tests.e2e.chat import Chat
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.stack import Deployment, Stack, wait_until

SEED = 20261123
KILLS_WHILE_THEY_WRITE = 8
CALM_SECS = (0.5, 3.5)
OUTAGE_SECS = (0, 0.5)
BETWEEN_MESSAGES_SECS = 0.1


class Killer:
    """Kills web, the sender or both at random moments inside its `with` block, and starts them again."""

    def __init__(self, product: Stack) -> None:
        self.kills = {"web": 0, "sender": 0}
        self._product = product
        self._dice = Random(SEED)
        self._enough = threading.Event()

    def __enter__(self) -> Self:
        executor = ThreadPoolExecutor(1)
        self._rampage = executor.submit(self._rage)
        executor.shutdown(wait=False)
        return self

    def __exit__(self, *_: object) -> None:
        """All processes run again."""
        self._enough.set()
        self._rampage.result()

    @property
    def total(self) -> int:
        """How many processes were killed so far. Fails the test when one could not be started again."""
        if self._rampage.done():
            self._rampage.result()
        return sum(self.kills.values())

    def _rage(self) -> None:
        while not self._enough.wait(self._dice.uniform(*CALM_SECS)):
            victims = self._dice.choice([("web",), ("sender",), ("web", "sender")])
            self._product.kill(*victims)
            self._enough.wait(self._dice.uniform(*OUTAGE_SECS))
            self._product.start(*victims)
            for victim in victims:
                self.kills[victim] += 1


def test_it_loses_no_message_whenever_web_and_sender_are_killed(
    telegram_elsewhere: Deployment, make_photo: Callable[[str], Path]
) -> None:
    ann, ben = Chat(telegram_elsewhere.telegram, "Ann"), Chat(telegram_elsewhere.telegram, "Ben")
    with Killer(telegram_elsewhere.product) as killer:
        sign_up(ann, Newcomer("Ann", "woman", ["man"], make_photo("navy"), city="Reykjavik"))
        sign_up(ben, Newcomer("Ben", "man", ["woman"], make_photo("olive"), city="Reykjavik"))
        match(ann, ben)
        before = killer.total
        written = write_to_each_other(ann, ben, while_=lambda: killer.total < before + KILLS_WHILE_THEY_WRITE)

    said = f"{before} kills on the way to the match, {killer.total - before} during {written} messages each way"
    print(said)  # noqa: T201 for pytest -s
    check_arrived(ann, sender=ben, written=written, kills=killer.kills["sender"])
    check_arrived(ben, sender=ann, written=written, kills=killer.kills["sender"])


def match(ann: Chat, ben: Chat) -> None:
    ann.tap("browse")
    ann.tap("like:")
    ben.tap("browse")
    ben.tap("like:")
    for chat in (ann, ben):
        chat.tap("chat:")
        chat.wait_for("You are talking to")


def write_to_each_other(ann: Chat, ben: Chat, *, while_: Callable[[], bool]) -> int:
    """How many numbered messages each of them has written."""
    written = 0
    pause = threading.Event()
    while while_():
        ann.write(f"Ann {written}")
        ben.write(f"Ben {written}")
        written += 1
        pause.wait(BETWEEN_MESSAGES_SECS)
    return written


def check_arrived(reader: Chat, *, sender: Chat, written: int, kills: int) -> None:
    """Every message, in order, and not one more of them twice than the sender was killed."""
    expected = [f"{sender.name}\n{sender.name} {number}" for number in range(written)]

    def arrived() -> Sequence[str]:
        return [text for text in reader.texts() if text.startswith(f"{sender.name}\n")]

    wait_until(lambda: expected[-1] in arrived(), f"{reader.name} reads the last message", timeout_secs=60)
    received = arrived()
    twice = len(received) - written
    print(f"{reader.name} received {written} messages, {twice} of them twice, by {kills} kills")  # noqa: T201 as above
    assert [text for text, _ in groupby(received)] == expected
    assert twice <= kills
