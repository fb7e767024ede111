"""What members' past swipes and answers say about them, shrunken towards what is usual (empirical Bayes), and how rare
an interest is. Pure numpy; no history at all gives exactly the prior.

How picky somebody is: likes among the swipes they gave, under a beta prior of their gender. How liked: likes received
against what was to be expected from those very givers, so that being judged by picky ones costs nothing, under a gamma
prior (Clayton and Kaldor, "Empirical Bayes estimates of age-standardized relative risks", Biometrics 1987).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools, Ints

Column = NDArray[np.float32]

# Bounds of a prior's weight, and its weight while there are few swipes to tell: as few as ten members with twenty each.
LEAST_STRENGTH, USUAL_STRENGTH, MOST_STRENGTH, FEW = 1.0, 6.0, 50.0, 1000.0
# Swipes (messages) by which a gender's like rate (the reply rate) is drawn towards the overall one (towards a half).
RATE_STRENGTH = 20.0


@dataclass(frozen=True)
class Swipes:
    """Swipes as columns; givers and receivers are positions among the members."""

    giver: Ints
    receiver: Ints
    liked: Bools

    def where(self, chosen: Bools) -> "Swipes":
        return Swipes(self.giver[chosen], self.receiver[chosen], self.liked[chosen])


@dataclass(frozen=True)
class History:
    """Counts as columns of equal length, one entry a member."""

    swipes_given: Column
    likes_given: Column
    likes_received: Column
    likes_expected: Column  # the sum of the like rates of those who swiped on the member
    messages_due: Column  # first messages from partners
    messages_answered: Column

    @classmethod
    def none(cls, members: int) -> "History":
        return cls(*np.zeros((6, members), dtype=np.float32))


@dataclass(frozen=True)
class Population:
    """What is usual among the members. Stored with a model, since its coefficients are about these columns."""

    like_rate: Mapping[int, float]  # by gender of the giver
    overall_like_rate: float
    reply_rate: float
    giver_strength: float  # what the prior of a like rate weighs, in swipes
    receiver_strength: float  # what the prior of appeal weighs, in expected likes
    rarity: Mapping[str, Mapping[str, float]]  # by set: every entry in the order of its bits, and what it weighs

    def prior_of(self, gender: Ints) -> Column:
        """The like rate that is usual for givers of these genders."""
        rates = np.full(len(gender), self.overall_like_rate, dtype=np.float32)
        for bit, rate in self.like_rate.items():
            rates[gender == bit] = rate
        return rates

    def like_rate_of(self, history: History, prior: Column) -> Column:
        """What share of those they see a member likes, above 0 and below 1."""
        return _shrunken(history.likes_given, history.swipes_given, prior, self.giver_strength)

    def appeal_of(self, history: History) -> Column:
        """Log of the likes received for each expected one; 0 for the usual member and without history."""
        strength = np.float32(self.receiver_strength)
        ratio: Column = (history.likes_received + strength) / (history.likes_expected + strength)
        return np.log(ratio)

    def reply_rate_of(self, history: History) -> Column:
        return _shrunken(history.messages_answered, history.messages_due, self.reply_rate, USUAL_STRENGTH)

    def history(self, gender: Ints, swipes: Swipes) -> History:
        """The counts that these swipes make for members of these genders; messages are left at none."""
        given = _count(swipes.giver, len(gender))
        likes_given = _count(swipes.giver, len(gender), swipes.liked)
        rate = _shrunken(likes_given, given, self.prior_of(gender), self.giver_strength)
        received = _count(swipes.receiver, len(gender), swipes.liked)
        expected = _count(swipes.receiver, len(gender), rate[swipes.giver])
        return History(given, likes_given, received, expected, *np.zeros((2, len(gender)), dtype=np.float32))

    def weights(self, name: str) -> Column:
        """What each entry of this set weighs, in the order of its bits."""
        return np.fromiter(self.rarity[name].values(), dtype=np.float32)

    def pack(self, name: str, entries: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
        """A row of bits for each member's entries of this set, without those that the population does not know."""
        place = {entry: position for position, entry in enumerate(self.rarity[name])}
        owners = np.repeat(np.arange(len(entries)), [len(own) for own in entries])
        places = np.array([place.get(entry, -1) for entry in chain.from_iterable(entries)], dtype=np.int64)
        bits = np.zeros((len(entries), len(place)), dtype=bool)
        bits[owners[places >= 0], places[places >= 0]] = True
        return np.packbits(bits, axis=1)

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "like_rate": {str(gender): rate for gender, rate in self.like_rate.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Population":
        return cls(**{**stored, "like_rate": {int(gender): rate for gender, rate in stored["like_rate"].items()}})


def population_of(
    gender: Ints,
    swipes: Swipes,
    *,
    messages: tuple[int, int] = (0, 0),
    rarity: Mapping[str, Mapping[str, float]] | None = None,
) -> Population:
    """What is usual among these members. `messages`: first messages of partners, and how many of them were answered."""
    given, likes = _count(swipes.giver, len(gender)), _count(swipes.giver, len(gender), swipes.liked)
    usual = _usual(gender, given, likes, messages, rarity)
    return _with_strengths(usual, gender, usual.history(gender, swipes))


def population_of_counts(
    gender: Ints, history: History, *, rarity: Mapping[str, Mapping[str, float]] | None = None
) -> Population:
    """The same from what is counted already, where the swipes are too many to be held at once."""
    messages = int(history.messages_due.sum()), int(history.messages_answered.sum())
    usual = _usual(gender, history.swipes_given, history.likes_given, messages, rarity)
    return _with_strengths(usual, gender, history)


def _usual(
    gender: Ints,
    given: Column,
    likes: Column,
    messages: tuple[int, int],
    rarity: Mapping[str, Mapping[str, float]] | None,
) -> Population:
    overall = _rate(likes.sum(), given.sum(), 0.5)
    by_gender = {
        int(bit): _rate(likes[gender == bit].sum(), given[gender == bit].sum(), overall) for bit in np.unique(gender)
    }
    reply_rate = _rate(messages[1], messages[0], 0.5)
    return Population(by_gender, overall, reply_rate, USUAL_STRENGTH, USUAL_STRENGTH, rarity or {})


def rarity(counts: Mapping[str, int], members: int) -> dict[str, float]:
    """By entry of a set, what sharing it tells: the log of how many members there are for each that has it (IDF)."""
    return {entry: float(np.log((members + 1) / (count + 1))) for entry, count in counts.items()}


def _with_strengths(usual: Population, gender: Ints, history: History) -> Population:
    """Method of moments: the less members differ beyond chance, the more a prior weighs."""
    given, prior = history.swipes_given, usual.prior_of(gender)
    # a beta prior of mean m and weight s makes like rates vary by nearly m (1 − m) / s
    by_rates = float((given**2 * prior * (1 - prior)).sum(dtype=np.float64))
    giver = _strength(by_rates, _excess(history.likes_given, given * prior, given * prior * (1 - prior)))
    # a gamma prior of mean 1 and weight s makes what is received for each expected like vary by 1 / s
    expected = history.likes_expected
    by_appeal = float((expected**2).sum(dtype=np.float64))
    chance = expected * (1 - usual.overall_like_rate)
    receiver = _strength(by_appeal, _excess(history.likes_received, expected, chance))
    return replace(usual, giver_strength=giver, receiver_strength=receiver)


def _excess(observed: Column, expected: Column, chance: Column) -> float:
    """By how much the squares of what differs exceed what chance alone would make of them."""
    return float(((observed - expected) ** 2 - chance).sum(dtype=np.float64))


def _strength(at_one: float, excess: float) -> float:
    """The weight of a prior under which members exceed chance by this much; `at_one` is by how much if it weighed 1."""
    strength = (at_one + FEW) / (max(excess, 0.0) + FEW / USUAL_STRENGTH)
    return float(np.clip(strength, LEAST_STRENGTH, MOST_STRENGTH))


def _shrunken(hits: Column, trials: Column, prior: Column | float, strength: float) -> Column:
    result: Column = (hits + np.float32(strength) * prior) / (trials + np.float32(strength))
    return result


def _rate(hits: float, trials: float, prior: float) -> float:
    return float((hits + RATE_STRENGTH * prior) / (trials + RATE_STRENGTH))


def _count(positions: Ints, members: int, weights: NDArray[Any] | None = None) -> Column:
    return np.bincount(positions, weights, minlength=members).astype(np.float32)
