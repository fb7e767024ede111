"""A made-up world for benchmarks, in the embedded database: members in cities of heavy-tailed size, swipes, blocks.

At scale 1.0 a million members, the largest city 200,000, twenty million swipes. Made once and kept: a world of the same
scale is found again, another one replaces it. The same seed makes the same people.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from django.core.management import call_command
from django.db import connection
from h3.api import basic_int as h3
from numpy.typing import NDArray

from apps.users.catalogue import INTERESTS

MEMBERS, LARGEST_CITY, SWIPES, BLOCKS = 1_000_000, 200_000, 20_000_000, 200_000
HEAVY_SWIPERS, HEAVY_SWIPES = 50, (10_000, 14_000)
CITY_SHARE, CITY_EXPONENT, SMALLEST_CITY = 0.8, 1.07, 100
# A piece of the world as large as Europe.
LATITUDES, LONGITUDES = (38.0, 60.0), (-8.0, 38.0)
KM_PER_DEGREE = 111.2
SEED = 20_261_124


@dataclass(frozen=True)
class World:
    """Which members are of which kind, by their place in `bench_people`."""

    members: int
    largest_city: int
    heavy: int


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is going on and how long it took."""
    print(f"  {what} ...", end="", flush=True)  # noqa: T201 progress for people
    begun = time.perf_counter()
    yield
    print(f" {time.perf_counter() - begun:.1f} s", flush=True)  # noqa: T201


def make_world(scale: float) -> World:
    """The world of this scale, in the database."""
    members = int(MEMBERS * scale)
    world = World(members, int(LARGEST_CITY * scale), max(5, int(HEAVY_SWIPERS * min(1.0, scale * 10))))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('bench_world')")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT members FROM bench_world")
            if cursor.fetchone() == (members,):
                call_command("migrate", verbosity=0)
                return world
        _clear(cursor)
        _add_people(cursor, world)
        _add_swipes(cursor, world, int(SWIPES * scale), int(BLOCKS * scale))
        with step("vacuum and statistics"):
            cursor.execute("VACUUM ANALYZE")
        cursor.execute("CREATE TABLE bench_world AS SELECT %s::int AS members", [members])
    return world


def _clear(cursor) -> None:
    with step("empty tables"):
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        call_command("migrate", verbosity=0)


# ---- People


