"""Documents that stay true: links lead somewhere, and what they tell to type exists."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.guards.tree import ROOT, documents, name_of

MAX_ADR_WORDS = 400
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
QUOTED_PATH = re.compile(
    r"`((?:apps|meetsmatch|tests|templates|static|locale|requirements|docs)/[^`\s:*<…]*)(?::\d+)?`"
)
in_every_document = pytest.mark.parametrize("document", documents(), ids=name_of)


def _headings(document: Path) -> set[str]:
    """As links name them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def _is_there(document: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    page = (document.parent / name).resolve() if name else document
    return page.exists() and (not heading or heading in _headings(page))


@in_every_document
def test_it_links_to_what_is_there(document: Path) -> None:
    targets = [one or other for one, other in LINK.findall(document.read_text())]
    inside = [target for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in inside if not _is_there(document, target)] == []


@in_every_document
def test_it_names_files_that_are_there(document: Path) -> None:
    """A file, a folder, or a module without its ending."""
    names = QUOTED_PATH.findall(document.read_text())
    assert [name for name in names if not ((ROOT / name).exists() or (ROOT / f"{name}.py").exists())] == []


@in_every_document
def test_it_tells_commands_that_exist(document: Path) -> None:
    text = document.read_text()
    targets = re.findall(r"^([a-z]+)(?: [a-z]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
    assert set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_it_keeps_decisions_to_a_page_and_lists_them() -> None:
    decisions = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    index = (ROOT / "docs/adr/README.md").read_text()
    assert [path.name for path in decisions if len(path.read_text().split()) >= MAX_ADR_WORDS] == []
    assert [path.name for path in decisions if f"({path.name})" not in index] == []
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))


def test_it_lists_every_runbook() -> None:
    index = (ROOT / "docs/runbooks/README.md").read_text()
    runbooks = {path.name for path in (ROOT / "docs/runbooks").glob("*.md")} - {"README.md"}
    assert {name for name in runbooks if f"({name})" not in index} == set()
