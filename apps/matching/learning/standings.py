"""Counting what members' swipes and answers amount to, set by set, off the way of updates.

Triggers on swipes and matches (migration 0006) mark whom a change concerns; here the marks are worked off. A standing
is counted from the rows, never added to, so that undone swipes, erased members and a run that broke off need no care.
"""

import time
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.matching.engine.history import Population

BATCH = 5000
# Of the advisory lock: two that count the same member at once might leave the older count.
_LOCK = 0x5354_414E_4449_4E47
GENDERS = {1: "woman", 2: "man", 4: "nonbinary"}


def refresh(population: Population, *, batch: int = BATCH, most_secs: float = 240.0) -> int:
    """Counts again all members who are marked, and takes the marks away; how many were counted.

    Each batch is a transaction: who breaks off leaves the rest marked. Stops where another one is at it already, and
    after `most_secs`.
    """
    end, counted = time.monotonic() + most_secs, 0
    while time.monotonic() < end:
        members = _refresh_batch(population, batch)
        if members is None:
            break
        counted += members
    return counted


def wait_for_turn(cursor: CursorWrapper) -> None:
    """Until the transaction ends nobody counts: for who writes many standings too, in another order."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def mark_everybody() -> None:
    """All standings are counted again by the next refreshes.

    Evens out what these leave: the likes expected of a member are by how picky the swipers were when the member's own
    swipes changed last.
    """
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO matching_outdatedstanding (user_id) SELECT user_id FROM users_profile ORDER BY 1")


@transaction.atomic
def _refresh_batch(population: Population, batch: int) -> int | None:
    """How many were counted; None when nobody is marked any more, or somebody else is counting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            return None
        cursor.execute(_TAKE, {"batch": batch})
        marked, members = cursor.fetchone()
        if not marked:
            return None
        parameters = {"members": members, **_rates(population)}
        for statement in (_GIVEN, _RECEIVED, _MESSAGES):
            cursor.execute(statement, parameters)
        return len(members)


def _rates(population: Population) -> dict[str, Any]:
    known = {GENDERS[bit]: rate for bit, rate in population.like_rate.items() if bit in GENDERS}
    return {
        "genders": list(known),
        "rates": list(known.values()),
        "overall": population.overall_like_rate,
        "strength": population.giver_strength,
    }


# Members who are gone are dropped; the others cannot go before the batch is written.
_TAKE = """
    WITH marks AS (
        DELETE FROM matching_outdatedstanding
        WHERE id IN (SELECT id FROM matching_outdatedstanding ORDER BY id LIMIT %(batch)s)
        RETURNING user_id
    ), members AS (
        SELECT id FROM users_user WHERE id IN (SELECT user_id FROM marks) ORDER BY id FOR KEY SHARE
    )
    SELECT (SELECT count(*) FROM marks), ARRAY(SELECT id FROM members)
"""
_GIVEN = """
    INSERT INTO matching_standing (
        user_id, swipes_given, likes_given, likes_received, swipes_received, likes_expected, messages_due,
        messages_answered
    )
    SELECT member, count(swipe.id), count(*) FILTER (WHERE swipe.liked), 0, 0, 0, 0, 0
    FROM unnest(%(members)s::uuid[]) AS member
    LEFT JOIN matching_swipe AS swipe ON swipe.swiper_id = member
    GROUP BY member
    ON CONFLICT (user_id) DO UPDATE SET swipes_given = excluded.swipes_given, likes_given = excluded.likes_given
"""
# The swipers' like rates are shrunken as in `Population.like_rate_of`.
_RECEIVED = """
    UPDATE matching_standing AS standing
    SET likes_received = counted.likes, swipes_received = counted.swipes, likes_expected = counted.expected
    FROM (
        SELECT
            member,
            count(*) FILTER (WHERE swipe.liked) AS likes,
            count(swipe.id) AS swipes,
            coalesce(sum(
                (coalesce(giver.likes_given, 0) + %(strength)s * coalesce(usual.rate, %(overall)s))
                / (coalesce(giver.swipes_given, 0) + %(strength)s)
            ) FILTER (WHERE swipe.id IS NOT NULL), 0) AS expected
        FROM unnest(%(members)s::uuid[]) AS member
        LEFT JOIN matching_swipe AS swipe ON swipe.target_id = member
        LEFT JOIN matching_standing AS giver ON giver.user_id = swipe.swiper_id
        LEFT JOIN users_profile AS profile ON profile.user_id = swipe.swiper_id
        LEFT JOIN unnest(%(genders)s::text[], %(rates)s::float8[]) AS usual (gender, rate)
            ON usual.gender = profile.gender
        GROUP BY member
    ) AS counted
    WHERE standing.user_id = counted.member
"""
_MESSAGES = """
    UPDATE matching_standing AS standing
    SET messages_due = counted.due, messages_answered = counted.answered
    FROM (
        SELECT member, count(side.due) AS due, count(side.answered_at) AS answered
        FROM unnest(%(members)s::uuid[]) AS member
        LEFT JOIN LATERAL (
            SELECT 1 AS due, answered_at FROM matching_match WHERE low_id = member AND NOT opened_by_low
            UNION ALL
            SELECT 1 AS due, answered_at FROM matching_match WHERE high_id = member AND opened_by_low
        ) AS side ON true
        GROUP BY member
    ) AS counted
    WHERE standing.user_id = counted.member
"""


def write_of(column: str, kind: str) -> str:
    """A statement that keeps `values` of this column and type for the candidates of these `numbers`, in their order.

    Who is gone by now is left out; who goes after this takes the row along.
    """
    return f"""
        INSERT INTO matching_standing (
            user_id, {column}, swipes_given, likes_given, likes_received, likes_expected, swipes_received, messages_due,
            messages_answered
        )
        SELECT member.id, known.value, 0, 0, 0, 0, 0, 0, 0
        FROM unnest(%(numbers)s::integer[], %(values)s::{kind}[]) AS known (number, value)
        JOIN matching_candidate AS candidate USING (number)
        JOIN users_user AS member ON member.id = candidate.user_id
        ORDER BY number
        FOR KEY SHARE OF member
        ON CONFLICT (user_id) DO UPDATE SET {column} = excluded.{column}
    """  # noqa: S608 constants
