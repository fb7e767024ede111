"""Which territories are to be built, who builds which, and how far it has come."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone
from h3.api import basic_int as h3

from apps.matching.batches.models import DeckBuild, DeckTerritory

log = structlog.get_logger(__name__)
Act = Callable[[int, Callable[[int], None]], object]
State, Part = DeckBuild.State, DeckTerritory.State

TERRITORY_RESOLUTION = 2
# A worker renews its lease after every step. The longest, clearing the largest market, takes a minute or two.
LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 3
# Decks are made anew at least this often, whatever happens: people grow older, models and prices change.
REFRESH_AFTER = timedelta(days=7)


class LostError(Exception):
    """The territory belongs to somebody else by now, or its build was stopped."""


@dataclass(frozen=True)
class Progress:
    """How far a build has come, in members and territories. Rate and estimate: None before anything is done."""

    members: int
    built: int
    territories: int
    done: int
    failed: int
    rate: float | None  # members a second
    secs_left: float | None

    @property
    def share(self) -> float:
        return self.built / self.members if self.members else 1.0


@transaction.atomic
def start(*, why: str, everything: bool = False) -> DeckBuild:
    """Begins a build, or returns the one that runs. A build with nothing to do is finished at once.

    Only territories in which somebody was active or published since their decks were last built, but for `everything`.
    """
    with connection.cursor() as cursor:
        # two that start at once: the second finds the first one's build
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('matching.build_decks'))")
    if running := DeckBuild.objects.filter(state=State.RUNNING).first():
        return running
    build = DeckBuild.objects.create(why=why[:200])
    built = {} if everything else _last_done()
    DeckTerritory.objects.bulk_create(
        DeckTerritory(build=build, cell=cell, members=members)
        for cell, (members, changed) in _territories().items()
        if cell not in built or changed >= built[cell] or built[cell] < timezone.now() - REFRESH_AFTER
    )
    _finish_if_done(build)
    build.refresh_from_db()
    return build


def stop(build: DeckBuild) -> bool:
    """Nothing more is begun; what is being built is given up at its next step. False when it has ended already."""
    running = DeckBuild.objects.filter(pk=build.pk, state=State.RUNNING)
    return bool(running.update(state=State.STOPPED, ended_at=timezone.now()))


def running_build() -> DeckBuild | None:
    return DeckBuild.objects.filter(state=State.RUNNING).first()


def work_off(
    build: DeckBuild, act: Act, *, most_secs: float | None = None, at_once: int | None = None
) -> Iterator[DeckTerritory]:
    """Builds one territory after the other until none is left, and yields those that it has built.

    `act` builds one: it is given the cell, and what to call after each step with how many members it has looked at.
    One that fails is tried again by whoever comes next, three times in all. Begins none after `most_secs`, nor while
    `at_once` are being built already, by whomever.
    """
    end = time.monotonic() + most_secs if most_secs is not None else math.inf
    while time.monotonic() < end and (territory := take(build, at_once=at_once)):
        try:
            act(territory.cell, _renewer(territory))
            _end(territory, state=Part.DONE, built=territory.members)
            yield territory
        except LostError:
            log.warning("deck_territory_lost", cell=f"{territory.cell:x}")
        except Exception as error:
            log.exception("deck_territory_failed", cell=f"{territory.cell:x}")
            state = Part.FAILED if territory.attempts >= MOST_ATTEMPTS else Part.WAITING
            _end(territory, state=state, error=repr(error)[:200])
    _finish_if_done(build)


@transaction.atomic
def take(build: DeckBuild, *, at_once: int | None = None) -> DeckTerritory | None:
    """The largest territory that waits or was left by its worker; None without one, or when the build has ended."""
    if not DeckBuild.objects.filter(pk=build.pk, state=State.RUNNING).exists():
        return None
    now = timezone.now()
    if at_once is not None and build.territories.filter(state=Part.TAKEN, lease_until__gte=now).count() >= at_once:
        return None
    free = Q(state=Part.WAITING) | Q(state=Part.TAKEN, lease_until__lt=now)
    territory = (
        DeckTerritory.objects.select_for_update(skip_locked=True)
        .filter(free, build=build, attempts__lt=MOST_ATTEMPTS)
        .order_by("-members")
        .first()
    )
    if territory is None:
        return None
    territory.state, territory.taken_at, territory.lease_until = Part.TAKEN, now, now + LEASE
    territory.attempts, territory.built = territory.attempts + 1, 0
    territory.save()
    return territory


def progress(build: DeckBuild) -> Progress:
    """Two queries at most."""
    counted = build.territories.aggregate(
        members=Sum("members", default=0),
        built=Sum("built", default=0),
        territories=Count("pk"),
        done=Count("pk", filter=Q(state=Part.DONE)),
        failed=Count("pk", filter=Q(state=Part.FAILED)),
    )
    secs = ((build.ended_at or timezone.now()) - build.started_at).total_seconds()
    rate = counted["built"] / secs if counted["built"] and secs else None
    left = (counted["members"] - counted["built"]) / rate if rate and build.state == State.RUNNING else None
    return Progress(**counted, rate=rate, secs_left=left)


def _renewer(territory: DeckTerritory) -> Callable[[int], None]:
    def renew(built: int) -> None:
        """Raises LostError."""
        own = DeckTerritory.objects.filter(
            pk=territory.pk, state=Part.TAKEN, taken_at=territory.taken_at, build__state=State.RUNNING
        )
        if not own.update(lease_until=timezone.now() + LEASE, built=min(built, territory.members)):
            raise LostError

    return renew


def _end(territory: DeckTerritory, *, state: str, **fields: object) -> None:
    own = DeckTerritory.objects.filter(pk=territory.pk, state=Part.TAKEN, taken_at=territory.taken_at)
    done_at = timezone.now() if state == Part.DONE else None
    own.update(state=state, done_at=done_at, lease_until=None, **fields)


def _finish_if_done(build: DeckBuild) -> None:
    """When every territory is done, or was given up. Safe to call by all at once."""
    now = timezone.now()
    # who died at the last attempt
    build.territories.filter(state=Part.TAKEN, attempts__gte=MOST_ATTEMPTS, lease_until__lt=now).update(
        state=Part.FAILED, error="given up by its worker", lease_until=None
    )
    if not build.territories.exclude(state__in=[Part.DONE, Part.FAILED]).exists():
        DeckBuild.objects.filter(pk=build.pk, state=State.RUNNING).update(state=State.FINISHED, ended_at=now)


def _territories() -> dict[int, tuple[int, datetime]]:
    """By cell: how many are listed there, and when one of them was last active or was published."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT region, count(*), to_timestamp(3600 * (1 + max(greatest(active_hour, published_hour))))"
            " FROM matching_candidate WHERE listed GROUP BY region"
        )
        regions = cursor.fetchall()
    found: dict[int, tuple[int, datetime]] = {}
    for region, members, changed in regions:
        cell = int(h3.cell_to_parent(region, TERRITORY_RESOLUTION))
        others, before = found.get(cell, (0, changed))
        found[cell] = others + members, max(changed, before)
    return found


def _last_done() -> dict[int, datetime]:
    """By cell: when the last build that finished it had begun with it."""
    done = DeckTerritory.objects.filter(state=Part.DONE).order_by("cell", "-done_at").distinct("cell")
    return dict(done.annotate(begun=F("taken_at")).values_list("cell", "begun"))
