from collections.abc import Callable
from datetime import date

import pytest

from apps.flags import live, snapshot
from apps.flags.catalogue import CATALOGUE, Definition, Kind
from apps.users.models import Staff
from tests.staff import Hire

Define = Callable[..., Definition]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Puts one more flag into the catalogue, for this test."""

    def add(name: str, kind: Kind = Kind.OPERATION, **fields: object) -> Definition:
        if kind is Kind.RELEASE:
            fields = {"remove_by": date(2999, 1, 1), **fields}
        definition = Definition(name, kind, **{"owner": "tests", "purpose": "a test", "default": False, **fields})
        monkeypatch.setitem(CATALOGUE, name, definition)
        live.install(snapshot.defaults())
        return definition

    return add


@pytest.fixture
def new_deck(define: Define) -> str:
    """A toggle that is off by default."""
    return define("new_deck").name


@pytest.fixture
def deck_size(define: Define) -> str:
    """A value of 10, from 5 to 50."""
    return define("deck_size", Kind.VALUE, default=10, minimum=5, maximum=50).name


@pytest.fixture
def maria(hire: Hire) -> Staff:
    """Changes flags."""
    return hire("maria", "Flag editor")


@pytest.fixture
def otto(hire: Hire) -> Staff:
    """Approves what others want."""
    return hire("otto", "Flag approver")
