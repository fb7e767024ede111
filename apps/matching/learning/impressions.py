"""Cards that were shown: written down when they are, read with what came of them, deleted when they are old."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.utils import timezone

from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.engine.history import Column
from apps.matching.learning.facts import LAYOUT_VERSION, Numbers, from_bytes
from apps.matching.learning.models import Algorithm, Impression, Source

RETENTION = timedelta(days=180)
BATCH = 5000


@dataclass(frozen=True)
class Placement:
    """Why this candidate is on a card, and what was known of the two at that moment."""

    candidate_id: UUID
    place: int
    algorithm: Algorithm
    source: Source
    propensity: float
    model_version: str
    score: float  # by which it was ranked; not kept, since it follows from the rest
    facts: bytes


_RECORD = """
    INSERT INTO matching_impression (
        id, viewer_id, candidate_id, first_shown_at, shown_at, times,
        place, algorithm, source, propensity, model_version, layout, facts
    )
    SELECT
        gen_random_uuid(), %(viewer)s, id, %(now)s, %(now)s, 1,
        %(place)s, %(algorithm)s, %(source)s, %(propensity)s, %(model_version)s, %(layout)s, %(facts)s
    FROM users_user WHERE id = %(candidate_id)s FOR KEY SHARE
    ON CONFLICT (viewer_id, candidate_id) DO UPDATE SET
        times = matching_impression.times + 1, shown_at = excluded.shown_at, place = excluded.place,
        algorithm = excluded.algorithm, source = excluded.source, propensity = excluded.propensity,
        model_version = excluded.model_version, layout = excluded.layout, facts = excluded.facts
"""


def record(viewer_id: UUID, placement: Placement) -> None:
    """The viewer is shown this card now, perhaps again. One statement; nothing for a candidate who was just erased."""
    with connection.cursor() as cursor:
        shown = {"viewer": viewer_id, "now": timezone.now(), "layout": LAYOUT_VERSION}
        cursor.execute(_RECORD, vars(placement) | shown)


def purge() -> int:
    """Deletes who was shown to whom over 180 days ago; how many. Safe to run twice: each batch is whatever is left."""
    old = Impression.objects.filter(shown_at__lt=timezone.now() - RETENTION)
    deleted = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        deleted += Impression.objects.filter(pk__in=ids).delete()[0]
    return deleted


@dataclass(frozen=True)
class Labelled:
    """Impressions that were swiped, and what came of them; an entry each."""

    numbers: Numbers
    liked: Bools
    liked_back: Bools  # the candidate likes the viewer, by now
    viewer: Ints  # a number for each viewer
    place: Ints
    propensity: Column
    day: Ints  # since 1970

    def __len__(self) -> int:
        return len(self.liked)

    def where(self, chosen: Bools) -> "Labelled":
        return Labelled(**{name: column[chosen] for name, column in vars(self).items()})


_LABELLED = """
    SELECT shown.facts, swipe.liked, back.liked IS TRUE, shown.viewer_id, shown.place, shown.propensity,
        floor(extract(epoch FROM shown.shown_at) / 86400)::integer
    FROM matching_impression AS shown
    JOIN matching_swipe AS swipe ON swipe.swiper_id = shown.viewer_id AND swipe.target_id = shown.candidate_id
    LEFT JOIN matching_swipe AS back ON back.swiper_id = shown.candidate_id AND back.target_id = shown.viewer_id
    WHERE shown.shown_at >= %(since)s AND shown.layout = %(layout)s
    ORDER BY shown.shown_at DESC
    LIMIT %(most)s
"""


def labelled(*, since: datetime, most: int) -> Labelled:
    """The newest impressions with the swipe that followed; those without one say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_LABELLED, {"since": since, "layout": LAYOUT_VERSION, "most": most})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    facts, liked, liked_back, viewers, places, propensities, days = zip(*rows, strict=True) if rows else ((),) * 7
    return Labelled(
        numbers=from_bytes(facts),
        liked=np.array(liked, dtype=bool),
        liked_back=np.array(liked_back, dtype=bool),
        viewer=np.unique([viewer.int for viewer in viewers], return_inverse=True)[1],
        place=np.array(places, dtype=np.int64),
        propensity=np.array(propensities, dtype=np.float32),
        day=np.array(days, dtype=np.int64),
    )
