"""Cards on demand: the ten best of a deck against three searches in plain SQL, in a world of a million members.

    python benchmarks/retrieval.py --scale 0.1

The rivals get a table of their own that has everything in one row, with the indexes that suit them, and return ids
alone. Each viewer is asked for by all in turns, so that a slower moment of the machine hits all of them. The exact
answer, for recall and score, is worked out in memory over everybody. The world is kept in var/bench-data.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")
os.environ.setdefault("MEETSMATCH_VAR", "var/bench-data")

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from h3.api import basic_int as h3  # noqa: E402

from apps.flags.services import change  # noqa: E402
from apps.matching import showable  # noqa: E402
from apps.matching.batches.decks import CARD  # noqa: E402
from apps.matching.batches.models import Deck  # noqa: E402
from apps.matching.batches.territory import CARDS  # noqa: E402
from apps.matching.candidates import people, read  # noqa: E402
from apps.matching.engine.eligibility import distance_km, reach  # noqa: E402
from apps.matching.engine.scoring import ranking, score  # noqa: E402
from apps.matching.histories import contains, history_of  # noqa: E402
from apps.matching.models import Candidate, Swipe  # noqa: E402
from apps.matching.selectors import best_of_deck, next_card  # noqa: E402
from apps.users.catalogue import INTERESTS  # noqa: E402
from apps.users.models import User  # noqa: E402
from benchmarks.support.world import KM_PER_DEGREE, World, make_world, step  # noqa: E402

TOP, EXACT_SHARE = 10, 4
GROUPS = {
    "random": (400, "true"),
    "largest city": (200, "city = 0 AND i >= {heavy} * 2"),
    "rural": (200, "city = -1"),
    "heavy swipers": (50, "i < {heavy} * 2 AND i % 2 = 0"),
}
T = TypeVar("T")
# A box has to end somewhere for those who look anywhere.
WIDEST_KM = 500

# What all rivals leave out: whom the viewer has swiped, and blocks.
_UNSEEN = """
    other.user_id <> %(me)s
    AND NOT EXISTS (SELECT FROM matching_swipe WHERE swiper_id = %(me)s AND target_id = other.user_id)
    AND NOT EXISTS (SELECT FROM matching_block WHERE blocker_id = %(me)s AND blocked_id = other.user_id)
    AND NOT EXISTS (SELECT FROM matching_block WHERE blocker_id = other.user_id AND blocked_id = %(me)s)
"""
_I_WANT = "other.gender = ANY(%(seeks)s) AND other.born BETWEEN %(born_from)s AND %(born_to)s"
_WANT_ME = """
    %(gender)s = ANY(other.seeks) AND %(age)s BETWEEN other.age_min AND other.age_max
    AND (other.max_km IS NULL OR {km} <= other.max_km)
"""
_KM = """
    2 * 6371 * asin(sqrt(sin(radians(other.latitude - %(latitude)s) / 2) ^ 2 + cos(radians(%(latitude)s))
        * cos(radians(other.latitude)) * sin(radians(other.longitude - %(longitude)s) / 2) ^ 2))
"""
_BOX = """
    other.latitude BETWEEN %(latitude)s - %(high)s AND %(latitude)s + %(high)s
    AND other.longitude BETWEEN %(longitude)s - %(wide)s AND %(longitude)s + %(wide)s
