"""How far long work has come, for whoever looks at the command that does it."""

import time
from shutil import get_terminal_size

from django.core.management.base import OutputWrapper

WIDTH = 30


class ProgressLine:
    """One line: on a terminal it is written over, elsewhere (a log, a pipe) a new one comes every so often."""

    def __init__(self, out: OutputWrapper, *, every_secs: float = 0) -> None:
        self._out, self._every_secs = out, every_secs
        self._shown_at = time.monotonic()

    def show(self, share: float, words: str, *, is_last: bool = False) -> None:
        """`share` is from 0 to 1."""
        is_watched = self._out.isatty()
        if not (is_watched or is_last) and time.monotonic() - self._shown_at < self._every_secs:
            return
        self._shown_at = time.monotonic()
        done = int(WIDTH * min(share, 1))
        line = f"{'█' * done}{'·' * (WIDTH - done)}  {share:4.0%}  {words}"
        if is_watched:
            line = f"\r\033[K{line[: get_terminal_size().columns - 1]}"
        self._out.write(line, ending="" if is_watched and not is_last else "\n")
