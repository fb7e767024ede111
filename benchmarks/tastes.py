"""What tastes cost: the night's fit, a deck on demand and everybody's best in a batch, each against the same without.

    python benchmarks/tastes.py --scale 0.1

The fit is the product's, on the world of benchmarks/batch.py, in a process of its own for its memory; members like by
chance there, so that nothing is kept. Decks are then asked for with made-up tastes of everybody, by a model that heeds
them, in turns with one that does not. `--fit-alone` fits made-up arrays of a million members and 20 million swipes.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")
os.environ.setdefault("MEETSMATCH_VAR", "var/bench-data-0.1")

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402

from apps.matching.batches.reading import Known, read_members, read_territory  # noqa: E402
from apps.matching.engine.factors import RANK, Factors  # noqa: E402
from apps.matching.engine.fitting import fit  # noqa: E402
from apps.matching.engine.history import Swipes  # noqa: E402
from apps.matching.engine.pairing import Hidden, best_candidates, pool  # noqa: E402
from apps.matching.engine.ranker import Model, likelihoods, starting_model  # noqa: E402
from apps.matching.learning import running, tastes  # noqa: E402
from apps.matching.learning.factors import stored  # noqa: E402
from apps.matching.learning.facts import look  # noqa: E402
from apps.matching.models import Candidate  # noqa: E402
from benchmarks.report import print_table, write  # noqa: E402
from benchmarks.support.world import make_world, step  # noqa: E402

SHORTLIST, DECKS, VIEWERS, BEST, TURNS = 80, 300, 1000, 80, 6
# Of tastes as closed_loop learns them: affinity varies by about one unit of log odds.
DEVIATION = 0.7
MANY_MEMBERS, MANY_SWIPES = 1_000_000, 20_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--fit-alone", action="store_true")
    parser.add_argument("--learn", action="store_true", help=argparse.SUPPRESS)  # in a process of its own
    arguments = parser.parse_args()
    if arguments.fit_alone or arguments.learn:
        print(_fit_alone() if arguments.fit_alone else tastes.learn_tastes(least=1, least_judged=1).why)  # noqa: T201
        return
    world = make_world(arguments.scale)
    figures = learn(world.members)
    everybody = read_members(running.running_model().population, "true")
    with step("made-up tastes of everybody"):
        _give_tastes(everybody)
    plain = starting_model(running.running_model().population)
    heeding = replace(
        plain,
        features=(*plain.features, "affinity"),
        coefficients=(*plain.coefficients, 1.0),
        means=(*plain.means, 0.0),
        scales=(*plain.scales, 1.0),
    )
    ratios = {}
    for name, of in (("on demand: 80 candidates read and scored, ms", decks), ("batch: best of a member, ms", batch)):
        without, with_tastes = of(everybody, (plain, heeding))
        figures |= {f"{name}, without": without, name: with_tastes}
        ratios[f"{name.partition(':')[0]}: with / without tastes"] = with_tastes / without
    print_table(["", ""], [[name, f"{figure:,.3f}"] for name, figure in (figures | ratios).items()])
    write("tastes", figures, ratios)


def learn(members: int) -> dict[str, float]:
    """Seconds and peak memory of one night."""
    from apps.matching.learning.models import TasteFit

    TasteFit.objects.all().delete()
    with step("one night"):
        begun = time.perf_counter()
        subprocess.run([sys.executable, __file__, "--learn"], check=True)  # noqa: S603
        secs = time.perf_counter() - begun
    done = TasteFit.objects.get()
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {"members": members, "swipes": done.figures["swipes"], "one night: s": secs, "one night: memory, GB": memory}


def decks(everybody: Known, models: tuple[Model, Model]) -> list[float]:
    """Median milliseconds of reading and scoring a shortlist, by model, in turns."""
    dice = np.random.default_rng(1)
    numbers = everybody.rows["number"]
    viewers = Candidate.objects.filter(number__in=dice.choice(numbers, DECKS).tolist())
    taken: list[list[float]] = [[], []]
    for turn, viewer in enumerate(viewers.values_list("user", flat=True)):
        chosen = dice.choice(numbers, SHORTLIST, replace=False).tolist()
        _rank(viewer, chosen, models[0])  # whoever comes first would read from disk
        for model in (turn % 2, 1 - turn % 2):
            taken[model].append(_ms(lambda: _rank(viewer, chosen, models[model])))  # noqa: B023 called at once
    return [float(np.median(times)) for times in taken]


def _rank(viewer: object, chosen: list[int], model: Model) -> object:
    sight = look(viewer, numbers=chosen, population=model.population)
    return likelihoods(model, sight.members, sight.pairs).score(sight.pairs.likes_giver)


def batch(everybody: Known, models: tuple[Model, Model]) -> list[float]:
    """Milliseconds of a member's best candidates in the largest territory, by model: the least of some turns."""
    cells = {int(cell): count for cell, count in zip(*np.unique(_cells(everybody), return_counts=True), strict=True)}
    territory = read_territory(max(cells, key=lambda cell: cells[cell]), models[0].population)
    viewers = np.flatnonzero(territory.is_own)[:: max(1, int(territory.is_own.sum()) // VIEWERS)]
    viewers = viewers[np.argsort(territory.where.cell[viewers], kind="stable")]
    hidden = Hidden(np.zeros(len(viewers) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32))
    pools = [pool(territory.members, territory.where, model) for model in models]
    taken = [
        [_ms(lambda: best_candidates(each, viewers=viewers, hidden=hidden, best=BEST)) for each in pools]  # noqa: B023
        for _ in range(TURNS)
    ]
    return (np.min(taken, axis=0) / len(viewers)).tolist()


def _cells(everybody: Known) -> object:
    from h3.api import basic_int as h3

    from apps.matching.batches.builds import TERRITORY_RESOLUTION

    cells, place = np.unique(everybody.rows["cell"].astype(np.int64), return_inverse=True)
    return np.array([h3.cell_to_parent(cell, TERRITORY_RESOLUTION) for cell in cells.tolist()])[place]


def _give_tastes(everybody: Known) -> None:
    made_up = np.random.default_rng(0).normal(0, DEVIATION, (2, len(everybody.rows), RANK)).astype(np.float32)
    all_of_them = np.ones(len(everybody.rows), dtype=bool)
    tastes._write(everybody, stored(Factors(*made_up)), all_of_them, all_of_them)


def _fit_alone() -> str:
    dice = np.random.default_rng(0)
    giver, receiver = dice.integers(0, MANY_MEMBERS, (2, MANY_SWIPES), dtype=np.int32)
    swipes = Swipes(giver, receiver, dice.random(MANY_SWIPES, dtype=np.float32) < 0.35)
    log_odds = np.full(MANY_SWIPES, -0.6, dtype=np.float32)
    fit(Swipes(giver[:9], receiver[:9], swipes.liked[:9]), log_odds[:9], MANY_MEMBERS, rounds=1)
    begun = time.perf_counter()
    fit(swipes, log_odds, MANY_MEMBERS)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"{time.perf_counter() - begun:.1f} s, {memory:.2f} GB with the arrays"


def _ms(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
