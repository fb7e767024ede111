"""From scores to the order of decks: whom likes put first, new faces, some chance, and no ten alike in a row.

Pure numpy and numba, for many decks at once. Every card says why it stands there and how likely that was, so that what
is learned from it can be corrected for being shown (inverse propensities).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apps.matching.engine.market import Float32s, Int32s, Int64s

Bools = NDArray[np.bool_]
Int8s = NDArray[np.int8]
Uint64s = NDArray[np.uint64]


class Source(IntEnum):
    """Why a card stands where it does."""

    RANKED = 0
    LIKES_YOU = 1
    NEW_FACE = 2
    EXPLORE = 3


_RANKED, _LIKES_YOU, _NEW_FACE, _EXPLORE = (int(source) for source in Source)
_NOTHING = -1
_WHOLE = 1 - 1e-9  # a card is due; shares of 0.1 add up to a little less than 1


@dataclass(frozen=True)
class Candidates:
    """Rows of candidates, one a deck: those of deck `d` are at `indptr[d]:indptr[d + 1]`, each once, in any order.

    Who was swiped on, blocked or shown within the present cycle is not among them, nor who has passed on the viewer:
    nothing can come of that card.
    """

    indptr: Int64s
    score: Float32s
    likes_viewer: Bools
    is_new: Bools
    kind: Int32s  # 0 or more; candidates of one kind are alike: a cluster of interests, a band of age …


@dataclass(frozen=True)
class Mix:
    """What a deck is made of. The shares are of its cards, 0 to 1."""

    size: int = 100
    likes: float = 1.0  # at 1 those who like the viewer come first, at 0.5 every other card until there are no more
    new_faces: float = 0.1  # at least this much, as long as there are any
    explore: float = 0.05  # of the ranked cards: drawn at random instead
    alike: int = 3  # no more of one kind in a row, unless nobody else is left


@dataclass(frozen=True)
class Decks:
    """Rows of cards in their order, as `Candidates` has them; `position` is the candidate's among those."""

    indptr: Int64s
    position: Int64s
    source: Int8s
    # P of this candidate at this place, given the cards before; 1 where chance has no part
    propensity: Float32s


def compose(candidates: Candidates, mix: Mix, *, viewer: Int64s, seed: int) -> Decks:
    """A deck for each row. The same for a viewer and a seed, whichever other decks are composed beside it.

    viewer: a number by deck that stays the same from batch to batch; it seeds that deck's chance.
    """
    sizes = np.minimum(np.diff(candidates.indptr), mix.size)
    indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])
    decks = Decks(
        indptr,
        position=np.empty(indptr[-1], dtype=np.int64),
        source=np.empty(indptr[-1], dtype=np.int8),
        propensity=np.empty(indptr[-1], dtype=np.float32),
    )
    rows = _Rows(candidates.indptr, candidates.score, candidates.likes_viewer, candidates.is_new, candidates.kind)
    cards = _Cards(indptr, decks.position, decks.source, decks.propensity)
    shares = _Shares(mix.likes, mix.new_faces, mix.explore, mix.alike)
    _compose(rows, cards, shares, viewer.astype(np.uint64), np.uint64(seed))
    return decks


class _Rows(NamedTuple):
    indptr: Int64s
    score: Float32s
    likes_viewer: Bools
    is_new: Bools
    kind: Int32s


class _Cards(NamedTuple):
    indptr: Int64s
    position: Int64s
    source: Int8s
    propensity: Float32s


class _Shares(NamedTuple):
    likes: float
    new_faces: float
    explore: float
    alike: int


