"""Several things at the same moment."""

import threading
import time
from collections.abc import Callable

from django.db import connections


def at_once(*acts: Callable[[], object]) -> None:
    """Runs the acts in threads, each on its own connection, begun together. Raises what one of them raised."""
    barrier = threading.Barrier(len(acts))
    failures: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except BaseException as failure:  # noqa: BLE001 raised again by the test's own thread
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def wait_until(is_so: Callable[[], object], timeout_secs: float = 5) -> float:
    """Seconds that it took; fails the test when it takes too long."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < timeout_secs, "it took too long"
        time.sleep(0.02)
    return time.monotonic() - started
