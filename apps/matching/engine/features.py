"""What is known about "would the giver like the receiver", as named columns: the same for decks, batches and training.

Pure numpy. A column is about the giver alone, about the receiver alone, about the two in either order (mutual) or in
this one (directed), so that a linear model sums the first two once a member and only the others once a pair. NaN means
unknown and is neutral to a model. What is counted (likes, replies) comes shrunken: see `engine.history`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools, Ints, People, distance_km
from apps.matching.engine.factors import Factors
from apps.matching.engine.history import Column, History, Population

Bits = NDArray[np.uint8]
Columns = dict[str, Column]

NEAR_SCALE_KM, RECENT_SCALE_DAYS = 20.0, 7.0

GIVER = ("baseline", "generosity", "giver.age")
RECEIVER = ("appeal", "activity", "replies", "completeness", "receiver.age")
MUTUAL = ("nearness", "age_gap")
DIRECTED = ("outside_age_range", "likes_giver", "shown_before")
LEARNED = ("affinity",)  # directed as well
FEATURES = (*GIVER, *RECEIVER, *MUTUAL, *DIRECTED, *LEARNED)
# These are followed by the name of an answer (giver, receiver) or of a set (shared).
OPEN_ENDED = ("giver.", "receiver.", "shared.")

_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Members:
    """Columns of equal length, one entry a member, as they were when the pairs met. NaN: unknown."""

    people: People
    history: History
    inactive_days: Column
    completeness: Column  # share of the optional parts of the profile that are filled, 0 to 1
    sets: Mapping[str, Bits] = field(default_factory=dict)  # interests, languages: rows packed by `Population.pack`
    answers: Mapping[str, Column] = field(default_factory=dict)  # what else members say about themselves, as numbers
    factors: Factors | None = None  # None: nothing was learned yet

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True)
class Pairs:
    """Who might like whom: positions among the members, and what lies between the two already."""

    giver: Ints
    receiver: Ints
    likes_giver: Bools  # the receiver has liked the giver, who has not answered yet
    shown_before: Ints  # how often the giver saw the receiver's card without a swipe

    @classmethod
    def of(cls, giver: Ints, receiver: Ints) -> "Pairs":
        """Pairs between whom nothing has happened yet."""
        return cls(giver, receiver, np.zeros(len(giver), dtype=bool), np.zeros(len(giver), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.giver)

    def reversed(self) -> "Pairs":
        """The other direction as a deck asks for it: its viewer has not swiped yet, so nothing is pending there."""
        return Pairs.of(self.receiver, self.giver)


def is_known(name: str) -> bool:
    """Is this a name of a column that `features` can answer for?"""
    return name in FEATURES or name.startswith(OPEN_ENDED)


def features(members: Members, pairs: Pairs, population: Population) -> Columns:
    """All columns, an entry a pair. For training, logs and explanations; scores come cheaper from `engine.ranker`."""
    return {
        **{name: column[pairs.giver] for name, column in giver_columns(members, population).items()},
        **{name: column[pairs.receiver] for name, column in receiver_columns(members, population).items()},
        **mutual_columns(members, pairs, population),
        **directed_columns(members, pairs),
        **learned_columns(members, pairs),
    }


def giver_columns(members: Members, population: Population) -> Columns:
    """An entry a member, of the member as the one who may like: how picky, and their own words."""
    prior = population.prior_of(members.people.gender)
    return {
        "baseline": _log_odds(prior),
        "generosity": _log_odds(population.like_rate_of(members.history, prior)) - _log_odds(prior),
        "giver.age": members.people.age.astype(np.float32),
        **{f"giver.{name}": column for name, column in members.answers.items()},
    }


def receiver_columns(members: Members, population: Population) -> Columns:
    """An entry a member, of the member as the one who may be liked: how liked, how alive, and their own words."""
    return {
        "appeal": population.appeal_of(members.history),
        "activity": np.exp(-members.inactive_days / np.float32(RECENT_SCALE_DAYS)),
        "replies": population.reply_rate_of(members.history),
        "completeness": members.completeness,
        "receiver.age": members.people.age.astype(np.float32),
        **{f"receiver.{name}": column for name, column in members.answers.items()},
    }


def mutual_columns(members: Members, pairs: Pairs, population: Population) -> Columns:
    """An entry a pair, the same in both directions."""
    giver, receiver = _at(members.people, pairs.giver), _at(members.people, pairs.receiver)
    shared = {
        f"shared.{name}": _weight_shared(bits[pairs.giver] & bits[pairs.receiver], population.weights(name))
        for name, bits in members.sets.items()
    }
    return {
        "nearness": np.exp(-distance_km(giver, receiver) / NEAR_SCALE_KM).astype(np.float32),
        "age_gap": np.abs(giver.age - receiver.age).astype(np.float32),
        **shared,
    }


def directed_columns(members: Members, pairs: Pairs) -> Columns:
    """An entry a pair, of this direction alone."""
    people = members.people
    age = people.age[pairs.receiver]
    years_outside = np.maximum(people.age_min[pairs.giver] - age, age - people.age_max[pairs.giver])
    return {
        "outside_age_range": np.maximum(years_outside, 0).astype(np.float32),
        "likes_giver": pairs.likes_giver.astype(np.float32),
        "shown_before": np.log1p(pairs.shown_before).astype(np.float32),
    }


def learned_columns(members: Members, pairs: Pairs) -> Columns:
    """An entry a pair, of this direction alone; no column where no factors have been learned."""
    return {"affinity": members.factors.affinity(pairs.giver, pairs.receiver)} if members.factors else {}


def _at(people: People, positions: Ints) -> People:
    return People(**{name: column[positions] for name, column in vars(people).items()})


def _weight_shared(shared: Bits, weights: Column) -> Column:
    """Sum of the weights of the bits that are set, by one look-up a byte."""
    total = np.zeros(len(shared), dtype=np.float32)
    for position in range(shared.shape[1]):
        of_byte = weights[8 * position : 8 * position + 8]
        total += (_BITS_OF_BYTE[:, : len(of_byte)] @ of_byte)[shared[:, position]]
    return total


def _log_odds(rate: Column) -> Column:
    result: Column = np.log(rate / (1 - rate))
    return result
