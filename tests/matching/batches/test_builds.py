"""Builds of decks: territory by territory, by any number of workers that may die at any time."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.matching import tasks
from apps.matching.batches import builds
from apps.matching.batches.builds import LEASE, LostError, progress, start, stop, take, work_off
from apps.matching.batches.models import Deck, DeckBuild, DeckTerritory
from apps.users.models import User
from tests.factories import TBILISI, member

pytestmark = pytest.mark.django_db
BERLIN = (52.52, 13.4)
State, Part = DeckBuild.State, DeckTerritory.State


@pytest.fixture(autouse=True)
def towns() -> None:
    for _ in range(3):
        member(place=TBILISI, photos=0)
    member(place=BERLIN, photos=0)


def nothing(cell: int, renew: Callable[[int], None]) -> None:
    renew(1)


def run(build: DeckBuild, act: builds.Act = nothing) -> list[DeckTerritory]:
    done = list(work_off(build, act))
    build.refresh_from_db()
    return done


def test_it_builds_every_territory_the_largest_first() -> None:
    build = start(why="test")
    assert [territory.members for territory in run(build)] == [3, 1]
    assert build.state == State.FINISHED
    assert progress(build).share == 1.0


def test_it_runs_one_build_at_a_time() -> None:
    assert start(why="one") == start(why="other")


def test_it_builds_no_territory_in_which_nothing_has_changed() -> None:
    User.objects.update(last_active_at=timezone.now() - timedelta(days=1))
    yesterday = timezone.now() - timedelta(days=1)
    for user in User.objects.all():
        user.profile.published_at = yesterday
        user.profile.save()
    run(start(why="first"))
    assert start(why="second").state == State.FINISHED
    somebody = User.objects.filter(profile__cell__isnull=False).first()
    assert somebody
    User.objects.filter(pk=somebody.pk).update(last_active_at=timezone.now())
    third = start(why="third")
    assert third.territories.count() == 1
    run(third)
    everything = start(why="fourth", everything=True)
    assert everything.territories.count() == 2


def test_it_builds_anew_what_is_a_week_old() -> None:
    run(start(why="first"))
    User.objects.update(last_active_at=timezone.now() - timedelta(days=30))
    for user in User.objects.all():
        user.profile.published_at = timezone.now() - timedelta(days=30)
        user.profile.save()
    DeckTerritory.objects.update(taken_at=timezone.now() - timedelta(days=8))
    assert start(why="second").territories.count() == 2


def test_it_gives_a_territory_to_one_worker() -> None:
    build = start(why="test")
    one, other = take(build), take(build)
    assert one
    assert other
    assert one.cell != other.cell
    assert take(build) is None


def test_it_lets_so_many_be_built_at_once() -> None:
    build = start(why="test")
    assert take(build, at_once=1)
    assert take(build, at_once=1) is None
    assert take(build, at_once=2)


def test_it_goes_on_where_a_worker_was_killed() -> None:
    build = start(why="test")
    left = take(build)
    assert left
    DeckTerritory.objects.filter(pk=left.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert left.pk in {territory.pk for territory in run(build)}
    assert build.state == State.FINISHED


def test_it_stops_a_worker_whose_territory_was_taken_over() -> None:
    """It had slept for longer than its lease."""
    build = start(why="test")
    lost: list[int] = []

    def sleep(cell: int, renew: Callable[[int], None]) -> None:
        if not lost:
            lost.append(cell)
            DeckTerritory.objects.filter(cell=cell).update(lease_until=timezone.now() - LEASE)
            assert take(build)
        renew(1)

    done = run(build, sleep)
    assert lost[0] not in [territory.cell for territory in done]
    assert DeckTerritory.objects.get(cell=lost[0]).state == Part.TAKEN


def test_it_tries_a_territory_that_fails_three_times() -> None:
    build, tried = start(why="test"), []

    def fail(cell: int, renew: Callable[[int], None]) -> None:
        tried.append(cell)
        if len(set(tried)) == 1:
            raise ValueError("a bad day")

    assert len(run(build, fail)) == 1
    assert len(tried) == 4
    failed = DeckTerritory.objects.get(state=Part.FAILED)
    assert "a bad day" in failed.error
    assert build.state == State.FINISHED
    assert progress(build).failed == 1


def test_it_stops() -> None:
    build = start(why="test")

    def stopping(cell: int, renew: Callable[[int], None]) -> None:
        assert stop(build)
        renew(1)

    assert run(build, stopping) == []
    assert build.state == State.STOPPED
    assert not stop(build)
    with pytest.raises(LostError):
        builds._renewer(DeckTerritory.objects.filter(build=build).latest("taken_at"))(1)


def test_it_says_how_far_it_has_come() -> None:
    build = start(why="test")
    DeckBuild.objects.filter(pk=build.pk).update(started_at=timezone.now() - timedelta(seconds=30))
    build.refresh_from_db()
    territory = take(build)
    assert territory
    builds._renewer(territory)(3)
    done = progress(build)
    assert (done.members, done.built, done.territories, done.done) == (4, 3, 2, 0)
    assert done.rate == pytest.approx(0.1, rel=0.1)
    assert done.secs_left == pytest.approx(10, rel=0.1)


def test_it_begins_at_night_and_builds_from_minute_to_minute() -> None:
    tasks.build_decks()
    assert Deck.objects.count() == 0
    tasks.start_decks()
    while builds.running_build():
        tasks.build_decks()
    assert Deck.objects.count() == 4


def test_it_builds_from_the_command_line() -> None:
    shown = StringIO()
    call_command("build_decks", "--begin", stdout=shown)
    call_command("build_decks", "--progress", stdout=shown)
    assert "0 of 4 members" in shown.getvalue()
    call_command("build_decks", stdout=shown)
    assert "4 of 4 members, 2 of 2 territories" in shown.getvalue()
    call_command("build_decks", "--stop", stdout=shown)
    assert "No build runs." in shown.getvalue()
    assert Deck.objects.count() == 4
