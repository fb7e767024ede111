"""The next cards of a deck that was built ahead, as long as it has any."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from apps.core.prepared import ask
from apps.matching.learning.models import Source
from apps.users.models import User

# What `Deck.cards` holds, one for each card.
CARD: Final = np.dtype([("source", "u1"), ("propensity", "<f4"), ("score", "<f4")])
NEW_LIKERS = 20


@dataclass(frozen=True)
class Built:
    """One candidate of a built deck; `place` is that in the deck as it was built."""

    candidate_id: UUID
    place: int
    source: Source
    propensity: float
    score: float


@dataclass(frozen=True)
class Ahead:
    """The next of a deck whom the viewer has not swiped, and who has come to like them since it was built."""

    cards: list[Built]
    new_likers: list[UUID]  # the newest first

    def in_order(self, *, likes_first: bool, likelihood: float) -> list[Built]:
        """All of them. likelihood: of the new likers standing where they do, in front or behind."""
        if not self.new_likers:
            return self.cards
        likes = [Built(each, place, Source.LIKES_YOU, likelihood, 0.0) for place, each in enumerate(self.new_likers)]
        cards = [replace(card, propensity=card.propensity * likelihood) for card in self.cards]
        return [*likes, *cards] if likes_first else [*cards, *likes]


def ahead_of(viewer: User, *, most: int) -> Ahead | None:
    """None where no deck was built. One query. Blocks, states and preferences are for `showable` and reach to ask."""
    row = next(iter(ask(_AHEAD, {"viewer": viewer.pk, "most": most, "likers": NEW_LIKERS})), None)
    if row is None:
        return None
    places, ids, cards, likers = row
    known = np.frombuffer(cards, dtype=CARD)
    return Ahead([_card(id_, place, known) for id_, place in zip(ids, places, strict=True)], likers)


def _card(candidate_id: UUID, place: int, known: NDArray[np.void]) -> Built:
    """`place` counts from 1, as PostgreSQL does."""
    source, propensity, score = known[place - 1].item()
    return Built(candidate_id, place - 1, Source(source), propensity, score)


_AHEAD = """
    SELECT next.places, next.ids, deck.cards, ARRAY(
        SELECT swipe.swiper_id FROM matching_swipe AS swipe
        WHERE swipe.target_id = %(viewer)s AND swipe.liked AND swipe.created_at > deck.built_at
            AND NOT EXISTS (SELECT FROM matching_swipe WHERE swiper_id = %(viewer)s AND target_id = swipe.swiper_id)
        ORDER BY swipe.created_at DESC LIMIT %(likers)s
    )
    FROM matching_deck AS deck
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(place), '{}') AS places, coalesce(array_agg(user_id), '{}') AS ids
        FROM (
            SELECT card.place, candidate.user_id
            FROM unnest(deck.numbers) WITH ORDINALITY AS card (number, place)
            JOIN matching_candidate AS candidate ON candidate.number = card.number
            WHERE candidate.listed AND NOT EXISTS (
                SELECT FROM matching_swipe WHERE swiper_id = %(viewer)s AND target_id = candidate.user_id
            )
            ORDER BY card.place LIMIT %(most)s
        ) AS unseen
    ) AS next
    WHERE deck.user_id = %(viewer)s
"""
