"""What a sender has claimed and not yet sent: one lane for each priority, and whose turn it is."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.notifications.calls import Call
from apps.notifications.models import Delivery, Priority

# After so many that were more urgent, the one that has waited longest goes, whatever its priority.
TURNS_OF_THE_URGENT = 9
URGENT = (Priority.REPLY, Priority.RELAY)


@dataclass(slots=True)
class Held:
    """A claimed delivery and the call that it becomes. `not_before`: when its chat's limit lets it go."""

    delivery: Delivery
    call: Call
    since: float
    not_before: float = 0.0
    is_fair_turn: bool = field(default=False, compare=False)

    @property
    def is_urgent(self) -> bool:
        """May use what limits keep for urgent ones."""
        return self.is_fair_turn or self.delivery.priority in URGENT


class Lanes:
    """`depth` is how many deliveries of each priority are held at most: a fraction of a second's worth."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._lanes: dict[int, dict[int, Held]] = {priority.value: {} for priority in Priority}
        self._passed_over = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(pk for lane in self._lanes.values() for pk in lane)

    @property
    def next_ready(self) -> float | None:
        """When one of those that wait here may go as far as its chat is concerned; None when none waits."""
        return min((held.not_before for held in self._in_order()), default=None)

    def clear(self) -> None:
        for lane in self._lanes.values():
            lane.clear()

    def room(self) -> dict[int, int]:
        """How many more of each priority to claim. A lane that is half full can wait: claims come in batches."""
        return {
            priority: self._depth - len(lane) for priority, lane in self._lanes.items() if len(lane) <= self._depth // 2
        }

    def add(self, held: Held) -> None:
        self._lanes[held.delivery.priority][held.delivery.pk] = held

    def remove(self, held: Held) -> None:
        del self._lanes[held.delivery.priority][held.delivery.pk]

    def let_through(self, held: Held) -> None:
        """It goes. Keeps count of how often others were passed over for more urgent ones."""
        self.remove(held)
        is_passing = any(lane for priority, lane in self._lanes.items() if priority > held.delivery.priority)
        self._passed_over = self._passed_over + 1 if is_passing and not held.is_fair_turn else 0

    def turns(self, limit: int, now: float) -> list[Held]:
        """At most so many, in the order in which they should go: those whose chat may be written to at this moment."""
        ready = [held for held in self._in_order() if held.not_before <= now]
        if ready and self._passed_over >= TURNS_OF_THE_URGENT:
            longest = min(ready, key=lambda held: held.since)
            longest.is_fair_turn = True
            ready.remove(longest)
            ready.insert(0, longest)
        return ready[:limit]

    def _in_order(self) -> Iterator[Held]:
        for _, lane in sorted(self._lanes.items()):
            yield from lane.values()
