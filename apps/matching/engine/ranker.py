"""Who would like whom back: a calibrated logistic regression on `engine.features`, as plain numbers.

Pure numpy. `engine.training` makes a model from what members did with the cards they were shown; until there is one
that is good enough, `starting_model` stands in. A pair's score takes both directions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from apps.matching.engine.eligibility import Bools
from apps.matching.engine.features import (
    Columns,
    Members,
    Pairs,
    directed_columns,
    giver_columns,
    is_known,
    learned_columns,
    mutual_columns,
    receiver_columns,
)
from apps.matching.engine.history import Column, Population

STANDARD_LIMIT = np.float32(4)  # in standard deviations: what lies further out counts as this far
LOG_ODDS_LIMIT = np.float32(15)  # keeps every P above 0 and below 1 in single precision
# What the starting model adds to the log odds of a like for one unit of a column. The first three make it the additive
# model of judges and judged (Rasch 1960); the others are modest guesses that the first trained model replaces. Learned
# tastes (`affinity`) have no say before: how much they are worth is for training to find out.
STARTING_WEIGHTS = {
    "baseline": 1.0,
    "generosity": 1.0,
    "appeal": 1.0,
    "activity": 0.3,
    "nearness": 0.5,
    "outside_age_range": -0.1,
    "shared.interests": 0.15,
    "shared.languages": 0.2,
}


@dataclass(frozen=True)
class Model:
    """P(the giver likes the receiver). Every number is a plain one; equal after `to_json` and `from_json`."""

    version: str
    population: Population
    features: tuple[str, ...]
    coefficients: tuple[float, ...]  # of standardised values
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    slope: float = 1.0  # calibration: P = sigmoid(slope × log odds + offset) (Platt 1999)
    offset: float = 0.0
    position_effect: float = 0.0  # of the log of 1 + the place in the deck; scores are for the first place
    figures: Mapping[str, float] = field(default_factory=dict)  # from training, on what was held out

    def contributions(self, columns: Columns) -> Columns:
        """By feature: by how much it moves the log odds of a like, against the average of training. Unknown: 0."""
        return {
            name: np.float32(self.slope * coefficient) * standardised(columns[name], mean, scale)
            for name, coefficient, mean, scale in self._terms()
            if name in columns
        }

    def log_odds(self, columns: Columns) -> Column:
        """Sum of the contributions of these columns, of which there is at least one; they may be a part of all."""
        contributions = self.contributions(columns).values()
        return sum(contributions, start=np.zeros(len(next(iter(columns.values()))), dtype=np.float32))

    def predict(self, columns: Columns) -> Column:
        """P(like), an entry a row of the columns; above 0 and below 1."""
        return sigmoid(self.log_odds(columns) + np.float32(self.constant))

    def weighing(self, feature: str, weight: float) -> "Model":
        """The same with this feature's contribution times `weight`; at 0 it has no say."""
        coefficients = zip(self.features, self.coefficients, strict=True)
        return replace(self, coefficients=tuple(c * weight if name == feature else c for name, c in coefficients))

    @property
    def constant(self) -> float:
        """Log odds of a like where every feature is average or unknown."""
        return self.slope * self.intercept + self.offset

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "population": self.population.to_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Model":
        """Raises ValueError when the model knows features that this release does not compute."""
        unknown = [name for name in stored["features"] if not is_known(name)]
        if unknown:
            raise ValueError(f"model {stored['version']} needs features of another release: {', '.join(unknown)}")
        numbers = {name: tuple(stored[name]) for name in ("features", "coefficients", "means", "scales")}
        return cls(**{**stored, **numbers, "population": Population.from_json(stored["population"])})

    def _terms(self) -> Iterator[tuple[str, float, float, float]]:
        return zip(self.features, self.coefficients, self.means, self.scales, strict=True)


def standardised(column: Column, mean: float, scale: float) -> Column:
    """In standard deviations from the mean, within limits; 0 where unknown."""
    standard: Column = (column - np.float32(mean)) / np.float32(scale)
    standard[np.isnan(standard)] = 0
    return np.minimum(np.maximum(standard, -STANDARD_LIMIT), STANDARD_LIMIT)


def sigmoid(log_odds: Column) -> Column:
    bounded = np.minimum(np.maximum(log_odds, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)
    return np.reciprocal(np.exp(-bounded) + np.float32(1))


@dataclass(frozen=True)
class Likelihoods:
    """Of each pair, both directions: P(the giver likes the receiver), and the other way round."""

    there: Column
    back: Column

    def score(self, likes_giver: Bools) -> Column:
        """Log of P(match). A like that is already there is certain, whatever the model thinks."""
        back = np.maximum(self.back, likes_giver.astype(np.float32))
        return np.log(self.there) + np.log(back)


def likelihoods(model: Model, members: Members, pairs: Pairs) -> Likelihoods:
    """What `predict` says of the pairs and of the reversed ones, with the work that is one member's done once."""
    giving = model.log_odds(giver_columns(members, model.population)) + np.float32(model.constant)
    receiving = model.log_odds(receiver_columns(members, model.population))
    mutual = model.log_odds(mutual_columns(members, pairs, model.population))

    def directed(way: Pairs) -> Column:
        own = model.log_odds(directed_columns(members, way) | learned_columns(members, way))
        return sigmoid(giving[way.giver] + receiving[way.receiver] + mutual + own)

    return Likelihoods(directed(pairs), directed(pairs.reversed()))


def starting_model(population: Population) -> Model:
    """What to rank by before anything was learned: history counts as it is, stated things a little."""
    names, weights = tuple(STARTING_WEIGHTS), tuple(STARTING_WEIGHTS.values())
    return Model(
        version="start",
        population=population,
        features=names,
        coefficients=weights,
        means=(0.0,) * len(names),
        scales=(1.0,) * len(names),
        intercept=0.0,
    )
