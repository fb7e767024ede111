"""Reads of matching: who is in a member's deck, why it is empty, whom they matched."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal
from uuid import UUID

import numpy as np
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps import flags
from apps.core.prepared import Given, Prepared
from apps.matching import showable
from apps.matching.batches.decks import ahead_of
from apps.matching.candidates import interests_of
from apps.matching.engine.eligibility import (
    ANYWHERE_KM,
    Bools,
    Floats,
    Ints,
    distance_km,
    only_obstacle,
    reach,
)
from apps.matching.engine.scoring import ranking, score
from apps.matching.histories import contains, history_of
from apps.matching.learning.impressions import Placement
from apps.matching.learning.models import Algorithm
from apps.matching.learning.ranking import (
    DEFAULT_ALGORITHM,
    draw_likes_first,
    placements_as_built,
    rank,
    weighed_model,
)
from apps.matching.learning.reasons import Reason, Story, reasons, stories
from apps.matching.learning.running import running_model
from apps.matching.models import Candidate, Match, Swipe
from apps.matching.retrieval import search
from apps.users.models import MAX_AGE, MIN_AGE, Photo, User

POOL_LIMIT, SHORTLIST = 400, 80
# Of those who like the viewer and wait for an answer, this many are looked at for one card.
LIKERS = 500
# Of a built deck so many more than are asked for: some may be gone, or changed their mind.
SPARE = 6
_SHOWN = Prepared(lambda: User.objects.select_related("profile").filter(pk=Given("user_id")))
_PHOTOS = Prepared(lambda: Photo.objects.filter(user=Given("user_id"), hidden_at=None))
AGE_STEPS = (2, 5, 10, 20, 81)
DISTANCE_STEPS_KM = (10, 25, 50, 100, 250, 500, None)


@dataclass(frozen=True)
class Card:
    """One candidate as the viewer may see them."""

    user: User
    photos: list[Photo]  # without hidden ones
    distance_km: float
    shared_interests: list[str]
    note: str
    likes_viewer: bool
    placement: Placement | None = None  # why it is shown; None for a card that was asked for


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


def next_card(viewer: User) -> Card | None:
    """The best candidate in reach of a published, listed viewer; None when the deck is empty."""
    best = best_of_deck(viewer, 1)
    return _card(viewer, best[0].row, best[0].distance_km, best[0].placement) if best else None


@dataclass(frozen=True)
class Ranked:
    """A candidate who may be shown, as they stood in the tables when asked for."""

    row: showable.Row
    distance_km: float
    placement: Placement


def best_of_deck(viewer: User, count: int) -> list[Ranked]:
    """The best candidates of the deck, the best first; fewer only at its end.

    Three queries from a deck that was built ahead; else, or when that has too few left, six or so more.
    """
    if len(built := _from_built_deck(viewer, count)) == count:
        return built
    best: list[Ranked] = []
    for numbers in _shortlists(viewer, count + SPARE):
        in_order = rank(viewer, numbers).placements()
        while len(best) < count and (portion := list(islice(in_order, count + SPARE))):
            in_reach = _still_in_reach(viewer, [each.candidate_id for each in portion])
            best += [Ranked(*in_reach[each.candidate_id], each) for each in portion if each.candidate_id in in_reach]
        if len(best) >= count:
            break
    return best[:count]


def _from_built_deck(viewer: User, count: int) -> list[Ranked]:
    """What a build placed next and still holds; nothing for members of another algorithm than `market`."""
    if flags.value("matching.algorithm", viewer, DEFAULT_ALGORITHM) != Algorithm.MARKET:
        return []
    ahead = ahead_of(viewer, most=count + SPARE)
    if ahead is None:
        return []
    likes_first, likelihood = draw_likes_first(viewer)
    cards = ahead.in_order(likes_first=likes_first, likelihood=likelihood)[: count + SPARE]
    in_reach = _still_in_reach(viewer, [card.candidate_id for card in cards])
    shown = [card for card in cards if card.candidate_id in in_reach][:count]
    return [Ranked(*in_reach[each.candidate_id], each) for each in placements_as_built(viewer, shown)]


def _still_in_reach(viewer: User, ids: Collection[UUID]) -> dict[UUID, tuple[showable.Row, float]]:
    """Those who may be shown by what the tables say now, each with the distance in kilometres; one query."""
    rows = showable.with_ids(viewer, ids) if ids else []
    return {row.user_id: (row, kilometres) for row, kilometres in _in_reach(viewer, rows)} if rows else {}


def _shortlists(viewer: User, count: int) -> Iterator[list[int]]:
    """Numbers of candidates, the promising first, in portions worth reading whole; so many are wanted at a time."""
    own, history = showable.own(viewer), history_of(viewer)
    me, size = showable.people([own]), flags.value("matching.shortlist", viewer, SHORTLIST)
    enough, likers = flags.value("matching.pool_limit", viewer, POOL_LIMIT), history.liked_by - history.hidden
    found = search(me, own.cell, hidden=history.hidden, enough=enough, also=likers[:LIKERS])
    known = {
        "distance_km": distance_km(me, found.people),
        "inactive_days": (timezone.now().timestamp() / 3600 - found.rows["active_hour"]) / 24,
    }
    likes = contains(history.liked_by, found.numbers)
    best_first = ranking(score(shared_interests=np.zeros(len(found), np.int64), likes_viewer=likes, **known))
    by_heuristic = flags.value("matching.algorithm", viewer, DEFAULT_ALGORITHM) == Algorithm.HEURISTIC
    for start in range(0, len(best_first), size):
        places = best_first[start : start + size]
        first = np.ones(len(places), dtype=bool)
        if by_heuristic and len(places) > count:
            here = {name: column[places] for name, column in known.items()}
            first = _may_be_first(viewer, found.numbers[places], likes[places], here, count)
        yield from (found.numbers[portion].tolist() for portion in (places[first], places[~first]) if len(portion))


def _may_be_first(viewer: User, numbers: Ints, likes: Bools, known: dict[str, Floats], count: int) -> Bools:
    """Who may be among the first by the heuristic, whether likes come first or not. One query, for their interests.

    More than that need not be read of the others.
    """
    mine = set(viewer.profile.interests)
    shared = np.array([len(mine.intersection(theirs)) for theirs in interests_of(numbers)])
    scores = score(shared_interests=shared, likes_viewer=np.zeros(len(numbers), dtype=bool), **known)
    first = np.zeros(len(numbers), dtype=bool)
    first[ranking(scores)[:count]] = True
    first[np.lexsort((-scores, ~likes))[:count]] = True
    return first


def _in_reach(viewer: User, rows: Sequence[showable.Row]) -> list[tuple[showable.Row, float]]:
    """Those of them, each with the distance in kilometres."""
    me, people = showable.people([showable.own(viewer)]), showable.people(rows)
    kilometres = distance_km(me, people)
    return [(rows[place], float(kilometres[place])) for place in np.flatnonzero(reach(me, people)).tolist()]


def why_shown(card: Card) -> list[Reason]:
    """What speaks for the two, in a member's words; nothing for a card that was not ranked."""
    return reasons(card.placement, running_model()) if card.placement else []


