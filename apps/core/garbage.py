"""How often a long-lived process looks for cycles that nobody refers to any more."""

import gc

# Container objects that are made, and not gone by themselves, before the youngest are looked at: Python's own is 700.
NEW_OBJECTS = 50_000


def collect_seldom() -> None:
    """What the start has made is there to stay and is never looked at again; of what comes later little is a cycle.

    To be called once, when all is imported. Looking after every 700 objects took a tenth of a web process' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
