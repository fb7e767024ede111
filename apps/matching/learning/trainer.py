"""From impressions to a model, and whether it may rank: trained on earlier days, judged on the newest ones."""

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from apps import flags
from apps.core.errors import MeetsMatchError
from apps.matching.engine.history import History, Population, population_of_counts, rarity
from apps.matching.engine.ranker import Likelihoods, Model, starting_model
from apps.matching.engine.training import (
    Impressions,
    Verdict,
    evaluate,
    is_better,
    mutual_in_top,
    train,
)
from apps.matching.learning import running
from apps.matching.learning.facts import COUNTS, columns
from apps.matching.learning.impressions import Labelled, labelled
from apps.matching.learning.models import RankerModel
from apps.matching.models import Candidate
from apps.users.catalogue import INTERESTS
from apps.users.models import Language

log = structlog.get_logger(__name__)
State = RankerModel.State

WITHIN = timedelta(days=60)
MOST_IMPRESSIONS = 300_000
LEAST_IMPRESSIONS, LEAST_DAYS = 5000, 5
# One day in five is held out, the newest; two at least, for with a single one there is no interval.
HELD_OUT_SHARE, LEAST_HELD_OUT = 5, 2
TOP = 3


class RankerError(MeetsMatchError):
    """This model cannot be chosen; the text says why, to staff."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to. `ranker` is None where nothing was trained; `why` says why not, or how it was judged."""

    ranker: RankerModel | None
    why: str


