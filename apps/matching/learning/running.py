"""The model that this process ranks by: the running one, as the table had it a few seconds ago."""

import time
from dataclasses import dataclass

import numpy as np
import structlog

from apps.matching.engine.eligibility import Ints
from apps.matching.engine.history import History, Population, population_of_counts
from apps.matching.engine.ranker import Model, starting_model
from apps.matching.learning.models import RankerModel
from apps.users.catalogue import INTERESTS
from apps.users.models import Language

log = structlog.get_logger(__name__)
LOOK_AGAIN_SECS = 5.0


@dataclass(frozen=True)
class _Known:
    number: int | None
    model: Model
    looked_at: float  # time.monotonic()


_known: _Known | None = None


def running_model() -> Model:
    """At most five seconds old, for one small query each five seconds; the starting model while none runs.

    A model that this release cannot read is reported, and what was known before goes on ranking.
    """
    global _known
    now = time.monotonic()
    if _known is None or now - _known.looked_at >= LOOK_AGAIN_SECS:
        _known = _look(_known, now)
    return _known.model


def forget() -> None:
    """The next question looks at the table: for who has just changed it."""
    global _known
    _known = None


def unlearned_population() -> Population:
    """What to assume before anything was counted: half of all cards are liked, all interests are equally rare."""
    nobody: Ints = np.zeros(0, dtype=np.int64)
    even = {"interests": dict.fromkeys(INTERESTS, 1.0), "languages": dict.fromkeys(Language.values, 1.0)}
    return population_of_counts(nobody, History.none(0), rarity=even)


def _look(known: _Known | None, now: float) -> _Known:
    running = RankerModel.objects.filter(state=RankerModel.State.RUNNING)
    number = running.values_list("number", flat=True).first()
    if known and known.number == number:
        return _Known(number, known.model, now)
    model = starting_model(unlearned_population()) if number is None else None
    try:
        model = model or Model.from_json(running.values_list("model", flat=True).get())
    except (ValueError, RankerModel.DoesNotExist) as error:
        log.error("ranker_not_read", number=number, error=str(error))
        model = known.model if known else starting_model(unlearned_population())
    return _Known(number, model, now)
