"""Small files, small functions: see docs/CONTEXT.md and the README's part for contributors."""

import statistics

from tests.guards.tree import Function, functions, name_of, product_files, tracked_files

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_MEDIAN_LINES = 400, 40, 10


def _length(function: Function) -> int:
    """Without decorators, with the docstring."""
    assert function.end_lineno
    return function.end_lineno - function.lineno + 1


def test_it_keeps_files_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in product_files()}
    assert {name: lines for name, lines in lengths.items() if lines >= MAX_FILE_LINES} == {}


def test_it_keeps_the_edge_workers_files_short() -> None:
    files = [path for path in tracked_files() if path.suffix in (".ts", ".mjs")]
    assert files
    assert [name_of(path) for path in files if len(path.read_text().splitlines()) >= MAX_FILE_LINES] == []


def test_it_keeps_functions_short() -> None:
    lengths = {f"{name_of(path)}:{each.name}": _length(each) for path in product_files() for each in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines >= MAX_FUNCTION_LINES} == {}


def test_it_keeps_most_functions_to_a_few_lines() -> None:
    assert statistics.median(_length(each) for path in product_files() for each in functions(path)) <= MAX_MEDIAN_LINES
