"""What a web process takes on when more comes in than it can handle.

A short queue is no harm: it makes up for uneven arrival. One that does not get empty for a second is: then new messages
are sent back at once, with Retry-After, and Telegram or the edge worker keeps them. Taps are taken on all the same,
for which some threads are left: a tap that is not answered in time is lost, and its member sits before a dead button.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

PATIENCE_SECS = 1.0
KEPT_FOR_TAPS = 2
# What Telegram does not keep, or what somebody waits for.
URGENT = frozenset({"callback_query", "pre_checkout_query", "my_chat_member"})


class Gate:
    """Counts what this process' threads are busy with."""

    def __init__(self, threads: int) -> None:
        self._common_slots = max(1, threads - KEPT_FOR_TAPS)
        self._lock = threading.Lock()
        self._busy = 0
        self._full_since: float | None = None

    @contextmanager
    def admit(self, update: dict[str, Any]) -> Iterator[bool]:
        """True when the update may be handled now; False when it should come again later."""
        is_admitted = bool(URGENT & update.keys()) or not self._is_overloaded()
        if is_admitted:
            self._count(1)
        try:
            yield is_admitted
        finally:
            if is_admitted:
                self._count(-1)

    def _is_overloaded(self) -> bool:
        since = self._full_since
        return since is not None and monotonic() - since > PATIENCE_SECS

    def _count(self, step: int) -> None:
        with self._lock:
            self._busy += step
            if self._busy < self._common_slots:
                self._full_since = None
            elif self._full_since is None:
                self._full_since = monotonic()
