"""Flags in tests: every test begins with the catalogue's defaults, and may ask to be run under both states of a flag.

    @pytest.mark.flag_states("bot.notes")
    def test_it_shows_the_next_card_after_a_like(flag_state: bool) -> None: ...

runs twice, with the flag on and off; the fixture `flag_state` says which, for those that want to know. waffle's
`override_flag("bot.notes", active=False)` works as waffle documents it, and `flags.services.change` works at once.
"""

from collections.abc import Iterator

import pytest
from waffle.testutils import override_flag

from apps.flags import live, snapshot


@pytest.fixture(autouse=True)
def _flags_as_in_the_catalogue() -> None:
    """What another test has changed has been rolled back, and this process must not remember it."""
    live.install(snapshot.defaults())


@pytest.fixture
def flag_state(request: pytest.FixtureRequest, db: None) -> Iterator[bool]:
    name, is_on = request.param
    with override_flag(name, active=is_on):
        yield is_on


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("flag_states")
    if marker is None:
        return
    (name,) = marker.args
    if "flag_state" not in metafunc.fixturenames:
        metafunc.fixturenames.append("flag_state")
    states = [pytest.param((name, is_on), id=f"{name}={'on' if is_on else 'off'}") for is_on in (True, False)]
    metafunc.parametrize("flag_state", states, indirect=True)
