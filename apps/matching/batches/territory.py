"""How the decks of one territory are built: everybody's best, the market's prices, decks, and their rows.

Safe to run twice, and to break off: what is written replaces what was there, member by member.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from apps import flags
from apps.matching.batches.decks import CARD
from apps.matching.batches.reading import Between, Territory, read_between, read_territory
from apps.matching.engine import market
from apps.matching.engine.composition import Candidates, Mix, compose
from apps.matching.engine.eligibility import Bools, Ints, reach
from apps.matching.engine.features import Pairs
from apps.matching.engine.market import Float32s, Int32s
from apps.matching.engine.pairing import Pool, best_candidates, pool
from apps.matching.engine.ranker import Model, likelihoods
from apps.matching.learning.ranking import LIKES_FIRST, MARKET_STRENGTH, weighed_model
from apps.matching.learning.standings import write_of

CARDS, BEST, BEST_NEW, MOST_LIKERS = 60, 80, 8, 40
NEW_DAYS = 3.0
STEP = 2000  # members at a time
LOOKING = 0.9  # the share of the work that is done before writing begins
MIX = Mix(size=CARDS)
Renew = Callable[[int], None]


@dataclass(frozen=True)
class Chosen:
    """Rows of candidates, as in a CSR matrix: of each viewer in turn, positions in ascending order."""

    indptr: Ints
    candidate: Ints
    value: Float32s
    likes_viewer: Bools


def build(cell: int, renew: Renew) -> int:
    """Decks and prices of a territory's listed members, as of now; how many members. `renew` is called at each step."""
    model = weighed_model(None)
    territory = read_territory(cell, model.population)
    if territory is None:
        return 0
    renew(0)
    viewers = _viewers(territory)
    new = np.flatnonzero(territory.listed_days <= NEW_DAYS)
    everybody = pool(territory.members, territory.where, model)
    newcomers = pool(territory.members, territory.where, model, among=new)
    parts = []
    for start in range(0, len(viewers), STEP):
        parts.append(_best_of(territory, model, everybody, newcomers, viewers[start : start + STEP]))
        renew(int(LOOKING * min(start + STEP, len(viewers))))
    chosen = _joined(parts)
    price = _prices(territory, viewers, chosen)
    renew(int(LOOKING * len(viewers)))
    _write_prices(territory, price)
    # across the border their own territory's market knows better
    elsewhere = ~territory.is_own & ~np.isnan(territory.price)
    price[elsewhere] = territory.price[elsewhere]
    strength = np.float32(flags.value("matching.market_strength", None, MARKET_STRENGTH))
    for start in range(0, len(viewers), STEP):
        renew(int((LOOKING + (1 - LOOKING) * start / len(viewers)) * len(viewers)))
        _write_decks(territory, viewers, _some(chosen, start, start + STEP), strength * price, start, model.version)
    return len(viewers)


def _viewers(territory: Territory) -> Ints:
    """Positions of the territory's own members, those of a cell together."""
    own = np.flatnonzero(territory.is_own)
    return own[np.argsort(territory.where.cell[own], kind="stable")]


def _best_of(territory: Territory, model: Model, everybody: Pool, newcomers: Pool, viewers: Ints) -> Chosen:
    """The best for each viewer, some of the newest, and those whose like waits for them."""
    between = read_between(territory, viewers)
    best = best_candidates(everybody, viewers=viewers, hidden=between.hidden, best=BEST)
    fresh = best_candidates(newcomers, viewers=viewers, hidden=between.hidden, best=BEST_NEW)
    liked = _likers(territory, model, viewers, between)
    turns = np.arange(len(viewers))
    owner = np.concatenate([*(np.repeat(turns, np.diff(rows.indptr)) for rows in (best, fresh)), liked.owner])
    candidate = np.concatenate([best.candidate, fresh.candidate, liked.candidate]).astype(np.int64)
    value = np.concatenate([best.value, fresh.value, liked.value])
    # new faces may be among the best as well
    _, once = np.unique(owner * len(territory) + candidate, return_index=True)
    ends = np.searchsorted(owner[once], np.arange(len(viewers) + 1)).astype(np.int64)
    likes = np.arange(len(owner)) >= len(owner) - len(liked.owner)
    return Chosen(ends, candidate[once], value[once], likes[once])


@dataclass(frozen=True)
class _Liked:
    owner: Ints  # by place among the viewers
    candidate: Ints
    value: Float32s