def deck_story(viewer: User, count: int) -> list[Story]:
    """What the deck of a published, listed viewer is made of and why, the best first."""
    return stories([ranked.placement for ranked in best_of_deck(viewer, count)], weighed_model(viewer))


def card_of(viewer: User, target_id: UUID) -> Card | None:
    """This candidate's card, or None when the viewer must not see them (any more)."""
    found = _if_in_reach(viewer, target_id)
    return _card(viewer, *found) if found else None


def waiting_likes(viewer: User) -> int:
    """How many like a published, listed viewer and would be shown to them; those beyond LIKERS are not counted."""
    history = history_of(viewer)
    likers = (history.liked_by - history.hidden)[:LIKERS]
    ids = list(Candidate.objects.filter(number__in=list(likers)).values_list("user_id", flat=True)) if likers else []
    return sum(row.likes_viewer for row, _ in _still_in_reach(viewer, ids).values())


def can_see(viewer: User, target_id: UUID) -> bool:
    """May this viewer see and swipe this candidate now? The check behind every tap on a card; one query."""
    return _if_in_reach(viewer, target_id) is not None


def is_listed(user: User) -> bool:
    """May this member look at others and be looked at?"""
    return user.is_listed and user.profile.published_at is not None


def widenings(viewer: User) -> list[Widening]:
    """Why the deck is empty: age range and distance, if they keep somebody out, each with the smallest helpful step.

    Counted are at most `matching.pool_limit` people for each, the nearest.
    """
    own, hidden = showable.own(viewer), history_of(viewer).hidden
    me, limit = showable.people([own]), flags.value("matching.pool_limit", viewer, POOL_LIMIT)
    found: dict[str, Widening] = {}
    for criterion, relaxed, steps in (
        ("age", {"age_min": np.array([MIN_AGE]), "age_max": np.array([MAX_AGE])}, _age_steps(viewer)),
        ("distance", {"max_km": np.array([ANYWHERE_KM])}, _distance_steps(viewer)),
    ):
        people = search(me.with_preferences(**relaxed), own.cell, hidden=hidden, enough=limit).people
        kept_out = int(only_obstacle(me, people)[criterion].sum())
        for widening, columns in steps if kept_out else ():
            if would_add := int(reach(me.with_preferences(**columns), people).sum()):
                found[criterion] = replace(widening, kept_out=kept_out, would_add=would_add)
                break
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


def _if_in_reach(viewer: User, target_id: UUID) -> tuple[showable.Row, float] | None:
    row = showable.with_id(viewer, target_id) if is_listed(viewer) else None
    return next(iter(_in_reach(viewer, [row])), None) if row else None


def _card(viewer: User, row: showable.Row, kilometres: float, placement: Placement | None = None) -> Card | None:
    target = _SHOWN.first(user_id=row.user_id)
    if target is None:
        return None
    photos = _PHOTOS.all(user_id=row.user_id)
    shared = [slug for slug in viewer.profile.interests if slug in target.profile.interests]
    likes = Swipe.objects.filter(swiper=target, target=viewer) if row.likes_viewer else Swipe.objects.none()
    note = "".join(likes.values_list("note", flat=True))
    return Card(target, photos, kilometres, shared, note, row.likes_viewer, placement)


def _age_steps(viewer: User) -> Iterator[tuple[Widening, dict[str, Any]]]:
    preferences = viewer.preferences
    for years in AGE_STEPS:
        low, high = max(MIN_AGE, preferences.age_min - years), min(MAX_AGE, preferences.age_max + years)
        yield (
            Widening("age", 0, 0, age_range=(low, high)),
            {"age_min": np.array([low]), "age_max": np.array([high])},
        )


def _distance_steps(viewer: User) -> Iterator[tuple[Widening, dict[str, Any]]]:
    limit = viewer.preferences.max_distance_km
    if limit is None:
        return
    for km in DISTANCE_STEPS_KM:
        if km is None or km > limit:
            yield Widening("distance", 0, 0, max_km=km), {"max_km": np.array([km or ANYWHERE_KM])}


def last_swipe(user: User) -> Swipe | None:
    return Swipe.objects.filter(swiper=user).order_by("-created_at").first()
