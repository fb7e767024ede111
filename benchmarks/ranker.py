"""Who would like whom back: the learned ranker against the plain heuristic, on what people decided at speed dating.

Usage: ranker.py [TRAIN.csv [--test TEST.csv]]. The data are those of Fisman, Iyengar, Kamenica and Simonson (Quarterly
Journal of Economics 2006): everybody of a wave meets everybody of the other side on one evening and says yes or no, in
secret. Each wave is predicted by a model that saw other waves only (its penalty and calibration too); with `--test`, by
one that saw no wave of the test file. What counts are the mutual likes among the three best ranked of each person.

Cold: the wave is unseen, members are known by what they stated beforehand. Warm: the dates of the first half of the
evening are their history, and those of the second half are ranked. Race is left out on purpose: no deck sorts by it.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from apps.matching.engine.eligibility import ANYWHERE_KM, People  # noqa: E402
from apps.matching.engine.features import Members, Pairs, features  # noqa: E402
from apps.matching.engine.history import History, Population, Swipes, population_of, rarity  # noqa: E402
from apps.matching.engine.ranker import Model, likelihoods  # noqa: E402
from apps.matching.engine.scoring import score as heuristic_score  # noqa: E402
from apps.matching.engine.training import Impressions, auc, calibration_error, mutual_in_top, train  # noqa: E402
from benchmarks.report import write  # noqa: E402

DEFAULT = ROOT.parent / "shared" / "data" / "speed_dating_waves_1_14.csv"
INTERESTS = ["sports", "tvsports", "exercise", "dining", "museums", "art", "hiking", "gaming", "clubbing", "reading"]
INTERESTS += ["tv", "theater", "movies", "concerts", "music", "shopping", "yoga"]
INTERESTED = 7  # of 10: from here on a rating counts as an interest, as a member would choose it from the catalogue
IMPORTANCE = [f"{quality}1_1" for quality in ("attr", "sinc", "intel", "fun", "amb", "shar")]
SELF_RATING = [f"{quality}3_1" for quality in ("attr", "sinc", "intel", "fun", "amb")]
HABITS = ["go_out", "date", "exphappy", "imprelig", "imprace"]
CHOICES = ["goal", "field_cd"]
KEYS = ["iid", "pid", "wave", "gender", "order", "dec", "age"]
COLUMNS = [*KEYS, *INTERESTS, *IMPORTANCE, *SELF_RATING, *HABITS, *CHOICES]

RATINGS, BASELINE = (7, 6, 8, 9), "heuristic, interest from 7"
FEWEST_WAVES = 3  # the tested one, and two to train and calibrate on
TOP, HISTORY, TRAINING_HISTORIES = 3, 0.5, (0.25, 0.5, 0.75)
DRAWS, CONFIDENCE = 10_000, 0.95


@dataclass(frozen=True)
class Evening:
    """One wave: who was there, and each date twice, once from either side. `order` is the later of the two numbers that
    some waves give a date, so that a date is either history to both or to neither."""

    wave: int
    gender: np.ndarray
    age: np.ndarray
    ratings: np.ndarray  # of each of INTERESTS, by person
    answers: dict[str, np.ndarray]
    sets: dict[str, list[list[str]]]
    swipes: Swipes
    mutual: np.ndarray
    order: np.ndarray

    def past(self, share: float) -> np.ndarray:
        return self.order <= np.ceil(self.order.max() * share)


def read(path: Path) -> list[Evening]:
    """The waves of a file, without dates that one side alone reported. Exits when it is another kind of file."""
    if not path.is_file():
        sys.exit(f"{path}: no such file")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    rows = list(csv.DictReader(text.splitlines()))
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        sys.exit(f"{path}: not the speed-dating data, or another edition of it; columns missing: {', '.join(missing)}")
    try:
        table = {name: np.array([float(row[name] or "nan") for row in rows]) for name in COLUMNS}
    except ValueError as error:
        sys.exit(f"{path}: a column that should hold numbers does not: {error}")
    return [evening(wave, table) for wave in np.unique(table["wave"])]


def evening(wave: float, table: dict[str, np.ndarray]) -> Evening:
    own = {name: column[table["wave"] == wave] for name, column in table.items()}
    row_of = {pair: row for row, pair in enumerate(zip(own["iid"], own["pid"], strict=True))}
    rows = np.array([row for (one, other), row in row_of.items() if (other, one) in row_of])
    back = np.array([row_of[own["pid"][row], own["iid"][row]] for row in rows])
    ids, first = np.unique(own["iid"], return_index=True)
    giver, receiver = np.searchsorted(ids, own["iid"][rows]), np.searchsorted(ids, own["pid"][rows])
    person = {name: column[first] for name, column in own.items()}
    liked = own["dec"] == 1
    return Evening(
        wave=int(wave),
        gender=person["gender"].astype(np.int64) + 1,
        age=np.where(np.isnan(person["age"]), np.nanmedian(table["age"]), person["age"]),
        ratings=np.column_stack([person[name] for name in INTERESTS]),
        answers=answers_of(person),
        sets=sets_of(person),
        swipes=Swipes(giver, receiver, liked[rows]),
        mutual=liked[rows] & liked[back],
        order=np.fmax(own["order"][rows], own["order"][back]),
    )


def answers_of(person: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Importance is scaled to 100 in all, since some waves shared out 100 points and others gave marks."""
    total = np.nansum([person[name] for name in IMPORTANCE], axis=0)
    total[total == 0] = np.nan
    importance = {name: person[name] / total * 100 for name in IMPORTANCE}
    others = {name: person[name] for name in (*SELF_RATING, *HABITS)}
    return {name: column.astype(np.float32) for name, column in (importance | others).items()}


