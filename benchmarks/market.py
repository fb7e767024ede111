"""The market's ranking where its field measures it: expected matches in two synthetic markets, against the product p·q.

One side applies: the table of Su, Bayoumi and Joachims ("Optimizing Rankings for Recommendation in Matching Markets",
WWW 2022; README of bayoumi17m/SW-matching-markets), 150 candidates who rank 100 employers, with their figures beside.
Both sides like: the crowded market of Tomita, Togashi, Hashizume and Ohsaka (RecSys 2023).

And what it costs to clear a region's market, where each member's hundred best candidates are known.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apps.matching.engine.market import Graph, clear, scores, union
from benchmarks.report import print_table, write

Matrix = NDArray[np.float64]
Examination = Callable[[Matrix], Matrix]

EXAMINATION: dict[str, Examination] = {"1/rank": lambda rank: 1 / rank, "exponential": lambda rank: np.exp(1 - rank)}
CANDIDATES, EMPLOYERS, PUBLISHED_SEED, RUNS = 150, 100, 621, 1000
# By how much candidates' and employers' tastes are shared by all: naive, reciprocal, social welfare.
PUBLISHED = {
    0.0: (156.3, 199.9, 198.5),
    0.25: (128.7, 166.6, 173.5),
    0.5: (106.9, 131.0, 152.7),
    0.75: (95.0, 105.0, 134.2),
    1.0: (92.1, 92.1, 118.2),
}
CROWDING, SIZES = (0.25, 0.5, 0.75), ((1000, 1000), (2000, 1000))
# As published, the value of a pair is p + q. On p·q, which is what a match is worth, the market has to be colder.
SUM_TEMPERATURE, PRODUCT_TEMPERATURE = 1.0, 0.02
STEPS, STEP = 50, 0.2
REGION, BEST = 100_000, 100


def crowded(rows: int, columns: int, crowding: float, rng: np.random.RandomState) -> tuple[Matrix, Matrix]:
    """P(row likes column) and P(column likes row), both by row. The more crowding, the more all want the same."""
    there, back = rng.random_sample((rows, columns)), rng.random_sample((columns, rows)).T
    popular_columns, popular_rows = np.linspace(1, 0, columns), np.linspace(1, 0, rows)[:, None]
    return (1 - crowding) * there + crowding * popular_columns, (1 - crowding) * back + crowding * popular_rows


def cleared(value: Matrix, temperature: float) -> Matrix:
    """The engine's scores where everybody is everybody's candidate."""
    rows, columns = value.shape
    indices = np.r_[np.tile(np.arange(rows, rows + columns), rows), np.tile(np.arange(rows), columns)]
    graph = Graph(
        indptr=np.r_[0, np.cumsum([columns] * rows + [rows] * columns)],
        indices=indices.astype(np.int32),
        values=np.r_[value.ravel(), value.T.ravel()].astype(np.float32),
    )
    capacity = np.ones(rows + columns, dtype=np.float32)
    found = scores(graph, clear(graph, capacity, shift=0, temperature=temperature))
    return found[: rows * columns].reshape(rows, columns).astype(np.float64)


def ranks(score: Matrix) -> Matrix:
    """By row, 1 for the highest score."""
    order = np.argsort(-score, axis=1, kind="stable")
    result = np.empty(score.shape)
    np.put_along_axis(result, order, np.arange(1.0, score.shape[1] + 1)[None, :], axis=1)
    return result


def interviews(exposure: Matrix, there: Matrix, back: Matrix, runs: int) -> float:
    """Mean of simulated markets: candidates apply to what they see and like, employers look at the best applicants."""
    rng, order = np.random.default_rng(1), np.argsort(-back, axis=0, kind="stable")
    applies = np.take_along_axis(np.clip(exposure * there, 0, 1), order, axis=0)
    liked = np.take_along_axis(back, order, axis=0)
    total = 0.0
    for _ in range(runs):
        applied = rng.random(applies.shape) < applies
        total += float((liked / np.maximum(np.cumsum(applied, axis=0), 1))[applied].sum())
    return total / runs


def welfare_gradient(exposure: Matrix, there: Matrix, back: Matrix) -> tuple[float, Matrix]:
    """A lower bound of the interviews (ranks replaced by their expectation, Su et al.), and its gradient."""
    order = np.argsort(-back, axis=0, kind="stable")
    applies = np.take_along_axis(exposure * there, order, axis=0)
    liked = np.take_along_axis(back, order, axis=0)
    rank = 1 + np.cumsum(applies, axis=0) - applies
    crowds_out = -applies * liked / rank**2
    sorted_gradient = liked / rank + crowds_out.sum(axis=0) - np.cumsum(crowds_out, axis=0)
    gradient = np.empty_like(exposure)
    np.put_along_axis(gradient, order, sorted_gradient, axis=0)
    return float((applies * liked / rank).sum()), gradient * there


def social_welfare(start: Matrix, there: Matrix, back: Matrix) -> Matrix:
    """Exposure from Frank-Wolfe steps; each step's linear programme is solved by sorting the gradient.

    The result is a mixture of rankings: who are alike take turns, which no one ranking can give them.
    """
    exposure, best = start, (-np.inf, start)
    for _ in range(STEPS):
        welfare, gradient = welfare_gradient(exposure, there, back)
        best = max(best, (welfare, exposure), key=lambda found: found[0])
        exposure = (1 - STEP) * exposure + STEP / ranks(gradient)
    return best[1]


def likes_on_both_sides(score: Matrix, there: Matrix, back: Matrix, examination: Examination) -> float:
    """Expected matches: each side looks at the other in the order of the same scores."""
    seen = examination(ranks(score)) * examination(ranks(score.T)).T
    return float((seen * there * back).sum())


def one_side_applies(runs: int) -> tuple[dict[str, float], dict[str, float]]:
    figures: dict[str, float] = {}
    rows, ratios = [], {}
    for crowding, published in PUBLISHED.items():
        rng = np.random.RandomState(PUBLISHED_SEED)
        there, back = crowded(CANDIDATES, EMPLOYERS, crowding, rng)
        exposures = {
            "naive": 1 / ranks(there),
            "reciprocal": 1 / ranks(there * back),
            "TU on p + q": 1 / ranks(cleared(there + back, SUM_TEMPERATURE)),
            "TU on p·q": 1 / ranks(cleared(there * back, PRODUCT_TEMPERATURE)),
        }
        exposures["TU, then SW"] = social_welfare(exposures["TU on p·q"], there, back)
        found = {name: interviews(exposure, there, back, runs) for name, exposure in exposures.items()}
        figures |= {f"applications, λ {crowding}: {name}": round(each, 1) for name, each in found.items()}
        for name, theirs in zip(("naive", "reciprocal", "TU, then SW"), published, strict=True):
            ratios[f"applications, λ {crowding}: {name} / published"] = round(found[name] / theirs, 4)
        rows.append(
            [f"{crowding}", *(f"{each:.1f}" for each in found.values()), *(f"{each:.1f}" for each in published)]
        )
    print_table(["λ", *found, "their naive", "their reciprocal", "their SW"], rows)
    return figures, ratios


def both_sides_like(sizes: tuple[tuple[int, int], ...]) -> tuple[dict[str, float], dict[str, float]]:
    figures: dict[str, float] = {}
    ratios, rows = {}, []
    for (left, right), crowding in ((size, crowding) for size in sizes for crowding in CROWDING):
        there, back = crowded(left, right, crowding, np.random.RandomState(PUBLISHED_SEED))
        rankings = {
            "product": there * back,
            "TU on p + q": cleared(there + back, SUM_TEMPERATURE),
            "TU on p·q": cleared(there * back, PRODUCT_TEMPERATURE),
        }
        for seen, examination in EXAMINATION.items():
            setting = f"{left}×{right}, λ {crowding}, {seen}"
            found = {name: likes_on_both_sides(score, there, back, examination) for name, score in rankings.items()}
            figures |= {f"{setting}: {name}": round(each, 1) for name, each in found.items()}
            gains = [each / found["product"] for each in found.values()]
            ratios |= {f"{setting}: {name} / product": round(gain, 3) for name, gain in zip(found, gains, strict=True)}
            rows.append(
                [setting, *(f"{each:.0f}" for each in found.values()), *(f"{gain:.2f} ×" for gain in gains[1:])]
            )
    print_table(["market", "product", "TU on p + q", "TU on p·q", "p + q", "p·q"], rows)
    return figures, ratios


def region(side: int, rng: np.random.Generator) -> Graph:
    """Everybody's best on the other side with log p·q, mostly the same popular ones: lists that are not joined yet."""
    appeal = rng.normal(0, 1, 2 * side)
    popular_first = np.argsort(-appeal.reshape(2, side), axis=1)
    indptr, indices, values = [0], [], []
    for member in range(2 * side):
        other = 1 - member // side
        drawn = np.unique((side * rng.random(BEST) ** 2).astype(np.int64))
        own = popular_first[other][drawn] + other * side
        indices.append(own.astype(np.int32))
        values.append((-3 + appeal[member] / 2 + appeal[own] / 2 + rng.normal(0, 0.5, len(own))).astype(np.float32))
        indptr.append(indptr[-1] + len(own))
    return Graph(np.array(indptr), np.concatenate(indices), np.concatenate(values))