@njit(nogil=True)
def _compose(rows: _Rows, cards: _Cards, shares: _Shares, viewer: Uint64s, seed: np.uint64) -> None:
    for deck in range(len(rows.indptr) - 1):
        start, end = rows.indptr[deck], rows.indptr[deck + 1]
        order = start + np.argsort(-rows.score[start:end], kind="mergesort")
        best_first = _Rows(order, rows.score[order], rows.likes_viewer[order], rows.is_new[order], rows.kind[order])
        _fill(
            best_first, cards, cards.indptr[deck], cards.indptr[deck + 1], shares, _mixed(viewer[deck] ^ _mixed(seed))
        )


@njit(nogil=True)
def _fill(row: _Rows, cards: _Cards, start: int, end: int, shares: _Shares, chance: np.uint64) -> None:
    """One deck. The row is sorted, and its `indptr` holds the candidates' positions."""
    free = np.ones(len(row.indptr), dtype=np.bool_)
    likes_left, new_left = np.sum(row.likes_viewer), np.sum(row.is_new)
    likes_due, new_due, in_a_row, last, avoided = 0.0, 0.0, 0, 0, _NOTHING
    for card in range(start, end):
        likes_due = min(likes_due + shares.likes, 1.0) if likes_left else 0.0
        new_due = new_due + shares.new_faces if new_left else 0.0
        source, chosen = _due(row, free, avoided, likes_due > _WHOLE, new_due > _WHOLE)
        propensity = np.float32(1)
        if source == _RANKED and shares.explore > 0:
            draw = _mixed(chance + np.uint64(card - start))
            source, chosen, propensity = _drawn(row.kind, free, avoided, chosen, shares.explore, draw)
        in_a_row = in_a_row + 1 if card > start and row.kind[chosen] == row.kind[last] else 1
        avoided = row.kind[chosen] if in_a_row >= shares.alike else _NOTHING
        free[chosen], last = False, chosen
        likes_left, new_left = likes_left - row.likes_viewer[chosen], new_left - row.is_new[chosen]
        likes_due -= source == _LIKES_YOU
        new_due = max(new_due - row.is_new[chosen], 0.0)
        cards.position[card], cards.source[card], cards.propensity[card] = row.indptr[chosen], source, propensity


@njit(nogil=True)
def _due(row: _Rows, free: Bools, avoided: int, likes_due: bool, new_due: bool) -> tuple[int, int]:
    """Whose turn it is and why: the best new face, else the best who likes the viewer, else the best of all.

    Of the kind to be avoided only when nobody else is left.
    """
    best, liking = _NOTHING, _NOTHING
    for place in range(len(free)):
        if not free[place] or row.kind[place] == avoided:
            continue
        if new_due and row.is_new[place]:
            return _NEW_FACE, place
        if best == _NOTHING:
            best = place
        if likes_due and liking == _NOTHING and row.likes_viewer[place]:
            liking = place
        if not new_due and (liking != _NOTHING or not likes_due):
            break
    if liking != _NOTHING:
        return _LIKES_YOU, liking
    return (_RANKED, best) if best != _NOTHING else _due(row, free, _NOTHING, likes_due, new_due)


@njit(nogil=True)
def _drawn(
    kind: Int32s, free: Bools, avoided: int, best: int, share: float, draw: np.uint64
) -> tuple[int, int, np.float32]:
    """With probability `share` anybody who might stand here, each as likely as the others; else the best."""
    might = 0
    for place in range(len(free)):
        might += free[place] and kind[place] != avoided
    if not might:  # only the kind to be avoided is left
        return _RANKED, best, np.float32(1)
    chance = (draw >> np.uint64(11)) / 2.0**53
    if chance >= share:
        return _RANKED, best, np.float32(1 - share + share / might)
    rank, place = min(int(chance / share * might), might - 1), -1
    while rank >= 0:
        place += 1
        rank -= free[place] and kind[place] != avoided
    return _EXPLORE, place, np.float32(share / might + (1 - share) * (place == best))


@njit(nogil=True)
def _mixed(number: np.uint64) -> np.uint64:
    """SplitMix64's output function (Steele, Lea and Flood 2014): near numbers become unrelated ones."""
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
