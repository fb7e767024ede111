"""Reads of matching: who is in a member's deck, why it is empty, whom they matched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import numpy as np
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone
from h3.api import basic_int as h3

from apps import flags
from apps.matching.engine.eligibility import ANYWHERE_KM, People, distance_km, only_obstacle, reach
from apps.matching.engine.scoring import ranking, score
from apps.matching.models import Block, Match, Swipe
from apps.users.models import AREA_RESOLUTION, MAX_AGE, MIN_AGE, Gender, Photo, Profile, User

GENDER_BIT = {gender: 1 << position for position, gender in enumerate(Gender.values)}
POOL_LIMIT = 2000
# Beyond this many kilometres a list of areas is longer than it is useful.
AREA_LIMIT_KM = 500
AGE_STEPS = (2, 5, 10, 20, 81)
DISTANCE_STEPS_KM = (10, 25, 50, 100, 250, 500, None)


@dataclass(frozen=True)
class Card:
    """One candidate as the viewer may see them."""

    user: User
    distance_km: float
    shared_interests: list[str]
    note: str
    likes_viewer: bool


@dataclass(frozen=True)
class Widening:
    """One preference of the viewer that keeps people out, and the smallest change that lets some in.

    `age_range` is set for the criterion age; for distance `max_km` is, with None for anywhere.
    """

    criterion: Literal["age", "distance"]
    kept_out: int
    would_add: int
    age_range: tuple[int, int] | None = None
    max_km: int | None = None


_PROFILE = ("user_id", "gender", "birth_date", "cell", "interests", "user__last_active_at")
_PREFERENCES = ("genders", "age_min", "age_max", "max_distance_km")
_ROW = (*_PROFILE, *(f"user__preferences__{name}" for name in _PREFERENCES), "likes_viewer")


def next_card(viewer: User) -> Card | None:
    """The best candidate in reach of a published, listed viewer; None when the deck is empty. Four queries at most."""
    rows = list(_pool(viewer))
    if not rows:
        return None
    me, people = _columns([_own_row(viewer)]), _columns(rows)
    in_reach = np.flatnonzero(reach(me, people))
    if not len(in_reach):
        return None
    kilometres = distance_km(me, people)
    interests, now = set(viewer.profile.interests), timezone.now()
    scores = score(
        shared_interests=np.array([len(interests.intersection(rows[i][4])) for i in in_reach]),
        distance_km=kilometres[in_reach],
        inactive_days=np.array([(now - rows[i][5]).total_seconds() / 86400 for i in in_reach]),
        likes_viewer=np.array([rows[i][-1] for i in in_reach]),
    )
    best = in_reach[ranking(scores)[0]]
    return _card(viewer, rows[best], float(kilometres[best]))


def card_of(viewer: User, target_id: UUID) -> Card | None:
    """This candidate's card, or None when the viewer must not see them (any more)."""
    row = _row_in_reach(viewer, target_id)
    if row is None:
        return None
    kilometres = distance_km(_columns([_own_row(viewer)]), _columns([row]))
    return _card(viewer, row, float(kilometres[0]))


def can_see(viewer: User, target_id: UUID) -> bool:
    """May this viewer see and swipe this candidate now? The check behind every tap on a card; one query."""
    return _row_in_reach(viewer, target_id) is not None


def is_listed(user: User) -> bool:
    """May this member look at others and be looked at?"""
    return user.is_listed and user.profile.published_at is not None


def widenings(viewer: User) -> list[Widening]:
    """Why the deck is empty: age range and distance, if they keep somebody out, each with the smallest helpful step."""
    rows = list(_pool(viewer, anywhere=True))
    if not rows:
        return []
    me, people = _columns([_own_row(viewer)]), _columns(rows)
    obstacles = {name: int(kept_out.sum()) for name, kept_out in only_obstacle(me, people).items()}
    steps = [*_age_steps(viewer, obstacles["age"]), *_distance_steps(viewer, obstacles["distance"])]
    found: dict[str, Widening] = {}
    for widening, columns in steps:
        would_add = int(reach(me.with_preferences(**columns), people).sum())
        if would_add and widening.criterion not in found:
            found[widening.criterion] = replace(widening, would_add=would_add)
    return list(found.values())


def match_of(user: User, match_id: UUID) -> Match | None:
    """A match of this member's that has not ended, with both sides' profiles; None otherwise."""
    return matches_of(user).filter(pk=match_id).first()


def matches_of(user: User) -> QuerySet[Match]:
    """The member's matches that have not ended, newest first, with both sides' profiles."""
    return (
        Match.objects.filter(Q(low=user) | Q(high=user), ended_at=None)
        .select_related("low__profile", "high__profile")
        .order_by("-created_at")
    )


