"""Which worker of pytest-xdist runs which test."""

from xdist.scheduler import LoadScopeScheduling

# What stays together, and begins at once. The real processes wait a good part of the time, while others calculate;
# they are started once. So are the compiled parts of the engine compiled: by as many at once it would take all cores.
TOGETHER = ("tests/e2e/", "tests/matching/engine/", "tests/matching/batches/", "tests/matching/learning/")


class LongFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Each other test goes to the next worker that is free, in their order: what empties tables comes last."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
        return nodeid if folder is None else folder.split("/")[1]
