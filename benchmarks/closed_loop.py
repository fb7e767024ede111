"""A month in a town of hidden tastes, under each way of filling decks: who meets whom, and who is left out.

    python benchmarks/closed_loop.py --seeds 1 --members 1000 --days 20

Members of two sides look at cards, like and pass (`closed_loop_world.people` says by which tastes; they were fixed
before anything was tuned, and tuning used other towns than those reported here). An algorithm sees what the product
would: what members show, and the log of what it has shown and they have swiped. Who looks when and for how long is the
same under each, so that all have the same attention to spend. The ranker, the market and the decks are the product's.

Two baselines: the plain heuristic, and the same with those who like the viewer first. A third, which also leaves out
whoever has passed on the viewer, tells how much of the gain takes no learning.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.closed_loop_world.algorithms import Heuristic, Market, Recency, Reciprocal
from benchmarks.closed_loop_world.month import Algorithm, figures, live
from benchmarks.closed_loop_world.people import Town, settle
from benchmarks.report import print_table, write

ALGORITHMS: Mapping[str, Callable[[Town, int], Algorithm]] = {
    "recency": lambda town, seed: Recency(town),
    "heuristic": lambda town, seed: Heuristic(town),
    "likes first": lambda town, seed: Heuristic(town, likes_first=True),
    "likes first, no passes": lambda town, seed: Heuristic(town, likes_first=True, without_passes=True),
    "reciprocal": Reciprocal,
    "market": Market,
}
BASELINES = ("heuristic", "likes first", "likes first, no passes")
COMPARED = ("matches per 1,000 cards", "capped matches")
FIRST_TOWN = 1  # towns from 101 on were for tuning
# Student's t at 97.5 %, by degrees of freedom
T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}

Outcomes = dict[str, list[dict[str, float]]]  # by algorithm, one a town
Values = NDArray[np.float64]


def months(seeds: int, members: int, days: int) -> Outcomes:
    outcomes: Outcomes = {name: [] for name in ALGORITHMS}
    started, done, total = time.monotonic(), 0, seeds * len(ALGORITHMS)
    for seed in range(FIRST_TOWN, FIRST_TOWN + seeds):
        town, likes = settle(members, days, seed)
        for name, make in ALGORITHMS.items():
            outcomes[name].append(figures(town, live(town, likes, make(town, seed), seed)))
            done += 1
            left = (time.monotonic() - started) / done * (total - done)
            print(f"\r{done} of {total} months, about {left / 60:.0f} min left ", end="", file=sys.stderr, flush=True)  # noqa: T201
    print(file=sys.stderr)  # noqa: T201
    return outcomes


def interval(values: Values) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval over towns; 0 for a single town."""
    if len(values) < 2:
        return float(values.mean()), 0.0
    return float(values.mean()), T.get(len(values) - 1, 1.96) * float(values.std(ddof=1)) / len(values) ** 0.5


def column(outcomes: Outcomes, name: str, figure: str) -> Values:
    return np.array([each[figure] for each in outcomes[name]])


def report(outcomes: Outcomes) -> dict[str, float]:
    names = [figure for figure in outcomes["market"][0] if figure != "cards"]
    found: dict[str, float] = {}
    rows = []
    for name in outcomes:
        row = [name]
        for figure in names:
            mean, half = interval(column(outcomes, name, figure))
            digits = 3 if mean < 1 else 1
            row.append(f"{mean:.{digits}f} ± {half:.{digits}f}")
            found |= {f"{name}: {figure}": round(mean, 4), f"{name}: {figure}, ±": round(half, 4)}
        rows.append(row)
    print_table(["", *names], rows)
    return found


def report_gains(outcomes: Outcomes) -> dict[str, float]:
    """The market against each baseline, town by town."""
    found: dict[str, float] = {}
    rows = []
    for baseline in BASELINES:
        row = [f"market / {baseline}"]
        for figure in COMPARED:
            mean, half = interval(column(outcomes, "market", figure) / column(outcomes, baseline, figure))
            row.append(f"{mean:.3f} ± {half:.3f}")
            setting = f"market / {baseline}: {figure}"
            found |= {setting: round(mean, 4), f"{setting}, ±": round(half, 4)}
        rows.append(row)
    print_table(["", *COMPARED], rows)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many towns (default: %(default)s)")
    parser.add_argument("--members", type=int, default=2000, help="of each town (default: %(default)s)")
    parser.add_argument("--days", type=int, default=30, help="at least 10 (default: %(default)s)")
    chosen = parser.parse_args()
    if chosen.seeds < 1 or chosen.members < 100 or chosen.days < 10:
        parser.error("a town has 100 members and a month 10 days at least")
    outcomes = months(chosen.seeds, chosen.members, chosen.days)
    found = report(outcomes)
    print()  # noqa: T201
    write("closed_loop", found, report_gains(outcomes))


if __name__ == "__main__":
    main()