def _likers(territory: Territory, model: Model, viewers: Ints, between: Between) -> _Liked:
    """Those in reach whose like waits, the best of each viewer; their own like is certain."""
    one, other = viewers[between.viewer], between.liker
    people = territory.members.people
    fits = reach(people.where(one), people.where(other)) if len(one) else np.zeros(0, dtype=bool)
    owner, one, other = between.viewer[fits], one[fits], other[fits]
    pairs = Pairs(one, other, np.ones(len(one), dtype=bool), np.zeros(len(one), dtype=np.int64))
    value = likelihoods(model, territory.members, pairs).score(pairs.likes_giver)
    order = np.lexsort((-value, owner))
    owner, other, value = owner[order], other[order], value[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kept = rank < MOST_LIKERS
    return _Liked(owner[kept], other[kept], value[kept])


def _joined(parts: list[Chosen]) -> Chosen:
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    return Chosen(
        np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]),
        np.concatenate([part.candidate for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.likes_viewer for part in parts]),
    )


def _some(chosen: Chosen, start: int, end: int) -> Chosen:
    """Those of these turns."""
    ends = chosen.indptr[start : end + 1]
    own = slice(ends[0], ends[-1])
    return Chosen(
        ends - ends[0],
        chosen.candidate[own],
        chosen.value[own],
        chosen.likes_viewer[own],
    )


def _prices(territory: Territory, viewers: Ints, chosen: Chosen) -> Float32s:
    """By position: what everybody's attention asks of whoever looks at them."""
    lengths = np.zeros(len(territory), dtype=np.int64)
    lengths[viewers] = np.diff(chosen.indptr)
    # rows in the order of positions
    turn = np.full(len(territory), 0)
    turn[viewers] = np.arange(len(viewers))
    indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    source = np.repeat(chosen.indptr[:-1][turn] - indptr[:-1], lengths) + np.arange(indptr[-1])
    graph = market.union(indptr, chosen.candidate[source], chosen.value[source])
    cleared = market.clear(graph, np.ones(len(territory), dtype=np.float32))
    seen = market.overexposure(territory.swipes_received, territory.listed_days, territory.members.people.gender)
    waiting = market.is_waiting(territory.members.history.likes_given, territory.has_match.astype(np.int64))
    return market.asked(cleared, seen, waiting)


@transaction.atomic
def _write_prices(territory: Territory, price: Float32s) -> None:
    """In the order of numbers, so that two who write the same members wait and do not lock each other out."""
    own = territory.is_own
    with connection.cursor() as cursor:
        cursor.execute(_PRICES, {"numbers": territory.numbers[own].tolist(), "values": price[own].tolist()})


@transaction.atomic
def _write_decks(
    territory: Territory, viewers: Ints, chosen: Chosen, price: Float32s, start: int, version: str
) -> None:
    """Of the viewers from `start` on whose candidates these are."""
    who = viewers[start : start + len(chosen.indptr) - 1]
    numbers = territory.numbers[who]
    rows = Candidates(
        chosen.indptr,
        score=chosen.value - price[chosen.candidate],
        likes_viewer=chosen.likes_viewer,
        is_new=territory.listed_days[chosen.candidate] <= NEW_DAYS,
        kind=_kinds(territory)[chosen.candidate],
    )
    mix = replace(MIX, likes=flags.value("matching.likes_first", None, LIKES_FIRST))
    decks = compose(rows, mix, viewer=numbers, seed=timezone.localdate().toordinal())
    cards = np.empty(len(decks.position), dtype=CARD)
    cards["source"], cards["propensity"] = decks.source, decks.propensity
    cards["score"] = rows.score[decks.position]
    shown = territory.numbers[chosen.candidate[decks.position]]
    ends = list(pairwise(decks.indptr.tolist()))
    parameters = {
        "numbers": numbers.tolist(),
        "candidates": ["{" + ",".join(map(str, shown[one:end].tolist())) + "}" for one, end in ends],
        "cards": [cards[one:end].tobytes() for one, end in ends],
        "version": version,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_DECKS, parameters)


def _kinds(territory: Territory) -> Int32s:
    """Who is alike, for variety: of one gender and five years."""
    people = territory.members.people
    return (people.age // 5 * 8 + people.gender).astype(np.int32)


_PRICES = write_of("price", "float8")
_DECKS = """
    INSERT INTO matching_deck (user_id, numbers, cards, model_version, built_at)
    SELECT member.id, built.candidates::integer[], built.cards, %(version)s, %(now)s
    FROM unnest(%(numbers)s::integer[], %(candidates)s::text[], %(cards)s::bytea[])
        AS built (number, candidates, cards)
    JOIN matching_candidate AS candidate USING (number)
    JOIN users_user AS member ON member.id = candidate.user_id
    ORDER BY number
    FOR KEY SHARE OF member
    ON CONFLICT (user_id) DO UPDATE SET
        numbers = excluded.numbers, cards = excluded.cards,
        model_version = excluded.model_version, built_at = excluded.built_at
"""
