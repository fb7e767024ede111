"""Whose turn it is among what a sender holds."""

from collections import Counter

from apps.notifications.calls import Call
from apps.notifications.lanes import Held, Lanes
from apps.notifications.models import Delivery, Priority


def lanes(**waiting: int) -> Lanes:
    """So many deliveries of each priority, by its name."""
    held, pk = Lanes(1000), 0
    for name, count in waiting.items():
        for _ in range(count):
            pk += 1
            held.add(Held(Delivery(pk=pk, chat_id=pk, priority=Priority[name]), Call("sendMessage", {}), since=pk))
    return held


def sent(held: Lanes, count: int) -> list[Priority]:
    """The priorities of the next so many, one at a time."""
    gone = []
    for _ in range(count):
        [turn] = held.turns(1, now=0)
        held.let_through(turn)
        gone.append(Priority(turn.delivery.priority))
    return gone


def test_it_lets_the_urgent_go_first() -> None:
    order = sent(lanes(DIGEST=2, ALERT=2, RELAY=2, REPLY=2), 8)

    assert order == sorted(order)


def test_it_starves_nobody() -> None:
    counts = Counter(sent(lanes(DIGEST=50, REPLY=500), 200))

    assert counts[Priority.DIGEST] == 20


def test_it_lets_one_that_was_passed_over_use_what_is_kept_for_urgent_ones() -> None:
    held = lanes(DIGEST=1, REPLY=100)
    sent(held, 9)

    [turn] = held.turns(1, now=0)

    assert turn.delivery.priority == Priority.DIGEST
    assert turn.is_urgent


def test_it_skips_a_chat_that_has_to_wait() -> None:
    held = lanes(REPLY=2)
    first, second = held.turns(2, now=0)
    first.not_before = 5.0

    assert held.turns(2, now=0) == [second]
    assert held.next_ready == 0.0


def test_it_makes_room_in_a_lane_that_is_half_empty() -> None:
    held = Lanes(4)
    assert held.room()[Priority.DIGEST] == 4
    for pk in (1, 2, 3):
        held.add(Held(Delivery(pk=pk, priority=Priority.DIGEST), Call("sendMessage", {}), since=0))

    assert Priority.DIGEST not in held.room()
    assert held.room()[Priority.REPLY] == 4
