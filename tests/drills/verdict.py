"""What became of the messages of one drill, by what Telegram saw."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from tests.drills.telegram import Arrival, Chat

# A call that was answered so shortly before its process was killed may not have been recorded yet.
CUT_WITHIN_SECS = 1.5
MOST_RECOVERY_SECS = 30.0


@dataclass(frozen=True)
class Span:
    """The part of a drill that is judged: the first numbers written in it, and when the fault began and ended."""

    first: dict[int, int]
    began: float
    ended: float
    cuts: Sequence[float] = ()
    """Moments at which whatever was in flight was cut off."""
    excused: frozenset[int] = frozenset()
    """Chats that can have nothing, by the drill's own doing."""


@dataclass(frozen=True)
class Verdict:
    """One line of the table. Times in seconds."""

    messages: int
    lost: int
    doubled: int
    in_flight_twice: int
    out_of_order: int
    longest_wait: float
    recovery: float
    apologies: int = 0
    problems: tuple[str, ...] = ()
    """The first of what was lost, doubled or out of order: which message of whom, and when after the fault began."""

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order) and self.recovery < MOST_RECOVERY_SECS

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "good": self.is_good}


def judge(chats: dict[int, Chat], span: Span) -> Verdict:
    lost = doubled = in_flight = out_of_order = messages = 0
    waits, recoveries = [0.0], [0.0]
    problems: list[str] = []
    for chat in chats.values():
        if chat.id in span.excused or chat.partner_id not in chats:
            continue
        written = {n: at for n, at in chats[chat.partner_id].written.items() if n >= span.first[chat.partner_id]}
        arrived = [arrival for arrival in chat.arrivals if arrival.number in written]
        firsts: dict[int, float] = {}
        for arrival in arrived:
            firsts.setdefault(arrival.number, arrival.at)
        messages += len(written)
        lost += len(written.keys() - firsts.keys())
        out_of_order += _inversions(list(firsts))
        waits += [firsts[n] - written[n] for n in firsts]
        recoveries += [firsts[n] - span.ended for n in firsts if written[n] <= span.ended]
        excused = _doubles_in_flight(arrived, span.cuts)
        in_flight += excused
        problems += _problems(chat, arrived, written, span.began)
        doubled += len(arrived) - len(firsts) - excused
    found = Verdict(messages, lost, doubled, in_flight, out_of_order, max(waits), max(recoveries))
    return replace(found, problems=tuple(problems[:10]))


def _problems(chat: Chat, arrived: Sequence[Arrival], written: dict[int, float], began: float) -> list[str]:
    """In words, for whoever looks for the cause."""
    highest, seen, told = -1, set[int](), []
    for arrival in arrived:
        when = f"chat {chat.id}: #{arrival.number} at {arrival.at - began:+.2f} s"
        if arrival.number in seen:
            told.append(f"{when} again")
        elif arrival.number < highest:
            told.append(f"{when} after #{highest}")
        seen.add(arrival.number)
        highest = max(highest, arrival.number)
    return told + [f"chat {chat.id}: #{number} never" for number in sorted(written.keys() - seen)]


def has_all(chats: dict[int, Chat], first: dict[int, int], excused: frozenset[int]) -> bool:
    """Whether everything that was written from the first numbers on has arrived."""
    return all(
        set(range(first[chat.partner_id], len(chats[chat.partner_id].written)))
        <= {each.number for each in chat.arrivals}
        for chat in chats.values()
        if chat.partner_id in chats and chat.id not in excused
    )


def _inversions(numbers: Sequence[int]) -> int:
    """How many came after one that was written later."""
    highest, count = -1, 0
    for number in numbers:
        count += number < highest
        highest = max(highest, number)
    return count


def _doubles_in_flight(arrived: Iterable[Arrival], cuts: Sequence[float]) -> int:
    """Second arrivals of calls that the bot could not know to have succeeded; one for each cut at most."""
    seen: dict[int, Arrival] = {}
    count, used = 0, Counter[float]()
    for arrival in arrived:
        before = seen.get(arrival.number)
        seen[arrival.number] = arrival
        if before is None:
            continue
        cut = next((cut for cut in cuts if -0.1 < cut - before.at < CUT_WITHIN_SECS), None)
        if not before.answered:
            count += 1
        elif cut is not None and not used[cut]:
            used[cut] += 1
            count += 1
    return count
