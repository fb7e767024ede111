"""The limits: never more than Telegram allows, replies before broadcasts, and what holds while Redis is away."""

import asyncio

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from apps.notifications import limits as module
from apps.notifications.limits import GO, Ask, Buckets, Limits, Rates

NEVER = 0.000_001  # so slow that nothing flows back while a test runs


def run(scenario, url: str | None = None, rates: Rates | None = None):
    async def with_limits():
        limits = Limits(url or settings.REDIS_URL, rates or Rates(30))
        try:
            return await scenario(limits)
        finally:
            await limits.close()

    return asyncio.run(with_limits())


def to(*chats: int, urgent: bool = True, new: bool = True) -> list[Ask]:
    return [Ask(chat, urgent, new) for chat in chats]


def test_it_lets_a_short_burst_into_a_chat_and_then_holds_up_that_chat_alone() -> None:
    waits = run(lambda limits: limits.take(to(1, 1, 1, 1, 2)), rates=Rates(1000))

    assert waits[:3] == [GO, GO, GO]
    assert waits[3].of_chat
    assert 0 < waits[3].secs <= module.CHAT_SECS
    assert waits[4] is GO


def test_it_holds_up_a_group_sooner() -> None:
    waits = run(lambda limits: limits.take(to(-1, -1, -1)), rates=Rates(1000))

    assert waits[:2] == [GO, GO]
    assert waits[2].of_chat
    assert waits[2].secs > 2


def test_it_does_not_count_edits_against_a_chat() -> None:
    waits = run(lambda limits: limits.take(to(*[1] * 9, new=False)), rates=Rates(1000))

    assert waits == [GO] * 9


def test_it_keeps_some_of_the_rate_for_replies_while_a_broadcast_runs() -> None:
    async def scenario(limits: Limits) -> tuple[int, int]:
        broadcast = await limits.take(to(*range(1, 200), urgent=False))
        replies = await limits.take(to(*range(1001, 1200)))
        return broadcast.count(GO), replies.count(GO)

    broadcast, replies = run(scenario, rates=Rates(1000))

    assert broadcast >= 10
    assert replies >= 4


def test_it_shares_the_rate_among_senders() -> None:
    async def scenario(limits: Limits) -> int:
        other = Limits(settings.REDIS_URL, limits.rates)
        await limits.take(to(*range(1, 200)))
        waits = await other.take(to(*range(1001, 1200)))
        await other.close()
        return waits.count(GO)

    assert run(scenario, rates=Rates(NEVER)) == 0


def test_it_pauses_all_only_when_several_chats_are_refused() -> None:
    async def scenario(limits: Limits) -> list[object]:
        told = [await limits.refused(1, 7), await limits.refused(1, 7), await limits.refused(2, 7)]
        before = (await limits.take(to(9)))[0] is GO
        told.append(await limits.refused(3, 7))
        [wait] = await limits.take(to(10))
        return [told, before, wait.of_chat, 6 < wait.secs <= 7.1]

    assert run(scenario, rates=Rates(1000)) == [[False, False, False, True], True, False, True]
    assert run(scenario, "unix:///nowhere/redis.sock", Rates(1000)) == [[False, False, False, True], True, False, True]


def test_it_holds_the_limits_in_process_while_redis_is_away() -> None:
    with capture_logs() as logs:
        waits = run(lambda limits: limits.take(to(1, 1, 1, 1, 2)), "unix:///nowhere/redis.sock", Rates(1000))

    assert [wait is GO for wait in waits] == [True, True, True, False, True]
    assert [line["event"] for line in logs] == ["limits_held_in_process"]


def test_it_takes_only_its_share_while_redis_is_away() -> None:
    def calls_in_a_second(senders: int) -> int:
        buckets, rates = Buckets(), Rates(1000)
        asks = (buckets.take(to(number), rates, senders, now) for number, now in enumerate(range(0, 1_000_000, 500)))
        return sum(answer == [0] for answer in asks)

    assert 960 <= calls_in_a_second(1) <= 1000
    assert 480 <= calls_in_a_second(2) <= 500


@given(
    gaps=st.lists(st.integers(0, 200_000), min_size=1, max_size=200),
    chats=st.lists(st.sampled_from([1, 2, 3, -4]), min_size=200, max_size=200),
    urgent=st.lists(st.booleans(), min_size=200, max_size=200),
)
def test_it_never_lets_more_through_than_telegram_allows(gaps: list[int], chats: list[int], urgent: list[bool]) -> None:
    buckets, rates, now = Buckets(), Rates(30), 0
    gone: list[tuple[int, int]] = []
    for gap, chat, is_urgent in zip(gaps, chats, urgent, strict=False):
        now += gap
        if buckets.take([Ask(chat, is_urgent, True)], rates, 1, now) == [0]:
            gone.append((now, chat))
    for at, chat in gone:
        second = [(when, where) for when, where in gone if at <= when < at + 1_000_000]
        assert len(second) <= 30
        assert sum(where == chat for _, where in second) <= module.CHAT_BURST + 1
    assert sum(chat == -4 for _, chat in gone) <= 20 + now // 3_000_000
