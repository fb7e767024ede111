"""From what members did with the cards they were shown to a model, and whether that model may replace another.

Pure numpy. The place of a card and the propensity of its being there are known in training only: the place is a column
that scoring leaves out, the propensity weighs what was shown by exploration (Joachims, Swaminathan and Schnabel,
"Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017). What is held out are whole groups, such as days.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools, Ints
from apps.matching.engine.features import Columns
from apps.matching.engine.history import Column, Population
from apps.matching.engine.ranker import Model, sigmoid, standardised

Wide = NDArray[np.float64]

# What a squared coefficient costs (ridge), to be chosen from. Columns that come shrunken pay a small share of it.
PENALTIES = (30.0, 100.0, 300.0, 1000.0, 3000.0)
INTERCEPT_COST = 1e-3  # enough to keep Newton's method from running away
SHRUNKEN, SHRUNKEN_SHARE = ("baseline", "generosity", "appeal", "replies"), 0.04
FOLDS, BINS = 5, 10
NEWTON_STEPS, SMALL_STEP = 20, 1e-4
LEAST_PROPENSITY = 0.05  # a card shown more rarely than that weighs no more
DRAWS, CONFIDENCE = 2000, 0.95


@dataclass(frozen=True)
class Impressions:
    """Cards that were shown and swiped: what was known at that moment, and what came of it. Columns of equal length."""

    columns: Columns  # of `features.features`, as they were when the card was shown
    liked: Bools
    position: Ints  # in the deck; 0 is the first place
    propensity: Column  # with what probability the deck showed this card here; 1 where nothing was left to chance
    group: Ints  # what is never split between training and testing: the day, the evening

    def __len__(self) -> int:
        return len(self.liked)

    def where(self, chosen: Bools) -> "Impressions":
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Impressions(
            columns, self.liked[chosen], self.position[chosen], self.propensity[chosen], self.group[chosen]
        )

    @property
    def weight(self) -> Wide:
        """Inverse propensities, capped, with a mean of 1."""
        inverse = 1 / np.maximum(self.propensity.astype(np.float64), LEAST_PROPENSITY)
        result: Wide = inverse / inverse.mean()
        return result


@dataclass(frozen=True)
class Verdict:
    """By how much the new model's log loss is lower, per impression, with the interval over groups."""

    gain: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        return self.low > 0


def train(impressions: Impressions, population: Population, *, version: str) -> Model:
    """A calibrated model, with `figures` on impressions of groups that its coefficients had not seen.

    Raises ValueError for impressions of a single group, or all liked, or none: there is nothing to learn from them.
    """
    if len(np.unique(impressions.group)) < 2 or len(np.unique(impressions.liked)) < 2:
        raise ValueError("training needs likes and passes from two groups (days) at least")
    held_out = {penalty: _held_out_log_odds(impressions, population, penalty) for penalty in PENALTIES}
    predicted = {penalty: _calibrated(log_odds, impressions) for penalty, log_odds in held_out.items()}
    penalty = _strongest_good(predicted, impressions)
    slope, offset = platt(held_out[penalty], impressions.liked, impressions.weight)
    model = replace(_fit(impressions, population, penalty), version=version, slope=slope, offset=offset)
    return replace(model, figures={**figures_of(predicted[penalty], impressions), "penalty": penalty})


def predicted_where_shown(model: Model, impressions: Impressions) -> Column:
    """P(like) of each card in the place where it was shown."""
    position = np.log1p(impressions.position).astype(np.float32) * np.float32(model.slope * model.position_effect)
    return sigmoid(model.log_odds(impressions.columns) + np.float32(model.constant) + position)


def evaluate(model: Model, impressions: Impressions) -> dict[str, float]:
    """Offline figures on impressions that the model was not trained on: see `figures_of`."""
    return figures_of(predicted_where_shown(model, impressions), impressions)


def is_better(
    new: Model,
    running: Model,
    impressions: Impressions,
    *,
    seen_by_running: Impressions | None = None,
    seed: int = 0,
) -> Verdict:
    """May `new` replace `running`? Both are judged on the same impressions, later than what either was trained on.

    seen_by_running: the same, in the columns of that model's population where it is another than the new one's.
    `running` is the starting model where none was trained yet. One odd day cannot decide: see `judged`.
    """
    losses = [
        _losses(predicted_where_shown(model, each), each)
        for model, each in ((running, seen_by_running or impressions), (new, impressions))
    ]
    return judged(impressions.weight * (losses[0] - losses[1]), impressions.group, seed=seed)