def _add_people(cursor, world: World) -> None:
    dice = np.random.default_rng(SEED)
    with step(f"{world.members:,} people"):
        city, latitude, longitude = _places(dice, world)
        rows = _rows(dice, city, latitude, longitude)
        cursor.execute(
            "CREATE UNLOGGED TABLE bench_people (i int PRIMARY KEY, user_id uuid DEFAULT gen_random_uuid(), city int,"
            " city_start int, city_size int, gender text, seeks text[], born date, cell bigint, area bigint,"
            " latitude float8, longitude float8, age_min int, age_max int, max_km int, active timestamptz,"
            " interests text[])"
        )
        columns = (
            "i, city, city_start, city_size, gender, seeks, born, cell, area, latitude, longitude, age_min, age_max,"
            " max_km, active, interests"
        )
        with cursor.copy(f"COPY bench_people ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    with step("their rows"):
        cursor.execute("SET session_replication_role = replica")
        for insert in _INSERTS:
            cursor.execute(insert)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("CREATE UNIQUE INDEX ON bench_people (user_id)")
        cursor.execute("ANALYZE")
    with step("candidates"):
        cursor.execute(_CANDIDATES)


# What the triggers would write, all at once: one by one a million take ten minutes.
_CANDIDATES = """
    INSERT INTO matching_candidate (
        user_id, listed, cell, gender, seeks, born, age_min, age_max, max_km, active_hour, published_hour
    )
    SELECT user_id, true, cell, matching_gender_bits(ARRAY[gender]), matching_gender_bits(seeks),
        to_char(born, 'YYYYMMDD')::integer, age_min, age_max, coalesce(max_km, 30000), matching_hour(active),
        matching_hour(active - interval '50 days')
    FROM bench_people ORDER BY i
"""
_INSERTS = (
    """
    INSERT INTO users_user (id, password, is_superuser, telegram_id, language, source, consent_version, last_active_at,
        date_joined, is_staff, is_active, has_telegram_premium)
    SELECT user_id, '', false, i + 1, 'en', '', '1', active, active - interval '60 days', false, true, false
    FROM bench_people
    """,
    """
    INSERT INTO users_profile (user_id, name, birth_date, gender, cell, area, place, country, interests, bio,
        published_at)
    SELECT user_id, 'Member ' || i, born, gender, cell, area, 'City ' || city, '', interests,
        repeat('I like long walks and short queues. ', 5), active - interval '50 days'
    FROM bench_people
    """,
    """
    INSERT INTO users_preferences (user_id, genders, age_min, age_max, max_distance_km)
    SELECT user_id, seeks, age_min, age_max, max_km FROM bench_people
    """,
)


def _city_sizes(world: World) -> NDArray[np.int64]:
    sizes = (world.largest_city / np.arange(1, world.members) ** CITY_EXPONENT).astype(int)
    sizes = sizes[sizes >= SMALLEST_CITY]
    return sizes[np.cumsum(sizes) <= world.members * CITY_SHARE]


def _places(dice: np.random.Generator, world: World):
    """City of each (-1: in the country), and where they are. Members of one city are neighbours, the largest first."""
    sizes = _city_sizes(world)
    rural = world.members - int(sizes.sum())
    city = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(rural, -1)])
    centre_latitude, centre_longitude = dice.uniform(*LATITUDES, len(sizes)), dice.uniform(*LONGITUDES, len(sizes))
    spread_km = np.maximum(12 * np.sqrt(sizes / LARGEST_CITY), 1.5)
    latitude = np.concatenate([np.repeat(centre_latitude, sizes), dice.uniform(*LATITUDES, rural)])
    longitude = np.concatenate([np.repeat(centre_longitude, sizes), dice.uniform(*LONGITUDES, rural)])
    spread = np.concatenate([np.repeat(spread_km, sizes), np.zeros(rural)]) / KM_PER_DEGREE
    latitude = latitude + dice.normal(0, 1, world.members) * spread
    longitude = longitude + dice.normal(0, 1, world.members) * spread / np.cos(np.radians(latitude))
    return city, latitude, longitude


def _rows(dice: np.random.Generator, city, latitude, longitude) -> Iterator[Sequence[object]]:
    """Women stand at even places, men at odd ones; one in fifty is non-binary."""
    count, today = len(city), date.today()  # noqa: DTZ011
    kinds = [array.tolist() for array in np.unique(city, return_index=True, return_counts=True)]
    starts, sizes = dict(zip(kinds[0], kinds[1], strict=True)), dict(zip(kinds[0], kinds[2], strict=True))
    ages = np.clip(18 + dice.gamma(2.2, 5.5, count), 18, 90)
    older, younger = dice.integers(2, 15, count), dice.integers(2, 15, count)
    distance = dice.choice([10, 25, 50, 100, 250, 0], count, p=[0.08, 0.2, 0.42, 0.2, 0.05, 0.05])
    inactive_days, other = dice.exponential(9, count), dice.random(count)
    names = sorted(INTERESTS)
    interests = dice.integers(0, len(names), (count, 5)).tolist()
    city, latitude, longitude = city.tolist(), latitude.tolist(), longitude.tolist()
    ages, inactive_days, other = ages.tolist(), inactive_days.tolist(), other.tolist()
    for i in range(count):
        gender = "nonbinary" if other[i] < 0.02 else ("woman", "man")[i % 2]
        seeks = ["woman", "man", "nonbinary"] if other[i] < 0.07 else [("man", "woman")[i % 2]]
        cell = h3.latlng_to_cell(latitude[i], longitude[i], 7)
        place = h3.cell_to_latlng(cell)
        age = int(ages[i])
        yield (
            i,
            city[i],
            starts[city[i]],
            sizes[city[i]],
            gender,
            seeks,
            today - timedelta(days=int(ages[i] * 365.25) + 2),
            cell,
            h3.cell_to_parent(cell, 4),
            *place,
            max(18, age - int(younger[i])),
            min(99, age + int(older[i])),
            int(distance[i]) or None,
            f"{today - timedelta(days=inactive_days[i])} {i % 24}:00",
            [names[place] for place in interests[i]],
        )


