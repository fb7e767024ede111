"""What is in the repository holds on every machine."""

import re

from tests.guards.tree import name_of, tracked_files

# Where packages come from is for the machine that installs them to say.
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.org|yarnpkg\.com|(?<!no-emit-)index[-]url")
DEVELOPERS_PATH = re.compile(r"(?<![\w.\]}/-])/(?:home|Users|root|work|workspace|mnt)/\w")


def _lines(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        numbered = enumerate(text.splitlines(), 1)
        found += [f"{name_of(path)}:{number}" for number, line in numbered if pattern.search(line)]
    return found


def test_it_names_no_package_registry() -> None:
    assert _lines(REGISTRY) == []


def test_it_names_no_folder_of_a_developers_machine() -> None:
    assert _lines(DEVELOPERS_PATH) == []
