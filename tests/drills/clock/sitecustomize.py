"""Python imports this at the start of every process of a drill: its wall clock then follows the file DRILL_CLOCK.

The file says by how many seconds the clock is off. What `time.monotonic` tells does not jump, as on a real machine;
nor does the clock of PostgreSQL, which is another program.
"""

import os
import threading
import time

_SLEEP, _TIME = time.sleep, time.time


def _follow(path: str) -> None:
    """Imports nothing before the first jump: a process that is forked meanwhile would wait for the import for ever."""
    applied, traveller = 0.0, None
    while True:
        _SLEEP(0.2)
        try:
            with open(path) as file:
                wanted = float(file.read() or 0)
        except (OSError, ValueError):
            continue
        if wanted == applied:
            continue
        if traveller:
            traveller.stop()
            traveller = None
        if wanted:
            import time_machine

            traveller = time_machine.travel(_TIME() + wanted, tick=True)
            traveller.start()
        applied = wanted


def _start() -> None:
    threading.Thread(target=_follow, args=[os.environ["DRILL_CLOCK"]], daemon=True).start()


if os.environ.get("DRILL_CLOCK"):
    _start()
    os.register_at_fork(after_in_child=_start)