"""
RIVALS = {
    "random in the city": f"""
        SELECT other.user_id FROM bench_people AS other
        WHERE city = %(city)s AND {_I_WANT} AND {_UNSEEN} ORDER BY random() LIMIT {TOP}
    """,  # noqa: S608 constants
    "haversine in a box": f"""
        SELECT other.user_id FROM bench_people AS other
        WHERE {_BOX} AND {_I_WANT} AND {_KM} <= %(km)s AND {_UNSEEN} ORDER BY {_KM}, active DESC LIMIT {TOP}
    """,  # noqa: S608 constants
    # In the manner of Duolicious: a cheap first pass, the best of it by an order of one's own, then both ways.
    "two-way search": f"""
        WITH first_pass AS MATERIALIZED (
            SELECT i FROM bench_people AS other
            WHERE other.gender = ANY(%(seeks)s) AND {_BOX} AND {_KM} <= %(km)s LIMIT 30000
        ), second_pass AS MATERIALIZED (
            SELECT i FROM bench_people JOIN first_pass USING (i) ORDER BY active DESC LIMIT 10000
        )
        SELECT other.user_id FROM bench_people AS other JOIN second_pass USING (i)
        WHERE {_I_WANT} AND {_WANT_ME.format(km=_KM)} AND {_UNSEEN} ORDER BY active DESC LIMIT {TOP}
    """,  # noqa: S608 constants
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: a million members, 20 million swipes")
    parser.add_argument("--viewers", type=float, default=1.0, help="1.0: 850 viewers")
    arguments = parser.parse_args()
    world = make_world(arguments.scale)
    with step("the rivals' indexes"), connection.cursor() as cursor:
        cursor.execute("CREATE INDEX IF NOT EXISTS bench_city ON bench_people (city, gender, born)")
        cursor.execute("CREATE INDEX IF NOT EXISTS bench_box ON bench_people (gender, latitude, longitude)")
        cursor.execute("ANALYZE bench_people")
    everybody = Everybody()
    figures: dict[str, float] = {"members": world.members, "everybody as columns (s)": everybody.read_secs}
    ratios: dict[str, float] = {}
    for group, viewers in viewers_by_group(world, arguments.viewers):
        with step(f"{group}: {len(viewers)} viewers"):
            warm_up(viewers)
            measure(group, viewers, everybody, figures, ratios)
    figures |= write_costs(world)
    report(figures, ratios)


def viewers_by_group(world: World, share: float) -> Iterator[tuple[str, list[User]]]:
    for group, (count, where) in GROUPS.items():
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT user_id FROM bench_people WHERE {where.format(heavy=world.heavy)}"  # noqa: S608 constants
                f" ORDER BY md5(i::text) LIMIT {max(5, int(count * share))}"
            )
            ids = [row[0] for row in cursor.fetchall()]
        yield group, list(User.objects.select_related("profile", "preferences").filter(pk__in=ids))


# ---- Time


def warm_up(viewers: list[User]) -> None:
    """A connection that has served some already has planned our queries (PostgreSQL takes five times to settle)."""
    for viewer in viewers[: min(8, len(viewers) // 2)]:
        best_of_deck(viewer, TOP)
        for query in RIVALS.values():
            _ask(query, viewer)


def measure(
    group: str,
    viewers: list[User],
    everybody: "Everybody",
    figures: dict[str, float],
    ratios: dict[str, float],
) -> None:
    times: dict[str, list[float]] = {name: [] for name in ("bitmaps made", "deck", "card", *RIVALS)}
    recalls, shares, fitting = [], [], []
    for place, viewer in enumerate(viewers):
        times["bitmaps made"].append(_ms(lambda: history_of(viewer))[0])  # noqa: B023 called at once
        taken, ours = _ms(lambda: best_of_deck(viewer, TOP))  # noqa: B023
        times["deck"].append(taken)
        times["card"].append(_ms(lambda: next_card(viewer))[0])  # noqa: B023
        for name, query in RIVALS.items():
            times[name].append(_ms(lambda: _ask(query, viewer))[0])  # noqa: B023
        if place % EXACT_SHARE == 0:
            best, share, count = everybody.compare(viewer, {each.row.user_id for each in ours})
            recalls += best
            shares += share
            fitting.append(count)
    times["from a built deck"], times["card from a built deck"] = from_built_decks(viewers)
    for name, taken_ms in times.items():
        for percentile in (50, 95, 99):
            figures[f"{group}: {name} p{percentile} (ms)"] = float(np.percentile(taken_ms, percentile))
    figures[f"{group}: recall of the best {TOP}"] = float(np.mean(recalls))
    figures[f"{group}: share of the best score"] = float(np.mean(shares))
    figures[f"{group}: in reach, median"] = float(np.median(fitting))
    fastest = min(figures[f"{group}: {name} p95 (ms)"] for name in RIVALS)
    ratios[f"{group}: times as fast as the fastest rival, p95"] = fastest / figures[f"{group}: deck p95 (ms)"]
    built = fastest / figures[f"{group}: from a built deck p95 (ms)"]
    ratios[f"{group}: from a built deck, times as fast as the fastest rival, p95"] = built


def from_built_decks(viewers: list[User]) -> tuple[list[float], list[float]]:
    """The best of a built deck, and its whole card, in ms: a third of it was swiped since, as on an evening."""
    made_here: list[UUID] = []
    for viewer in viewers:
        ids = [ranked.row.user_id for ranked in best_of_deck(viewer, CARDS)]
        numbers = dict(Candidate.objects.filter(user__in=ids).values_list("user", "number"))
        deck = Deck(user=viewer, numbers=[numbers[id_] for id_ in ids], cards=np.zeros(len(ids), CARD).tobytes())
        deck.model_version, deck.built_at = "start", timezone.now()
        deck.save()
        swiped = [Swipe(swiper=viewer, target_id=id_, liked=False) for id_ in ids[: len(ids) // 3]]
        made_here += [swipe.pk for swipe in Swipe.objects.bulk_create(swiped)]
    change("matching.algorithm", by=None, reason="benchmark", everyone=True, value="market")
    best, cards = [], []
    for viewer in viewers[: min(8, len(viewers) // 2)]:
        best_of_deck(viewer, 1)
    for viewer in viewers:
        best.append(_ms(lambda: best_of_deck(viewer, 1))[0])  # noqa: B023 called at once
        cards.append(_ms(lambda: next_card(viewer))[0])  # noqa: B023
    change("matching.algorithm", by=None, reason="benchmark", everyone=True, value="heuristic")
    Swipe.objects.filter(pk__in=made_here).delete()
    Deck.objects.filter(user__in=viewers).delete()
    return best, cards


def _ms(act: Callable[[], T]) -> tuple[float, T]:
    begun = time.perf_counter()
    answer = act()
    return (time.perf_counter() - begun) * 1000, answer


def _ask(query: str, viewer: User) -> list[tuple[UUID]]:
    profile, preferences = viewer.profile, viewer.preferences
    today, km = timezone.localdate(), min(preferences.max_distance_km or WIDEST_KM, WIDEST_KM)
    latitude, longitude = h3.cell_to_latlng(profile.cell)
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "me": viewer.pk,
                "city": int(profile.place.removeprefix("City ")),
                "gender": profile.gender,
                "seeks": preferences.genders,
                "age": profile.age,
                "born_from": today.replace(year=today.year - preferences.age_max - 1),
                "born_to": today.replace(year=today.year - preferences.age_min),
                "latitude": latitude,
                "longitude": longitude,
                "km": km,
                "high": km / KM_PER_DEGREE,
                "wide": km / KM_PER_DEGREE / np.cos(np.radians(latitude)).item(),
            },
        )
        rows: list[tuple[UUID]] = cursor.fetchall()
    return rows


# ---- The exact answer


class Everybody:
    """All members in memory: the ten best of a deck by the score itself, over all who are in reach."""

    def __init__(self) -> None:
        with step("everybody as columns"):
            taken, self.rows = _ms(lambda: read("SELECT packed FROM matching_candidate WHERE listed", {}))
        self.read_secs = taken / 1000
        self.people, self.numbers = people(self.rows), self.rows["number"].astype(np.int64)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, candidate.user_id, interests, extract(epoch FROM last_active_at)::float8"
                " FROM matching_candidate AS candidate JOIN users_profile USING (user_id)"
                " JOIN users_user ON id = candidate.user_id"
            )
            bits = {slug: 1 << place for place, slug in enumerate(INTERESTS)}
            known = {row[0]: (row[1], sum(bits[slug] for slug in set(row[2])), row[3]) for row in cursor}
        self.bits = bits
        self.ids = [known[number][0] for number in self.numbers.tolist()]
        self.interests = np.array([known[number][1] for number in self.numbers.tolist()], dtype=np.int64)
        self.active_secs = np.array([known[number][2] for number in self.numbers.tolist()])

    def compare(self, viewer: User, shown: set[UUID]) -> tuple[list[float], list[float], int]:
        """Share of the best ten that were shown and of their score, both empty with nobody in reach; how many are."""
        history, me = history_of(viewer), showable.people([showable.own(viewer)])
        places = np.flatnonzero(reach(me, self.people) & ~contains(history.hidden, self.numbers))
        mine = sum(self.bits[slug] for slug in set(viewer.profile.interests))
        scores = score(
            shared_interests=np.bitwise_count(self.interests[places] & mine).astype(np.int64),
            distance_km=distance_km(me, self.people)[places],
            inactive_days=(time.time() - self.active_secs[places]) / 86400,
            likes_viewer=contains(history.liked_by, self.numbers[places]),
        )
        best = ranking(scores)[:TOP]
        got = [place for place in range(len(places)) if self.ids[places[place]] in shown]
        if not len(best):
            assert not got
            return [], [], 0
        assert len(got) == len(best) == len(shown), "somebody was shown who may not be, or not all who may"
        recall = len({*best.tolist()} & {*got}) / len(best)
        return [recall], [float(scores[got].sum() / scores[best].sum())], len(places)


# ---- What the triggers cost who writes


WRITES = {
    "activity": "UPDATE users_user SET last_active_at = last_active_at + interval '1 hour' WHERE id = %s",
    "preferences": "UPDATE users_preferences SET age_max = 40 + (age_max + 1) %% 50, age_min = 18 WHERE user_id = %s",
}


def write_costs(world: World) -> dict[str, float]:
    """Updates of one member a second, with the triggers and without; all are rolled back."""
    found: dict[str, float] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM bench_people ORDER BY md5(i::text) LIMIT 2000")
        ids = [row[0] for row in cursor.fetchall()]
        for name, query in WRITES.items():
            for role, kind in (("replica", "without"), ("origin", "with")):
                cursor.execute("BEGIN")
                cursor.execute(f"SET LOCAL session_replication_role = {role}")
                taken, _ = _ms(lambda: [cursor.execute(query, [each]) for each in ids])  # noqa: B023
                cursor.execute("ROLLBACK")
                found[f"{name}, {kind} triggers (updates/s)"] = len(ids) / taken * 1000
    return found


def report(figures: dict[str, float], ratios: dict[str, float]) -> None:
    kinds = ("bitmaps made", "deck", "card", "from a built deck", "card from a built deck", *RIVALS)
    for group in GROUPS:
        print(f"\n{group:30} {'p50':>9} {'p95':>9} {'p99':>9}  ms")  # noqa: T201 a table for people
        for kind in kinds:
            row = [figures[f"{group}: {kind} p{each} (ms)"] for each in (50, 95, 99)]
            print(f"  {kind:28} {row[0]:>9.1f} {row[1]:>9.1f} {row[2]:>9.1f}")  # noqa: T201
        recall, share = figures[f"{group}: recall of the best {TOP}"], figures[f"{group}: share of the best score"]
        ratio = ratios[f"{group}: times as fast as the fastest rival, p95"]
        built = ratios[f"{group}: from a built deck, times as fast as the fastest rival, p95"]
        print(f"  from a built deck {built:.1f} × the fastest rival at p95")  # noqa: T201
        print(f"  recall {recall:.2f}, {share:.1%} of the best score; {ratio:.1f} × the fastest rival at p95")  # noqa: T201
    print()  # noqa: T201
    for name in [name for name in figures if name.endswith("/s)")]:
        print(f"{name:50} {figures[name]:>10.0f}")  # noqa: T201
    path = ROOT / "var" / "bench" / "retrieval.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()}
    written = {
        "figures": {name: round(figure, 3) for name, figure in figures.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "machine": machine,
    }
    path.write_text(json.dumps(written, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
