"""Changing flags: who, when, why and what stay on record, and nothing is lost."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps import flags
from apps.flags import live, snapshot
from apps.flags.catalogue import Kind
from apps.flags.errors import ConflictError, InvalidChangeError, UnknownFlagError
from apps.flags.models import Flag, FlagRevision
from apps.flags.selectors import history, read_snapshot
from apps.flags.services import change, kill, restore
from apps.flags.state import State
from apps.users.models import Staff

db = pytest.mark.django_db


@db
def test_it_writes_down_who_changed_what_and_why(new_deck: str) -> None:
    maria = Staff.objects.create_user("maria", "a long password", is_staff=True)

    revision = change(new_deck, by=maria, reason="first fifth", percent=20)

    assert revision
    assert (revision.by, revision.reason, revision.sequence) == (maria, "first fifth", 1)
    assert revision.diff == {"percent": [None, "20.00"]}
    assert State.read(revision.state) == Flag.objects.get(name=new_deck).state


@db
def test_it_numbers_the_changes_of_each_flag(new_deck: str, deck_size: str) -> None:
    change(new_deck, by=None, reason="a", percent=20)
    change(deck_size, by=None, reason="b", value=20)
    change(new_deck, by=None, reason="c", percent=30)

    assert [revision.sequence for revision in history(new_deck)] == [2, 1]
    assert Flag.objects.get(name=new_deck).version == 2


@db
def test_it_writes_nothing_down_when_nothing_is_different(new_deck: str) -> None:
    change(new_deck, by=None, reason="a", percent=20)

    assert change(new_deck, by=None, reason="b", percent="20.0") is None
    assert history(new_deck).count() == 1


@db
def test_it_asks_for_a_reason(new_deck: str) -> None:
    with pytest.raises(InvalidChangeError, match="reason"):
        change(new_deck, by=None, reason=" ", percent=20)


@db
def test_it_does_not_change_what_is_not_in_the_catalogue() -> None:
    with pytest.raises(UnknownFlagError):
        change("nwe_deck", by=None, reason="a", percent=20)
    assert not Flag.objects.filter(name="nwe_deck").exists()


@db
@pytest.mark.parametrize("value", [4, 51, "20", 20.5, True])
def test_it_refuses_a_value_out_of_bounds_or_of_another_type(deck_size: str, value: object) -> None:
    with pytest.raises(InvalidChangeError):
        change(deck_size, by=None, reason="a", value=value)


@db
@pytest.mark.parametrize("percent", [-1, 100.5, 20.123, "many"])
def test_it_refuses_what_is_no_percentage(new_deck: str, percent: object) -> None:
    with pytest.raises(InvalidChangeError):
        change(new_deck, by=None, reason="a", percent=percent)


@db
def test_it_refuses_a_value_for_a_toggle(new_deck: str) -> None:
    with pytest.raises(InvalidChangeError, match="no value"):
        change(new_deck, by=None, reason="a", value=1)


@db
def test_it_tells_the_second_of_two_editors_what_came_between(new_deck: str) -> None:
    change(new_deck, by=None, reason="first", percent=20, expected_version=0)

    with pytest.raises(ConflictError, match="#1 by no one signed in: percent"):
        change(new_deck, by=None, reason="second", everyone=True, expected_version=0)
    assert Flag.objects.get(name=new_deck).state == State(percent=Decimal(20))


@db
def test_it_restores_a_revision_as_a_new_one(new_deck: str) -> None:
    first = change(new_deck, by=None, reason="a fifth", percent=20)
    change(new_deck, by=None, reason="all", everyone=True, percent=None)
    assert first

    restored = restore(first, by=None, reason="too early")

    assert restored
    assert (restored.sequence, restored.state) == (3, first.state)
    assert not flags.is_enabled(new_deck)


@db
def test_it_does_not_restore_what_the_bounds_do_not_allow_any_more(
    deck_size: str, define: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = change(deck_size, by=None, reason="wide", value=50)
    change(deck_size, by=None, reason="narrow", value=10)
    define(deck_size, Kind.VALUE, default=10, minimum=5, maximum=20)
    assert wide

    with pytest.raises(InvalidChangeError, match="at most 20"):
        restore(wide, by=None, reason="again")


@db
def test_it_uses_no_stored_value_that_the_bounds_do_not_allow_any_more(deck_size: str, define: Any) -> None:
    change(deck_size, by=None, reason="wide", value=50)

    define(deck_size, Kind.VALUE, default=10, minimum=5, maximum=20)
    live.install(read_snapshot())

    assert flags.value(deck_size, None, 10) == 10


@db
def test_it_goes_on_with_the_other_flags_when_one_cannot_be_read(new_deck: str) -> None:
    change(new_deck, by=None, reason="launch", everyone=True)
    Flag.objects.filter(name="bot.notes").update(segment=[{"attribute": "star sign"}])

    live.install(read_snapshot())

    assert flags.is_enabled("bot.notes")
    assert flags.is_enabled(new_deck)


@db
def test_it_never_changes_or_deletes_a_revision(new_deck: str) -> None:
    revision = kill(new_deck, by=None, reason="a")
    assert revision

    with pytest.raises(PermissionDenied):
        revision.save()
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        FlagRevision.objects.update(reason="b")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        revision.delete()


@db
def test_it_keeps_the_history_of_a_flag_whose_row_was_deleted(new_deck: str) -> None:
    change(new_deck, by=None, reason="launch", everyone=True)

    Flag.objects.get(name=new_deck).delete()
    change(new_deck, by=None, reason="again", percent=20)

    assert [revision.reason for revision in history(new_deck)] == ["again", "deleted", "launch"]


# ---- Many edits


@pytest.mark.django_db(transaction=True, available_apps=["apps.flags", "apps.users"])
def test_it_loses_no_change_of_many_editors_at_once(new_deck: str) -> None:
    """Each adds a thousandth to what they see, and looks again after a conflict."""
    conflicts = []

    def edit() -> None:
        for _ in range(5):
            while True:
                flag = Flag.objects.filter(name=new_deck).first() or Flag(name=new_deck)
                percent = (flag.state.percent or Decimal()) + Decimal("0.1")
                try:
                    change(new_deck, by=None, reason="more", expected_version=flag.version, percent=percent)
                    break
                except ConflictError as conflict:
                    conflicts.append(conflict)
        connection.close()

    editors = [threading.Thread(target=edit) for _ in range(4)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()

    assert Flag.objects.get(name=new_deck).state.percent == Decimal(2)
    assert [revision.sequence for revision in history(new_deck)] == list(range(20, 0, -1))
    assert conflicts


AGE_RULES = st.builds(
    lambda operator, years: {"attribute": "age", "operator": operator, "value": years},
    st.sampled_from([">=", "<="]),
    st.integers(18, 99),
)
EDITS = st.one_of(
    st.fixed_dictionaries({"killed": st.booleans()}),
    st.fixed_dictionaries({"everyone": st.sampled_from([None, True, False])}),
    st.fixed_dictionaries({"percent": st.none() | st.decimals(0, 100, places=2)}),
    st.fixed_dictionaries({"value": st.none() | st.integers(min_value=0, max_value=30_000)}),
    st.fixed_dictionaries(
        {
            "segment": st.lists(
                st.fixed_dictionaries(
                    {
                        "attribute": st.just("age"),
                        "operator": st.sampled_from([">=", "<="]),
                        "value": st.integers(18, 99),
                    }
                ),
                max_size=3,
            )
        }
    ),
    st.fixed_dictionaries({"restore": st.integers(1, 10)}),
    st.just({"delete": True}),
)


class RandomEdits(TestCase):
    NAMES = ("matching.pool_limit", "bot.notes")

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.sampled_from(NAMES), EDITS), min_size=1, max_size=12))
    def test_it_can_replay_the_present_from_the_revisions(self, edits: list[tuple[str, dict[str, Any]]]) -> None:
        live.install(snapshot.defaults())  # what the example before left has been rolled back
        for name, edit in edits:
            _edit(name, edit)

        stored = {}
        for name in self.NAMES:
            replayed = State().as_json()
            for revision in reversed(history(name)):
                assert {field: replayed[field] for field in revision.diff} == {
                    field: before for field, (before, _now) in revision.diff.items()
                }
                replayed |= {field: now for field, (_before, now) in revision.diff.items()}
                assert revision.state == replayed
            flag = Flag.objects.filter(name=name).first()
            assert (flag.state if flag else State()) == State.read(replayed)
            stored[name] = replayed
        assert _answers(snapshot.take(stored, {})) == _answers(live.current())


def _edit(name: str, edit: dict[str, Any]) -> None:
    try:
        if "delete" in edit:
            Flag.objects.filter(name=name).delete()
        elif "restore" in edit:
            revision = history(name).filter(sequence=edit["restore"]).first()
            if revision:
                restore(revision, by=None, reason="random")
        else:
            change(name, by=None, reason="random", **edit)
    except InvalidChangeError:
        return


def _answers(taken: snapshot.Snapshot) -> tuple[Any, ...]:
    """What the two flags come to; the tests of their rules are functions, which are not equal to each other."""
    toggle, setting = taken.toggles["bot.notes"], taken.settings["matching.pool_limit"]
    audiences = [(each.fixed, each.threshold, len(each.tests)) for each in (toggle, setting.audience)]
    return (*audiences, setting.value)