def sets_of(person: dict[str, np.ndarray]) -> dict[str, list[list[str]]]:
    places = range(len(person["iid"]))
    interests = [[name for name in INTERESTS if person[name][place] >= INTERESTED] for place in places]
    choices = {
        name: [[] if np.isnan(chosen) else [f"{chosen:.0f}"] for chosen in person[name].tolist()] for name in CHOICES
    }
    return {"interests": interests, **choices}


def population(evenings: Sequence[Evening]) -> Population:
    """What is usual among the people of these evenings."""
    starts = np.cumsum([0, *(len(each.gender) for each in evenings)])
    swipes = Swipes(
        np.concatenate([each.swipes.giver + start for each, start in zip(evenings, starts, strict=False)]),
        np.concatenate([each.swipes.receiver + start for each, start in zip(evenings, starts, strict=False)]),
        np.concatenate([each.swipes.liked for each in evenings]),
    )
    rare = {}
    for name in evenings[0].sets:
        everybody = [own for each in evenings for own in each.sets[name]]
        chosen = [entry for own in everybody for entry in own]
        rare[name] = rarity({entry: chosen.count(entry) for entry in sorted(set(chosen))}, len(everybody))
    return population_of(np.concatenate([each.gender for each in evenings]), swipes, rarity=rare)


def members(each: Evening, usual: Population, past: np.ndarray | None) -> Members:
    """The people of an evening as they are known after those dates; None: before the first."""
    size = len(each.gender)
    unknown = np.full(size, np.nan, dtype=np.float32)
    anything = np.zeros(size, dtype=np.int64)
    place = np.zeros(size)
    return Members(
        people=People(each.gender, each.age, place, place, anything, anything, anything + 200, place + ANYWHERE_KM),
        history=History.none(size) if past is None else usual.history(each.gender, each.swipes.where(past)),
        inactive_days=unknown,
        completeness=unknown,
        sets={name: usual.pack(name, entries) for name, entries in each.sets.items()},
        answers=each.answers,
    )


def impressions(each: Evening, usual: Population, past: np.ndarray | None) -> Impressions:
    """The dates that are not history yet, as cards that were shown and swiped."""
    shown = np.ones(len(each.order), dtype=bool) if past is None else ~past
    swipes = each.swipes.where(shown)
    known = members(each, usual, past)
    return Impressions(
        columns=features(known, Pairs.of(swipes.giver, swipes.receiver), usual),
        liked=swipes.liked,
        position=each.order[shown].astype(np.int64) - 1,
        propensity=np.ones(len(swipes.liked), dtype=np.float32),
        group=np.full(len(swipes.liked), each.wave),
    )


def learn(evenings: Sequence[Evening], *, warm: bool) -> Model:
    usual = population(evenings)
    pasts = [
        (each, each.past(share) if warm else None)
        for share in (TRAINING_HISTORIES if warm else (0.0,))
        for each in evenings
    ]
    parts = [impressions(each, usual, past) for each, past in pasts]
    return train(joined(parts), usual, version="benchmark")


def joined(parts: Sequence[Impressions]) -> Impressions:
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Impressions(
        columns,
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("liked", "position", "propensity", "group")
        ),
    )


@dataclass(frozen=True)
class Outcome:
    """Of one wave: mutual likes in the top three for each way of ranking, and what was predicted of whom."""

    taken: dict[str, float]
    predicted: np.ndarray
    liked: np.ndarray


