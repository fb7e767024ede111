"""Which worker of pytest-xdist runs which test."""

from xdist.scheduler import LoadScopeScheduling

REAL_PROCESSES = "tests/e2e/"
# These start processes of their own; the others there share some.
OWN = ("test_edge.py", "test_kills.py", "test_plus.py", "[telegram_elsewhere]")


class RealProcessesFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Each test goes to the next worker that is free, in their order: what empties tables comes after what does not.

    Tests of the real processes wait most of the time, while others calculate. So they go to two workers, from the
    start: what many tests share is started once.
    """

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith(REAL_PROCESSES):
            return nodeid
        return "own processes" if any(part in nodeid for part in OWN) else "shared processes"
