"""Is the market fair, and does it work? By side, over the last week."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection

from apps.matching.models import GENDER_BIT
from apps.users.models import Gender

KEPT_SECS = 600


@dataclass(frozen=True)
class Side:
    """The listed members of one gender. Shares are of them, 0 to 1.

    exposure_gini: of how often the card of each was shown, 0 (all alike) to 1 (only one is seen); None without a card.
    """

    gender: str
    members: int
    with_match: float
    exposure_gini: float | None


def market_health() -> list[Side]:
    """As of ten minutes ago at most: it reads a row of every member."""
    sides: list[Side] | None = cache.get("matching.health")
    if sides is None:
        sides = _ask()
        cache.set("matching.health", sides, KEPT_SECS)
    return sides


def _ask() -> list[Side]:
    names = {bit: str(Gender(gender).label) for gender, bit in GENDER_BIT.items()}
    with connection.cursor() as cursor:
        cursor.execute(_HEALTH)
        return [
            Side(names[bit], members, float(matched), None if gini is None else max(0.0, float(gini)))
            for bit, members, matched, gini in cursor.fetchall()
        ]


# Gini's coefficient from ranks: 2 Σ rank · times / (n Σ times) − (n + 1) / n.
_HEALTH = """
    WITH shown AS (
        SELECT candidate_id AS user_id, count(*) AS times FROM matching_impression
        WHERE shown_at >= now() - interval '7 days' GROUP BY candidate_id
    ), matched AS (
        SELECT low_id AS user_id FROM matching_match WHERE created_at >= now() - interval '7 days'
        UNION SELECT high_id FROM matching_match WHERE created_at >= now() - interval '7 days'
    ), member AS (
        SELECT
            candidate.gender,
            coalesce(shown.times, 0) AS times,
            (matched.user_id IS NOT NULL)::integer AS has_match,
            row_number() OVER (PARTITION BY candidate.gender ORDER BY coalesce(shown.times, 0)) AS place
        FROM matching_candidate AS candidate
        LEFT JOIN shown USING (user_id)
        LEFT JOIN matched USING (user_id)
        WHERE candidate.listed
    )
    SELECT gender, count(*), avg(has_match),
        2 * sum(place * times) / (count(*) * nullif(sum(times), 0)) - (count(*) + 1.0) / count(*)
    FROM member GROUP BY gender ORDER BY gender
"""