# ---- Swipes


def _add_swipes(cursor, world: World, swipes: int, blocks: int) -> None:
    indexes = _indexes_of(cursor, "matching_swipe")
    for name, _definition in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute("ALTER TABLE matching_swipe DROP CONSTRAINT swipe_once")
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("SELECT setseed(0.42)")
    heavy = sum(HEAVY_SWIPES) // 2 * world.heavy
    with step(f"{swipes:,} swipes"):
        cursor.execute("SET work_mem = '512MB'")
        cursor.execute(_HEAVY_SWIPES, [*HEAVY_SWIPES, world.heavy, world.largest_city])
        cursor.execute(_SWIPES, [max(1, (swipes - heavy) / world.members), world.heavy * 2])
        cursor.execute(_BLOCKS, [blocks])
    cursor.execute("SET session_replication_role = DEFAULT")
    with step("their indexes"):
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("ALTER TABLE matching_swipe ADD CONSTRAINT swipe_once UNIQUE (swiper_id, target_id)")
        for _name, definition in indexes:
            cursor.execute(definition)


def _indexes_of(cursor, table: str) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
        [table, table],
    )
    return list(cursor.fetchall())


# Heavy swipers are women of the largest city (even places, the first of them), who have gone through the men around
# them from the most recently active on: those whom a deck would show next.
_HEAVY_SWIPES = """
INSERT INTO matching_swipe (id, swiper_id, target_id, liked, note, created_at)
SELECT gen_random_uuid(), swiper.user_id, target.user_id, random() < 0.3, '', now() - turn * interval '1 minute'
FROM (
    SELECT *, %s + i * 997::bigint %% (%s - 10000) AS wanted FROM bench_people WHERE i %% 2 = 0 ORDER BY i LIMIT %s
) AS swiper
CROSS JOIN LATERAL (
    SELECT user_id, row_number() OVER (ORDER BY active DESC) AS turn FROM bench_people WHERE i < %s AND i %% 2 = 1
) target
WHERE turn <= wanted
"""

# The others swipe in their own city, or in the country; few a lot, most a little. The pairs are drawn before anything
# is joined to them: a join on random() would compare everybody with everybody.
_SWIPES = """
INSERT INTO matching_swipe (id, swiper_id, target_id, liked, note, created_at)
SELECT gen_random_uuid(), swiper.user_id, target.user_id, random() < 0.35, '',
    swiper.active - random() * interval '40 days'
FROM (
    SELECT DISTINCT i, city_start + (floor(random() * city_size / 2)::int * 2 + (i + 1) %% 2) %% city_size AS target_i
    FROM (
        SELECT *, least(city_size / 2, ceil(-ln(1 - random()) * %s))::int AS wanted
        FROM bench_people WHERE i > %s OFFSET 0
    ) AS swiper
    CROSS JOIN LATERAL generate_series(1, wanted)
) AS pair
JOIN bench_people AS swiper ON swiper.i = pair.i
JOIN bench_people AS target ON target.i = pair.target_i
WHERE target.i <> swiper.i
"""

_BLOCKS = """
INSERT INTO matching_block (id, blocker_id, blocked_id, created_at)
SELECT gen_random_uuid(), one.user_id, other.user_id, now()
FROM (SELECT * FROM bench_people ORDER BY random() LIMIT %s) one
JOIN bench_people AS other ON other.i = one.city_start + (one.i * 7919::bigint %% one.city_size)
WHERE other.i <> one.i
ON CONFLICT DO NOTHING
"""