def outcome(each: Evening, model: Model, *, warm: bool) -> Outcome:
    past = each.past(HISTORY) if warm else None
    shown = np.ones(len(each.order), dtype=bool) if past is None else ~past
    swipes, known = each.swipes.where(shown), members(each, model.population, past)
    pairs = Pairs.of(swipes.giver, swipes.receiver)
    found = likelihoods(model, known, pairs)
    scores = {
        "ranker": found.score(pairs.likes_giver),
        "one side's taste": found.there,
        "chance": np.zeros(len(pairs)),
        "hindsight": each.mutual[shown].astype(float),
        **{f"heuristic, interest from {rating}": by_heuristic(each, pairs, rating) for rating in RATINGS},
    }
    taken = {
        name: float(mutual_in_top(score, swipes.giver, each.mutual[shown], TOP).sum()) for name, score in scores.items()
    }
    return Outcome(taken, found.there, swipes.liked)


def by_heuristic(each: Evening, pairs: Pairs, rating: int) -> np.ndarray:
    """The product's own heuristic. All are in one room and there now, and nobody knows who likes them."""
    interested = each.ratings >= rating
    nothing = np.zeros(len(pairs))
    return heuristic_score(
        shared_interests=(interested[pairs.giver] & interested[pairs.receiver]).sum(axis=1),
        distance_km=nothing,
        inactive_days=nothing,
        likes_viewer=nothing.astype(bool),
    )


def outcomes(training: Sequence[Evening], testing: Sequence[Evening] | None, *, warm: bool) -> list[Outcome]:
    """Of each wave of `testing`, or with None of each wave of `training` by a model of the others."""
    if testing is not None:
        model = learn(training, warm=warm)
        return [outcome(each, model, warm=warm) for each in testing]
    return [
        outcome(each, learn([other for other in training if other is not each], warm=warm), warm=warm)
        for each in training
    ]


def gain(found: Sequence[Outcome], name: str, baseline: str) -> tuple[float, float, float]:
    """How many more mutual likes than the baseline, as a share, with its 95 % interval over waves (bootstrap)."""
    new, old = (np.array([each.taken[which] for each in found]) for which in (name, baseline))
    drawn = np.random.default_rng(0).integers(0, len(found), (DRAWS, len(found)))
    gains = new[drawn].sum(axis=1) / old[drawn].sum(axis=1) - 1
    low, high = np.quantile(gains, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return new.sum() / old.sum() - 1, low, high


def report(setting: str, found: Sequence[Outcome]) -> tuple[dict[str, float], dict[str, float]]:
    """Prints a table; returns figures and ratios."""
    predicted = np.concatenate([each.predicted for each in found])
    liked = np.concatenate([each.liked for each in found])
    figures = {"AUC": auc(predicted, liked), "calibration error": calibration_error(predicted, liked)}
    ratios = {}
    quality = f"AUC {figures['AUC']:.3f}, calibration error {figures['calibration error']:.3f}"
    print(f"\n{setting}: {len(found)} waves, {len(liked)} decisions, {quality}")  # noqa: T201
    print(f"{'':30} {'mutual in top 3':>16} {'against it, the ranker gains':>30}")  # noqa: T201 a table for people
    for name in found[0].taken:
        figures[f"mutual in top 3, {name}"] = sum(each.taken[name] for each in found)
        more, low, high = gain(found, "ranker", name)
        print(f"{name:30} {figures[f'mutual in top 3, {name}']:>16.1f} {more:>+12.1%} [{low:+.1%}, {high:+.1%}]")  # noqa: T201
        if name == BASELINE:
            ratios = {"gain": more, "gain, low end": low, "gain, high end": high}
    return (
        {f"{setting}: {name}": round(value, 4) for name, value in figures.items()},
        {f"{setting}: {name}": round(value, 4) for name, value in ratios.items()},
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "train", nargs="?", type=Path, metavar="TRAIN.csv", help="default: %(default)s", default=DEFAULT
    )
    parser.add_argument("--test", type=Path, metavar="TEST.csv", help="report on these waves instead")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    if len(sys.argv) == 1 and not DEFAULT.exists():
        print(f"nothing measured: {DEFAULT} is not there; give the data as an argument")  # noqa: T201
        return
    training, testing = read(chosen.train), read(chosen.test) if chosen.test else None
    if testing is not None:
        tested = {each.wave for each in testing}
        training = [each for each in training if each.wave not in tested]
    if len(training) < FEWEST_WAVES:
        sys.exit(f"{chosen.train}: {len(training)} waves to train on; at least {FEWEST_WAVES} are needed")
    written: dict[str, dict[str, float]] = {"figures": {}, "ratios": {}}
    for setting, warm in (("cold", False), ("warm", True)):
        figures, ratios = report(setting, outcomes(training, testing, warm=warm))
        written["figures"] |= figures
        written["ratios"] |= ratios
    write("ranker", written["figures"], written["ratios"])


if __name__ == "__main__":
    main()