def _showable(viewer: User) -> QuerySet[Profile]:
    """Published, listed, neither swiped on nor blocked on either side. Preferences come after, in the engine."""
    theirs = OuterRef("user_id")
    likes_viewer = Exists(Swipe.objects.filter(swiper=theirs, target=viewer, liked=True))
    return Profile.objects.annotate(likes_viewer=likes_viewer).filter(
        ~Q(user=viewer),
        ~Exists(Swipe.objects.filter(swiper=viewer, target=theirs)),
        ~Exists(Block.objects.filter(blocker=viewer, blocked=theirs)),
        ~Exists(Block.objects.filter(blocker=theirs, blocked=viewer)),
        published_at__isnull=False,
        user__paused_at=None,
        user__banned_at=None,
        user__suspended_until=None,
        user__photoless_at=None,
        user__unreachable_at=None,
    )


def _row_in_reach(viewer: User, target_id: UUID) -> tuple[Any, ...] | None:
    if not is_listed(viewer):
        return None
    row = _showable(viewer).filter(user=target_id).values_list(*_ROW).first()
    return row if row and reach(_columns([_own_row(viewer)]), _columns([row]))[0] else None


def _pool(viewer: User, *, anywhere: bool = False) -> Iterable[tuple[Any, ...]]:
    """Rows of the most recently active whose genders fit both ways, from the areas within the viewer's distance."""
    pool = _showable(viewer).filter(
        user__preferences__genders__contains=[viewer.profile.gender], gender__in=viewer.preferences.genders
    )
    limit_km = viewer.preferences.max_distance_km
    if not anywhere and limit_km is not None and limit_km <= AREA_LIMIT_KM:
        pool = pool.filter(area__in=_areas_within(viewer.profile.area, limit_km))
    limit = flags.value("matching.pool_limit", viewer, POOL_LIMIT)
    return pool.order_by("-user__last_active_at", "user_id").values_list(*_ROW)[:limit]


def _areas_within(area: int | None, km: int) -> list[int]:
    if area is None:
        return []
    spacing_km = h3.average_hexagon_edge_length(AREA_RESOLUTION, unit="km") * 3**0.5
    # one ring more than the distance takes: people sit anywhere in their area, and cells vary in size
    return list(h3.grid_disk(area, int(km / (spacing_km * 0.75)) + 2))


def _own_row(viewer: User) -> tuple[Any, ...]:
    profile, preferences = viewer.profile, viewer.preferences
    return (
        viewer.pk,
        profile.gender,
        profile.birth_date,
        profile.cell,
        profile.interests,
        viewer.last_active_at,
        preferences.genders,
        preferences.age_min,
        preferences.age_max,
        preferences.max_distance_km,
        False,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> People:
    today = timezone.localdate()
    places = [h3.cell_to_latlng(row[3]) for row in rows]
    return People(
        gender=np.array([GENDER_BIT[row[1]] for row in rows]),
        # the top of the range means "and older"
        age=np.array([min(Profile(birth_date=row[2]).age_on(today), MAX_AGE) for row in rows]),
        latitude=np.array([place[0] for place in places]),
        longitude=np.array([place[1] for place in places]),
        seeks=np.array([sum(GENDER_BIT[gender] for gender in row[6]) for row in rows]),
        age_min=np.array([row[7] for row in rows]),
        age_max=np.array([row[8] for row in rows]),
        max_km=np.array([ANYWHERE_KM if row[9] is None else float(row[9]) for row in rows]),
    )


def _card(viewer: User, row: tuple[Any, ...], kilometres: float) -> Card | None:
    shown = Prefetch("photos", Photo.objects.filter(hidden_at=None))
    target = User.objects.select_related("profile").prefetch_related(shown).filter(pk=row[0]).first()
    if target is None:
        return None
    shared = [slug for slug in viewer.profile.interests if slug in target.profile.interests]
    likes_viewer = bool(row[-1])
    note = Swipe.objects.filter(swiper=target, target=viewer).values_list("note", flat=True) if likes_viewer else []
    return Card(target, kilometres, shared, "".join(note), likes_viewer)


def _age_steps(viewer: User, kept_out: int) -> Iterable[tuple[Widening, dict[str, Any]]]:
    preferences = viewer.preferences
    for years in AGE_STEPS if kept_out else ():
        low, high = max(MIN_AGE, preferences.age_min - years), min(MAX_AGE, preferences.age_max + years)
        yield (
            Widening("age", kept_out, 0, age_range=(low, high)),
            {"age_min": np.array([low]), "age_max": np.array([high])},
        )


def _distance_steps(viewer: User, kept_out: int) -> Iterable[tuple[Widening, dict[str, Any]]]:
    limit = viewer.preferences.max_distance_km
    if not kept_out or limit is None:
        return
    for km in DISTANCE_STEPS_KM:
        if km is None or km > limit:
            yield Widening("distance", kept_out, 0, max_km=km), {"max_km": np.array([km or ANYWHERE_KM])}


def last_swipe(user: User) -> Swipe | None:
    return Swipe.objects.filter(swiper=user).order_by("-created_at").first()
