"""Which worker of pytest-xdist runs which test."""

import re

from xdist.scheduler import LoadScopeScheduling

# What stays together, and begins at once. The real processes wait a good part of the time, while others calculate;
# they are started once, those of a bot whose Telegram is elsewhere by another worker. So are the compiled parts of the
# engine compiled: by as many at once it would take all cores.
TOGETHER = (
    r"tests/e2e/(test_edge|test_kills|.*elsewhere)",
    r"tests/e2e/",
    r"tests/matching/(engine|batches|learning)/",
)


class LongFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Each other test goes to the next worker that is free, in their order: what empties tables comes last."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in TOGETHER if re.match(group, nodeid)), nodeid)