def cost(side: int) -> dict[str, float]:
    """Seconds and memory of the whole process; the first, small one compiles."""
    figures: dict[str, float] = {}
    for size in (100, side):
        lists = region(size, np.random.default_rng(1))
        before = time.perf_counter()
        graph = union(lists.indptr, lists.indices, lists.values)
        joined = time.perf_counter()
        prices = clear(graph, np.ones(2 * size, dtype=np.float32))
        scores(graph, prices)
        cleared_at = time.perf_counter()
        name = f"{size}×{size}"
        figures = {
            f"{name}: pairs": len(graph.indices) // 2,
            f"{name}: seconds to join lists": round(joined - before, 1),
            f"{name}: seconds to clear and score": round(cleared_at - joined, 1),
            f"{name}: sweeps": prices.sweeps,
            f"{name}: error": round(prices.error, 5),
            f"{name}: GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        }
    print_table(["cost", ""], [[setting, f"{figure:g}"] for setting, figure in figures.items()])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer simulated markets, the smaller sizes only")
    quick = parser.parse_args().quick
    applications, against_published = one_side_applies(RUNS // 5 if quick else RUNS)
    print()  # noqa: T201
    likes, against_product = both_sides_like(SIZES[:1] if quick else SIZES)
    print()  # noqa: T201
    costs = cost(REGION // 10 if quick else REGION)
    write("market", applications | likes | costs, against_published | against_product)


if __name__ == "__main__":
    main()