def train_ranker(*, least: int = LEAST_IMPRESSIONS) -> Outcome:
    """Trains on the swiped impressions of the last 60 days, and lets the new model rank if it is better.

    Both are judged on the newest days, which neither was trained on. With fewer impressions than `least`, or on fewer
    than five days, nothing changes.
    """
    shown = labelled(since=timezone.now() - WITHIN, most=MOST_IMPRESSIONS)
    days = np.unique(shown.day)
    if len(shown) < least or len(days) < LEAST_DAYS:
        why = f"{len(shown)} swiped cards on {len(days)} days: {least} on {LEAST_DAYS} are needed"
        log.info("ranker_not_trained", impressions=len(shown), days=len(days))
        return Outcome(None, why)
    held_out = shown.day >= days[-max(LEAST_HELD_OUT, len(days) // HELD_OUT_SHARE)]
    population = population_now()
    number = (RankerModel.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    try:
        new = train(_impressions(shown.where(~held_out), population), population, version=f"r{number}")
    except ValueError as error:
        return Outcome(None, str(error))
    return _judge(new, number, shown.where(held_out))


@transaction.atomic
def make_running(ranker: RankerModel, *, why: str) -> None:
    """This model ranks from now on, in every process within seconds; the one that did is retired.

    Raises RankerError: without a reason, and for a model that needs features of another release.
    """
    _check_reason(why)
    try:
        Model.from_json(ranker.model)
    except ValueError as error:
        raise RankerError(str(error)) from error
    others = RankerModel.objects.select_for_update().filter(state=State.RUNNING).exclude(pk=ranker.pk)
    others.update(state=State.RETIRED, why=f"{ranker.version} took over: {why.strip()}"[:500])
    RankerModel.objects.filter(pk=ranker.pk).update(state=State.RUNNING, why=why.strip()[:500])
    transaction.on_commit(running.forget)


@transaction.atomic
def stop_running(ranker: RankerModel, *, why: str) -> None:
    """If this model ranks, the starting model does so in its place. Raises RankerError without a reason."""
    _check_reason(why)
    running_one = RankerModel.objects.filter(pk=ranker.pk, state=State.RUNNING)
    running_one.update(state=State.RETIRED, why=why.strip()[:500])
    transaction.on_commit(running.forget)


def _check_reason(why: str) -> None:
    if not why.strip():
        raise RankerError("a change of the model that ranks needs a reason")


def population_now() -> Population:
    """What is usual among the members now, by their standings and profiles."""
    names = ("gender", *(f"user__counts__{name}" for name in COUNTS))
    listed = Candidate.objects.filter(listed=True).values_list(*names).iterator(chunk_size=20_000)
    # one by one, since a million rows of Python's numbers would take half a gigabyte
    rows = np.fromiter((value or 0 for row in listed for value in row), dtype=np.float32).reshape(-1, len(names))
    return population_of_counts(rows[:, 0].astype(np.int64), History(*rows[:, 1:].T), rarity=_rarity(len(rows)))


def figures(model: Model, shown: Labelled) -> dict[str, float]:
    """Of a model on these impressions: the engine's, and which share of mutual likes its best three a viewer hold.

    Without the AUC where all were liked, or none.
    """
    impressions = _impressions(shown, model.population)
    likely = Likelihoods(*(model.predict(columns(shown.numbers, model.population, back=way)) for way in (False, True)))
    likes_giver = impressions.columns["likes_giver"] > 0
    mutual = shown.liked & shown.liked_back
    in_top = mutual_in_top(likely.score(likes_giver), shown.viewer, mutual, TOP)
    found = {**evaluate(model, impressions), "mutual_in_top_3": float(in_top.sum() / max(mutual.sum(), 1))}
    return {name: figure for name, figure in found.items() if math.isfinite(figure)}


def _judge(new: Model, number: int, held_out: Labelled) -> Outcome:
    current = running.running_model()
    if current.version == "start":
        # what is usual has been counted now, so that the starting model need not guess it
        current = starting_model(new.population)
    verdict = is_better(
        new,
        current,
        _impressions(held_out, new.population),
        seen_by_running=_impressions(held_out, current.population),
    )
    state, why = _decision(verdict, current)
    compared = {
        "new": figures(new, held_out),
        "running": figures(current, held_out),
        "running_version": current.version,
        "gain": [each if math.isfinite(each) else None for each in (verdict.gain, verdict.low, verdict.high)],
    }
    ranker = _keep(RankerModel(number=number, state=state, model=new.to_json(), figures=compared, why=why))
    log.info("ranker_judged", version=new.version, state=ranker.state, gain=verdict.gain)
    return Outcome(ranker, why)


def _decision(verdict: Verdict, current: Model) -> tuple[State, str]:
    gain = f"log loss {verdict.gain:+.4f} better than {current.version} [{verdict.low:+.4f}, {verdict.high:+.4f}]"
    if not verdict.is_better:
        return State.REJECTED, f"not surely better on the days held out: {gain}"
    if not flags.is_enabled("matching.new_models"):
        return State.CANDIDATE, f"waits for a manager, since matching.new_models is off: {gain}"
    return State.RUNNING, gain


@transaction.atomic
def _keep(ranker: RankerModel) -> RankerModel:
    """Saved in the state that was decided, in place of the running one if it is to run."""
    decided = ranker.state
    ranker.state = State.CANDIDATE if decided == State.RUNNING else decided
    ranker.save()
    if decided == State.RUNNING:
        make_running(ranker, why=ranker.why)
        ranker.state = decided
    return ranker


def _impressions(shown: Labelled, population: Population) -> Impressions:
    return Impressions(
        columns=columns(shown.numbers, population),
        liked=shown.liked,
        position=shown.place,
        propensity=shown.propensity,
        group=shown.day,
    )


def _rarity(members: int) -> dict[str, dict[str, float]]:
    """Of all interests and languages there are, by how many listed members have them."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES)
        counted = {(name, entry): count for name, entry, count in cursor.fetchall()}
    catalogue = {"interests": list(INTERESTS), "languages": Language.values}
    return {
        name: rarity({entry: counted.get((name, entry), 0) for entry in entries}, members)
        for name, entries in catalogue.items()
    }


_ENTRIES = """
    SELECT 'interests', entry, count(*)
    FROM matching_candidate AS candidate
    JOIN users_profile AS profile ON profile.user_id = candidate.user_id
    CROSS JOIN unnest(profile.interests) AS entry
    WHERE candidate.listed
    GROUP BY entry
    UNION ALL
    SELECT 'languages', language, count(*)
    FROM matching_candidate AS candidate
    JOIN users_user AS member ON member.id = candidate.user_id
    WHERE candidate.listed
    GROUP BY language
"""
