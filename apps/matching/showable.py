"""Who may be shown to a viewer, from the tables themselves: the last word before a card is shown."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.utils import timezone
from h3.api import basic_int as h3

from apps.core.prepared import ask
from apps.matching.arrays import as_array, some
from apps.matching.candidates import date_number
from apps.matching.engine.eligibility import ANYWHERE_KM, People, full_years
from apps.matching.models import GENDER_BIT
from apps.users.models import MAX_AGE, User


class Row(NamedTuple):
    """One member as reach and score need them. `max_km` None: anywhere."""

    user_id: UUID
    gender: str
    birth_date: date
    cell: int
    interests: list[str]
    active_secs: float  # since 1970
    seeks: list[str]
    age_min: int
    age_max: int
    max_km: int | None
    likes_viewer: bool


# Not by the ORM, which would take longer to write this than PostgreSQL to answer; and arrays in place of joins, which
# would take longer to plan.
_SHOWABLE = f"""
SELECT
    profile.user_id, profile.gender, profile.birth_date, profile.cell, profile.interests,
    extract(epoch FROM member.last_active_at)::float8,
    preferences.genders::text[], preferences.age_min, preferences.age_max, preferences.max_distance_km,
    profile.user_id = ANY (ARRAY(
        SELECT swiper_id FROM matching_swipe
        WHERE target_id = %(viewer)s AND swiper_id = ANY ({some("users", "uuid")}) AND liked
    ))
FROM users_profile AS profile
JOIN users_user AS member ON member.id = profile.user_id
JOIN users_preferences AS preferences ON preferences.user_id = profile.user_id
WHERE profile.user_id = ANY ({some("users", "uuid")})
    AND profile.user_id <> %(viewer)s
    AND profile.published_at IS NOT NULL
    AND member.paused_at IS NULL AND member.banned_at IS NULL AND member.unreachable_at IS NULL
    AND member.suspended_until IS NULL AND member.photoless_at IS NULL
    -- asked here alone, before each card: so no count and no index tells that somebody is limited this way
    AND (member.shadowed_until IS NULL OR member.shadowed_until <= now())
    AND profile.user_id <> ALL (ARRAY(
        SELECT target_id FROM matching_swipe
        WHERE swiper_id = %(viewer)s AND target_id = ANY ({some("users", "uuid")})
        UNION ALL SELECT blocked_id FROM matching_block WHERE blocker_id = %(viewer)s
        UNION ALL SELECT blocker_id FROM matching_block WHERE blocked_id = %(viewer)s
    ))
"""  # noqa: S608 constants


def with_id(viewer: User, user_id: UUID) -> Row | None:
    """This member, if published, listed, not swiped yet and not blocked on either side. Preferences are not asked."""
    return next(iter(with_ids(viewer, [user_id])), None)


def with_ids(viewer: User, user_ids: Collection[UUID]) -> list[Row]:
    """Those of these members of whom the same holds."""
    rows = ask(_SHOWABLE, {"viewer": viewer.pk, "users": as_array(user_ids)})
    return [Row(*row) for row in rows]


def own(viewer: User) -> Row:
    """The viewer as others see them; published."""
    profile, preferences = viewer.profile, viewer.preferences
    assert profile.birth_date is not None and profile.cell is not None, "published"  # noqa: PT018
    return Row(
        viewer.pk,
        profile.gender,
        profile.birth_date,
        profile.cell,
        profile.interests,
        viewer.last_active_at.timestamp(),
        preferences.genders,
        preferences.age_min,
        preferences.age_max,
        preferences.max_distance_km,
        likes_viewer=False,
    )


def people(rows: Sequence[Row]) -> People:
    """What the engine asks of them. Who is older than the top of the age range counts as of that age."""
    born = np.array([date_number(row.birth_date) for row in rows], dtype=np.int64)
    places = np.array([h3.cell_to_latlng(row.cell) for row in rows]).reshape(-1, 2)
    return People(
        gender=np.array([GENDER_BIT[row.gender] for row in rows], dtype=np.int64),
        age=np.minimum(full_years(born, date_number(timezone.localdate())), MAX_AGE),
        latitude=places[:, 0],
        longitude=places[:, 1],
        seeks=np.array([sum(GENDER_BIT[gender] for gender in row.seeks) for row in rows], dtype=np.int64),
        age_min=np.array([row.age_min for row in rows], dtype=np.int64),
        age_max=np.array([row.age_max for row in rows], dtype=np.int64),
        max_km=np.array([ANYWHERE_KM if row.max_km is None else row.max_km for row in rows], dtype=np.float64),
    )
