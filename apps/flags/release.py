"""Which release of MeetsMatch a process runs: the version in pyproject.toml, which is deployed with the code. Pure."""

import re
import tomllib
from functools import cache
from pathlib import Path

_NUMBERS = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}", re.ASCII)
_PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@cache
def running() -> str:
    """Of this process, for as long as it lives."""
    version: str = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    return version


def runs_at_least(wanted: str) -> bool:
    return number(running()) >= number(wanted)


def number(release: str) -> tuple[int, ...]:
    """As it compares: 1.10 is more than 1.9, and 1.4 is 1.4.0. Raises ValueError."""
    if not _NUMBERS.fullmatch(release):
        raise ValueError(f"“{release}” is no release such as 1.4.2")
    parts = [int(part) for part in release.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
