"""kill -9 of web and sender again and again, while two people sign up, match and write to each other."""

import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.chat import PATIENCE_SECS, Chat
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.stack import Deployment, Stack, wait_until

SEED = 20261123
KILLS_PER_STEP = 0.2
ROUNDS = 5
MESSAGES = (5, 25)  # each way, before and after the kill of a round


class Killer:
    """Kills web, the sender or both, as its seeded dice want it."""

    def __init__(self, product: Stack) -> None:
        self.dice = Random(SEED)
        self.kills = {"web": 0, "sender": 0}
        self._product = product
        self._dead: tuple[str, ...] = ()

    def kill(self) -> None:
        """In a moment: while what has just been written is on its way."""
        time.sleep(self.dice.uniform(0, 0.2))
        self._dead = self.dice.choice([("web",), ("sender",), ("web", "sender")])
        self._product.kill(*self._dead)
        for name in self._dead:
            self.kills[name] += 1

    def start_again(self) -> None:
        self._product.start(*self._dead)
        self._dead = ()


class UnluckyChat(Chat):
    """After one act in five the bot dies and comes back, as long as they are unlucky."""

    def __init__(self, killer: Killer, telegram: Stack, name: str) -> None:
        self.is_unlucky = True
        self._killer = killer
        super().__init__(telegram, name)

    def _act(self, name: str, **content: Any) -> None:
        super()._act(name, **content)
        if self.is_unlucky and self._killer.dice.random() < KILLS_PER_STEP:
            self._killer.kill()
            self._killer.start_again()


def test_it_loses_no_message_whenever_web_and_sender_are_killed(
    telegram_elsewhere: Deployment, make_photo: Callable[[str], Path]
) -> None:
    killer = Killer(telegram_elsewhere.product)
    ann = UnluckyChat(killer, telegram_elsewhere.telegram, "Ann")
    ben = UnluckyChat(killer, telegram_elsewhere.telegram, "Ben")
    sign_up(ann, Newcomer("Ann", "woman", ["man"], make_photo("navy"), city="Reykjavik"))
    sign_up(ben, Newcomer("Ben", "man", ["woman"], make_photo("olive"), city="Reykjavik"))
    match(ann, ben)
    print(f"Kills on the way to the match: {killer.kills}")  # noqa: T201 for pytest -s

    ann.is_unlucky = ben.is_unlucky = False  # now it dies once in each round
    killer.kills = {"web": 0, "sender": 0}
    written = 0
    for _ in range(ROUNDS):
        written = write_to_each_other(ann, ben, first=written, count=killer.dice.randint(*MESSAGES))
        killer.kill()
        written = write_to_each_other(ann, ben, first=written, count=killer.dice.randint(*MESSAGES))
        killer.start_again()
        check_arrived(ann, sender=ben, written=written, kills=killer.kills["sender"])
        check_arrived(ben, sender=ann, written=written, kills=killer.kills["sender"])
    print(f"Kills during {written} messages each way: {killer.kills}")  # noqa: T201 as above


def match(ann: Chat, ben: Chat) -> None:
    ann.tap("browse")
    ann.tap("like:")
    ben.tap("browse")
    ben.tap("like:")
    for chat in (ann, ben):
        chat.tap("chat:")
        chat.wait_for("You are talking to")


def write_to_each_other(ann: Chat, ben: Chat, *, first: int, count: int) -> int:
    """Numbered messages both ways, whether anybody takes them or not; the next number."""
    for number in range(first, first + count):
        for chat in (ann, ben):
            chat.write(f"{chat.name} {number}")
    return first + count


def check_arrived(reader: Chat, *, sender: Chat, written: int, kills: int) -> None:
    """Every message, in order, and not one more of them twice than the sender was killed."""
    expected = [f"{sender.name}\n{sender.name} {number}" for number in range(written)]

    def arrived() -> Sequence[str]:
        return [text for text in reader.texts() if text.startswith(f"{sender.name}\n")]

    wait_until(lambda: expected[-1] in arrived(), f"{reader.name} reads the last message", PATIENCE_SECS)
    received = arrived()
    twice = len(received) - written
    print(f"{reader.name} has {written} messages, {twice} of them twice, by {kills} kills")  # noqa: T201 as above
    assert [text for text, _ in groupby(received)] == expected
    assert twice <= kills
