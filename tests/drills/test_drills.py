"""The drills themselves: they see what is wrong, and one of them runs here, on the real processes."""

import asyncio
import time

import pytest

from tests.drills import __main__ as drills
from tests.drills import catalogue
from tests.drills.catalogue import DRILLS
from tests.drills.proxy import FaultProxy, Way, to_port
from tests.drills.telegram import Arrival, Chat
from tests.drills.verdict import Span, Verdict, judge
from tests.drills.world import World


def verdict(*arrivals: Arrival, written: int = 3, cuts: tuple[float, ...] = ()) -> Verdict:
    """Of what Ann wrote (one message a second, the fault from 0 to 1) and what came to Ben."""
    ann, ben = Chat(1, 2), Chat(2, 1)
    ann.written = {number: float(number) for number in range(written)}
    ben.arrivals = list(arrivals)
    return judge({1: ann, 2: ben}, Span({1: 0, 2: 0}, 0.0, 1.0, cuts))


ZERO, ONE, TWO = Arrival(0, 0.1), Arrival(1, 1.1), Arrival(2, 2.1)


def test_it_finds_nothing_wrong_where_nothing_is() -> None:
    found = verdict(ZERO, ONE, TWO)
    assert found.is_good
    assert found == Verdict(3, 0, 0, 0, 0, longest_wait=pytest.approx(0.1), recovery=pytest.approx(0.1))


def test_it_sees_what_is_lost() -> None:
    assert verdict(ZERO, TWO).lost == 1


def test_it_sees_what_is_out_of_order() -> None:
    assert verdict(ZERO, TWO, ONE).out_of_order == 1


def test_it_sees_what_is_late() -> None:
    late = verdict(ZERO, Arrival(1, 32.0), TWO)
    assert (late.recovery, late.is_good) == (31.0, False)


@pytest.mark.parametrize(
    ("first", "cuts", "doubled", "in_flight"),
    [
        (ONE, (), 1, 0),
        (ONE, (1.2,), 0, 1),
        (ONE, (9.0,), 1, 0),
        (Arrival(1, 1.1, answered=False), (), 0, 1),
    ],
)
def test_it_tells_a_doubled_message_from_one_in_flight(
    first: Arrival, cuts: tuple[float, ...], doubled: int, in_flight: int
) -> None:
    found = verdict(ZERO, first, Arrival(1, 3.0), TWO, cuts=cuts)
    assert (found.doubled, found.in_flight_twice, found.out_of_order) == (doubled, in_flight, 0)


def test_it_forgives_one_in_flight_for_each_kill_and_no_more() -> None:
    found = verdict(ZERO, ONE, Arrival(0, 2.0), Arrival(1, 2.1), TWO, cuts=(1.2,))
    assert (found.doubled, found.in_flight_twice) == (1, 1)


def test_it_does_to_connections_what_networks_do() -> None:
    async def talk() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while said := await reader.read(100):
                writer.write(said)

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = FaultProxy(to_port(server.sockets[0].getsockname()[1]), delay_secs=0.1)
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)

        async def ask() -> bytes:
            writer.write(b"hello")
            return await asyncio.wait_for(reader.read(100), 0.5)

        assert await ask() == b"hello"
        proxy.turn(Way.SLOW)
        asked = time.monotonic()
        assert await ask() == b"hello"
        assert time.monotonic() - asked >= 0.2
        proxy.turn(Way.SWALLOW)
        with pytest.raises(TimeoutError):
            await ask()
        proxy.turn(Way.OPEN)
        assert await asyncio.wait_for(reader.read(100), 1) == b"hello"
        proxy.turn(Way.REFUSE)
        with pytest.raises(ConnectionResetError):
            await ask()
        server.close()

    asyncio.run(talk())


def test_it_loses_and_disorders_nothing_when_connections_to_telegram_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "FAULT_SECS", 6.0)
    monkeypatch.setattr(drills, "CALM_SECS", 0.5)
    monkeypatch.setattr(drills, "AFTER_SECS", 0.5)
    with World("drill", processes=("web", "sender")) as world:
        world.seed()
        found, _ = drills.run_drill(world, DRILLS["telegram-reset"][1])
    assert found.messages > 20
    assert world.telegram.broken >= found.in_flight_twice > 0
    assert (found.lost, found.doubled, found.out_of_order) == (0, 0, 0), found.problems
