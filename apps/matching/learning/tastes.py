"""Every night's fit of members' tastes: learned from swipes, judged on later ones, kept where it is surely better.

Explained is what the running model leaves unexplained by what is known of both today, not when the card was shown: what
a like says of the giver's pickiness and the receiver's appeal is counted by then, and must not be learned once more.

Nothing is written before the fit is judged. Each fit starts from what members have and so keeps its directions: who is
killed while writing leaves some with tonight's numbers and some with yesterday's, which go together, and the next run
makes the fit again.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

import numpy as np
import structlog
from django.db import connection, transaction
from django.utils import timezone

from apps.matching.batches.reading import Known, read_members
from apps.matching.candidates import Rows
from apps.matching.engine.eligibility import Bools
from apps.matching.engine.factors import Factors
from apps.matching.engine.features import (
    Members,
    Pairs,
    directed_columns,
    giver_columns,
    mutual_columns,
    receiver_columns,
)
from apps.matching.engine.fitting import FIRST_ROUNDS, ROUNDS, fit
from apps.matching.engine.history import Column, Swipes
from apps.matching.engine.market import Int32s
from apps.matching.engine.ranker import Model
from apps.matching.engine.training import Verdict, judged, platt
from apps.matching.learning import standings
from apps.matching.learning.factors import Stored, factors_of, is_known, stored
from apps.matching.learning.models import TasteFit
from apps.matching.learning.running import running_model

log = structlog.get_logger(__name__)
_SWIPE: Final = np.dtype([("giver", ">i4"), ("receiver", ">i4"), ("liked", "i1")])

WITHIN = timedelta(days=180)
MOST_SWIPES, MOST_JUDGED = 20_000_000, 2_000_000  # the newest
LEAST_SWIPES, LEAST_JUDGED = 5000, 500
# Givers are judged in groups, so that one of them who swipes a lot cannot decide.
GROUPS = 200
PAIRS_AT_ONCE, MEMBERS_AT_ONCE = 200_000, 2000


@dataclass(frozen=True)
class Outcome:
    """What a night came to. `fit` is None where nothing was learned; `why` says why not, or how it was judged."""

    fit: TasteFit | None
    why: str


def learn_tastes(*, least: int = LEAST_SWIPES, least_judged: int = LEAST_JUDGED) -> Outcome:
    """Fits everybody's tastes to swipes until yesterday, and keeps them if they say more of yesterday's and today's.

    Starts from those that members have, which have not seen those swipes either. Run twice on a day, the second does
    nothing.
    """
    until = datetime.combine(timezone.now().astimezone(UTC).date() - timedelta(days=1), time.min, UTC)
    if TasteFit.objects.filter(until=until.date()).exists():
        return Outcome(None, f"learned until {until.date()} already")
    model = running_model()
    everybody = read_members(model.population, "true")
    known = _swipes(everybody, since=until - WITHIN, until=until, most=MOST_SWIPES)
    later = _swipes(everybody, since=until, until=timezone.now(), most=MOST_JUDGED)
    if len(known.giver) < least or len(later.giver) < least_judged:
        log.info("tastes_not_learned", swipes=len(known.giver), judged=len(later.giver))
        return Outcome(None, f"{len(known.giver)} swipes and {len(later.giver)} later ones: too few")
    before = everybody.members.factors or Factors.none(len(everybody.rows))
    is_first = not TasteFit.objects.filter(is_kept=True).exists()
    explained, to_explain = (_log_odds(model, everybody.members, swipes) for swipes in (known, later))
    slope, offset = _calibration(explained, known)
    rounds = FIRST_ROUNDS if is_first else ROUNDS
    rows = stored(fit(known, slope * explained + offset, len(everybody.rows), start=before, rounds=rounds))
    found = factors_of(rows)  # as members would have them
    verdict, figures = _judge(later, slope * to_explain + offset, before, found)
    figures |= {"swipes": len(known.giver), "members": int(is_known(found).sum())}
    if verdict.is_better:
        _write(everybody, rows, is_known(found), is_known(before))
    return _note(until, verdict, figures)


def _note(until: datetime, verdict: Verdict, figures: dict[str, float]) -> Outcome:
    better = f"log loss {verdict.gain:+.5f} better [{verdict.low:+.5f}, {verdict.high:+.5f}]"
    why = better if verdict.is_better else f"not surely better on later swipes: {better}"
    # two that ran side by side have found the same
    done, _ = TasteFit.objects.get_or_create(
        until=until.date(), defaults={"is_kept": verdict.is_better, "figures": figures, "why": why}
    )
    log.info("tastes_judged", until=str(done.until), is_kept=done.is_kept, gain=verdict.gain, **figures)
    return Outcome(done, why)


def _judge(later: Swipes, log_odds: Column, before: Factors, found: Factors) -> tuple[Verdict, dict[str, float]]:
    """Is the log loss of these swipes surely lower with what was found than with what members have, and without tastes?

    The less favourable verdict of the two, and the log losses.
    """
    losses = {
        name: np.logaddexp(0, np.where(later.liked, -1, 1) * (log_odds + factors.affinity(later.giver, later.receiver)))
        for name, factors in (("before", before), ("found", found))
    }
    losses["none"] = np.logaddexp(0, np.where(later.liked, -1, 1) * log_odds)
    verdicts = [judged(losses[other] - losses["found"], later.giver % GROUPS) for other in ("before", "none")]
    verdict = min(verdicts, key=lambda each: each.low)
    figures = {f"log_loss_{name}": float(loss.mean(dtype=np.float64)) for name, loss in losses.items()}
    finite = {name: figure for name, figure in figures.items() if math.isfinite(figure)}
    return verdict, {**finite, "judged": len(later.giver)}


def _calibration(log_odds: Column, swipes: Swipes) -> tuple[np.float32, np.float32]:
    """Slope and offset by which the model is right on the whole: how wrong it is for all is nobody's taste."""
    some = slice(None, None, max(1, len(log_odds) // PAIRS_AT_ONCE))
    weight = np.ones(len(log_odds[some]))
    slope, offset = platt(log_odds[some].astype(np.float64), swipes.liked[some], weight)
    return np.float32(slope), np.float32(offset)


def _log_odds(model: Model, members: Members, swipes: Swipes) -> Column:
    """What the model says of each like by all that it knows but tastes, as if the card were shown now."""
    population = model.population
    giving = model.log_odds(giver_columns(members, population)) + np.float32(model.constant)
    receiving = model.log_odds(receiver_columns(members, population))
    result = np.empty(len(swipes.giver), dtype=np.float32)
    for start in range(0, len(result), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        pairs = Pairs.of(swipes.giver[some], swipes.receiver[some])
        between = mutual_columns(members, pairs, population) | directed_columns(members, pairs)
        result[some] = giving[pairs.giver] + receiving[pairs.receiver] + model.log_odds(between)
    return result


# ---- From the tables and back


def _swipes(everybody: Known, *, since: datetime, until: datetime, most: int) -> Swipes:
    """The newest of this time between those members, by position. A query for each day, of nine bytes a swipe."""
    numbers, parts = everybody.rows["number"].astype(np.int32), []
    for start, end in _days(since, until):
        rows = _ask(start, end, most)
        parts.append(_positions(rows, numbers))
        most -= len(rows)
        if most <= 0:
            break
    return Swipes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("giver", "receiver", "liked")))


def _positions(rows: Rows, numbers: Int32s) -> Swipes:
    """Without those of members who are newer than what was read of the members: there is tomorrow."""
    wanted = np.stack([rows["giver"], rows["receiver"]]).astype(np.int32)
    found = np.minimum(np.searchsorted(numbers, wanted), max(len(numbers) - 1, 0)).astype(np.int32)
    is_there = (numbers[found] == wanted).all(axis=0)
    giver, receiver = found
    return Swipes(giver, receiver, rows["liked"] != 0).where(is_there)


def _days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From the last one back."""
    end = until
    while end > since:
        start = max(since, end - timedelta(days=1))
        yield start, end
        end = start


def _ask(start: datetime, end: datetime, most: int) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(_SWIPES, {"since": start, "until": end, "most": most})
        (data,) = cursor.fetchone()
    return np.frombuffer(data or b"", dtype=_SWIPE)


def _write(everybody: Known, rows: Stored, has: Bools, had: Bools) -> None:
    """In the members' standings, and away from those of whom nothing is known any more.

    A transaction for some members at a time, in the order of their numbers.
    """
    concerned = np.flatnonzero(has | had)
    for start in range(0, len(concerned), MEMBERS_AT_ONCE):
        some = concerned[start : start + MEMBERS_AT_ONCE]
        tastes = [rows[each].tobytes() if has[each] else None for each in some.tolist()]
        with transaction.atomic(), connection.cursor() as cursor:
            standings.wait_for_turn(cursor)
            cursor.execute(_TASTES, {"numbers": everybody.rows["number"][some].tolist(), "values": tastes})


_SWIPES = """
    SELECT string_agg(int4send(giver) || int4send(receiver) || boolsend(liked), '')
    FROM (
        SELECT giver.number AS giver, receiver.number AS receiver, swipe.liked
        FROM matching_swipe AS swipe
        JOIN matching_candidate AS giver ON giver.user_id = swipe.swiper_id
        JOIN matching_candidate AS receiver ON receiver.user_id = swipe.target_id
        WHERE swipe.created_at >= %(since)s AND swipe.created_at < %(until)s
        ORDER BY swipe.created_at DESC, swipe.id
        LIMIT %(most)s
    ) AS day
"""
_TASTES = standings.write_of("tastes", "bytea")
