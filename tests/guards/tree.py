"""The source tree as the guards look at it."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("apps", "meetsmatch")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def product_files() -> tuple[Path, ...]:
    """The Python files of the product, without migrations."""
    files = (path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))
    return tuple(sorted(path for path in files if "migrations" not in path.parts))


@cache
def migrations() -> tuple[Path, ...]:
    return tuple(sorted((ROOT / "apps").glob("*/migrations/[0-9]*.py")))


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def tracked_files() -> tuple[Path, ...]:
    """Everything that git keeps of the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def documents() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    yield from (node for node in ast.walk(syntax(path)) if isinstance(node, Function))