def judged(gains: Wide, groups: Ints, *, seed: int = 0) -> Verdict:
    """Is the mean of these gains surely above 0?

    Groups are drawn again and again (bootstrap), so that one of them cannot decide; with a single one there is no
    interval, and the verdict is no.
    """
    _, group = np.unique(groups, return_inverse=True)
    total, count = np.bincount(group, gains), np.bincount(group)
    if len(count) < 2:
        return Verdict(float(gains.mean()), -np.inf, np.inf)
    drawn = np.random.default_rng(seed).integers(0, len(count), (DRAWS, len(count)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Verdict(float(gains.mean()), float(low), float(high))


def figures_of(predicted: Column, impressions: Impressions) -> dict[str, float]:
    """AUC, log loss, calibration error, how many impressions, and the share of likes among them."""
    return {
        "auc": auc(predicted, impressions.liked),
        "log_loss": log_loss(predicted, impressions),
        "calibration_error": calibration_error(predicted, impressions.liked),
        "impressions": float(len(impressions)),
        "like_rate": float(impressions.liked.mean()),
    }


def auc(predicted: Column, liked: Bools) -> float:
    """How often a liked card is ranked above a passed one; ties count half. NaN when one kind is missing."""
    _, value, count = np.unique(predicted, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(count) - (count - 1) / 2
    likes, passes = int(liked.sum()), int((~liked).sum())
    if not likes or not passes:
        return float("nan")
    return float((middle_rank[value][liked].sum() - likes * (likes + 1) / 2) / (likes * passes))


def log_loss(predicted: Column, impressions: Impressions) -> float:
    return float((impressions.weight * _losses(predicted, impressions)).mean())


def calibration_error(predicted: Column, liked: Bools) -> float:
    """Mean distance of what was predicted from what came, over ten bins of equally many impressions (ECE)."""
    bins = np.array_split(np.argsort(predicted, kind="stable"), BINS)
    gaps = [abs(float(predicted[each].sum()) - float(liked[each].sum())) for each in bins]
    return sum(gaps) / len(liked)


def mutual_in_top(score: Column, viewer: Ints, mutual: Bools, k: int) -> Column:
    """For each pair, the mutual likes it stands for if every viewer is shown their k best.

    Pairs that score the same for a viewer share what falls to them, as if drawn by lot; so only sums have a meaning.
    """
    order = np.lexsort((-score, viewer))
    viewers, scores = viewer[order], score[order]
    first = np.r_[True, viewers[1:] != viewers[:-1]]
    tie = np.cumsum(first | np.r_[True, scores[1:] != scores[:-1]]) - 1
    shared = np.bincount(tie, mutual[order]) / np.bincount(tie)
    rank = np.arange(len(order)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    result = np.zeros(len(order), dtype=np.float32)
    result[order] = shared[tie] * (rank < k)
    return result


def _strongest_good(predicted: dict[float, Column], impressions: Impressions) -> float:
    """The strongest penalty that is worse than the best by less than one standard error over the groups.

    Impressions repeat the same members, so the lowest loss alone trusts too much in what was seen of them (the rule is
    that of Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984, 3.4.3, on differences).
    """
    losses = {penalty: impressions.weight * _losses(column, impressions) for penalty, column in predicted.items()}
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    _, group = np.unique(impressions.group, return_inverse=True)

    def is_good(penalty: float) -> bool:
        worse = np.bincount(group, losses[penalty] - best) / len(group)
        return bool(worse.sum() <= np.sqrt(len(worse)) * worse.std())

    return max(filter(is_good, losses))


def _held_out_log_odds(impressions: Impressions, population: Population, penalty: float) -> Wide:
    result = np.zeros(len(impressions))
    for test in _folds(impressions.group):
        model = _fit(impressions.where(~test), population, penalty)
        tested = impressions.where(test)
        position = model.position_effect * np.log1p(tested.position)
        result[test] = model.log_odds(tested.columns) + model.intercept + position
    return result


def _folds(group: Ints) -> Iterator[Bools]:
    _, number = np.unique(group, return_inverse=True)
    for fold in range(min(FOLDS, int(number.max()) + 1)):
        yield number % FOLDS == fold


def _fit(impressions: Impressions, population: Population, penalty: float) -> Model:
    """A model that is not calibrated yet. A column that never varies, or is never known, gets the coefficient 0."""
    names = tuple(impressions.columns)
    means, scales = zip(*(_moments(impressions.columns[name]) for name in names), strict=True)
    standard = [
        standardised(impressions.columns[name], mean, scale)
        for name, mean, scale in zip(names, means, scales, strict=True)
    ]
    design = np.column_stack([*standard, np.log1p(impressions.position), np.ones(len(impressions))])
    costs = [penalty * (SHRUNKEN_SHARE if name in SHRUNKEN else 1.0) for name in names] + [penalty, INTERCEPT_COST]
    *coefficients, position_effect, intercept = _ridge_logistic(
        design, impressions.liked, impressions.weight, np.array(costs)
    )
    return Model(
        version="",
        population=population,
        features=names,
        coefficients=tuple(coefficients),
        means=means,
        scales=scales,
        intercept=intercept,
        position_effect=position_effect,
    )


def _moments(column: Column) -> tuple[float, float]:
    """Mean and standard deviation of what is known; a deviation of 1 where there is none."""
    known = column[~np.isnan(column)].astype(np.float64)
    if not len(known):
        return 0.0, 1.0
    deviation = float(known.std())
    return float(known.mean()), deviation if deviation > 1e-6 else 1.0


def _ridge_logistic(design: Wide, liked: Bools, weight: Wide, costs: Wide) -> list[float]:
    """Newton's method on the penalised log loss, which is convex (Hastie, Tibshirani and Friedman 2009, 4.4.1)."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        predicted = sigmoid((design @ coefficients).astype(np.float32)).astype(np.float64)
        gradient = design.T @ (weight * (liked - predicted)) - costs * coefficients
        curvature = (design.T * (weight * predicted * (1 - predicted))) @ design + np.diag(costs)
        step = np.linalg.solve(curvature, gradient)
        coefficients = coefficients + step
        if np.abs(step).max() < SMALL_STEP:
            break
    return [float(each) for each in coefficients]


def platt(log_odds: Wide, liked: Bools, weight: Wide) -> tuple[float, float]:
    """Slope and offset of the calibration. What ranks the wrong way round when held out gets the slope 0: no say."""
    design = np.column_stack([log_odds, np.ones(len(log_odds))])
    slope, offset = _ridge_logistic(design, liked, weight, np.ones(2))
    return max(slope, 0.0), offset


def _calibrated(log_odds: Wide, impressions: Impressions) -> Column:
    slope, offset = platt(log_odds, impressions.liked, impressions.weight)
    return sigmoid((slope * log_odds + offset).astype(np.float32))


def _losses(predicted: Column, impressions: Impressions) -> Wide:
    likelihood = np.where(impressions.liked, predicted, 1 - predicted)
    return -np.log(likelihood.astype(np.float64))
