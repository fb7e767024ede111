"""What the service believes of each pair, by the product's own ranker, from the log of this one month."""

import numpy as np

from apps.matching.engine.factors import Factors
from apps.matching.engine.features import Columns, Members, Pairs, giver_columns, mutual_columns, receiver_columns
from apps.matching.engine.fitting import fit
from apps.matching.engine.history import Column, Population, Swipes, population_of, rarity
from apps.matching.engine.ranker import Model, sigmoid, starting_model
from apps.matching.engine.training import Impressions, train
from benchmarks.closed_loop_world.month import Log
from benchmarks.closed_loop_world.people import Ints, Town

FIRST_TRAINING, DAYS_BETWEEN = 4, 5
IMPRESSIONS_A_DAY = 1500


class Learner:
    """P(like) of every pair on a morning. Rates and tastes are counted every day, coefficients trained now and then."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town = town
        self.rng = np.random.default_rng([seed, 2])
        counts = {str(entry): int(count) for entry, count in enumerate(town.interests.sum(axis=0))}
        self.rarity = {"interests": rarity(counts, len(town))}
        self.trained: Model | None = None
        self.factors: Factors | None = None
        self.impressions: list[Impressions] = []
        self.yesterday: tuple[Columns, Columns, Columns] | None = None
        nothing = population_of(town.shown.gender, _swipes(town, Log.of(town)), rarity=self.rarity)
        members = self._members(Log.of(town), nothing)
        self.mutual = mutual_columns(members, Pairs.of(town.viewer, town.candidate), nothing)

    def likelihood(self, log: Log) -> Column:
        """P(the viewer likes the candidate), by pair."""
        town = self.town
        population = population_of(town.shown.gender, _swipes(town, log), rarity=self.rarity)
        members = self._members(log, population)
        self._remember_yesterday(log)
        if log.day % DAYS_BETWEEN == FIRST_TRAINING:
            self.trained = train(_joined(self.impressions), population, version=f"day {log.day}")
        model = self.trained or starting_model(population)
        giver, receiver = giver_columns(members, population), receiver_columns(members, population)
        giving, receiving = model.log_odds(giver) + np.float32(model.constant), model.log_odds(receiver)
        named = giving[town.viewer] + receiving[town.candidate] + model.log_odds(self.mutual)
        directed = {"affinity": self._affinity(log, named)}
        self.yesterday = giver, receiver, self.mutual | directed
        return sigmoid(named + model.log_odds(directed))

    def _affinity(self, log: Log, named: Column) -> Column:
        """By pair; what the named columns leave unexplained of all swipes so far."""
        swipes = _swipes(self.town, log)
        self.factors = fit(swipes, named[log.swiped], len(self.town), start=self.factors)
        return self.factors.affinity(self.town.viewer, self.town.candidate)

    def _members(self, log: Log, population: Population) -> Members:
        town = self.town
        inactive_days = np.maximum(log.day - log.last_active, 0).astype(np.float32)
        history = population.history(town.shown.gender, _swipes(town, log))
        packed = {"interests": np.packbits(town.interests, axis=1)}
        return Members(town.shown, history, inactive_days, town.completeness.astype(np.float32), packed)

    def _remember_yesterday(self, log: Log) -> None:
        """Some of yesterday's cards, with what was known when they were shown."""
        if self.yesterday is None:
            return
        cards = np.flatnonzero(log.swiped_on == log.day - 1)
        cards = self.rng.choice(cards, min(len(cards), IMPRESSIONS_A_DAY), replace=False)
        giver, receiver, between = self.yesterday
        columns = {
            **{name: column[self.town.viewer[cards]] for name, column in giver.items()},
            **{name: column[self.town.candidate[cards]] for name, column in receiver.items()},
            **{name: column[cards] for name, column in between.items()},
        }
        day = np.full(len(cards), log.day)
        propensity = log.propensity[cards].astype(np.float32)
        self.impressions.append(Impressions(columns, log.liked[cards], log.position[cards], propensity, day))


def _swipes(town: Town, log: Log) -> Swipes:
    return Swipes(town.viewer[log.swiped], town.candidate[log.swiped], log.liked[log.swiped])


def _joined(parts: list[Impressions]) -> Impressions:
    def column(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Impressions(columns, column("liked"), column("position"), column("propensity"), column("group"))
