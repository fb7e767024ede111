"""How often a process looks for cycles that nobody refers to any more. Python's own pace is made for few objects."""

import gc

# Container objects that are made, and not gone by themselves, before the youngest are looked at: Python's own is 700.
NEW_OBJECTS = 50_000


def collect_seldom() -> None:
    """First of all in each process: hardly anything that is made while it starts is garbage, nor is much later.

    Looking after every 700 objects took up to a sixth of the start, and a tenth of a web process' time.
    """
    gc.set_threshold(NEW_OBJECTS)


def spare_what_started() -> None:
    """Once all is imported in a process that runs for long: that is there to stay, and is never looked at again."""
    gc.collect()
    gc.freeze()
