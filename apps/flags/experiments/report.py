"""The results of an experiment as its page shows them: everything in words, numbers as people write them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.flags.experiments.chart import Chart, charts
from apps.flags.experiments.models import Experiment
from apps.flags.experiments.results import Arm, Finding, MetricResult, Plan, Results, VariantCount
from apps.flags.experiments.selectors import results
from apps.flags.experiments.statistics import Comparison
from apps.flags.experiments.words import interval_in_words, p_value_in_words, percent_in_words
from apps.flags.texts import signed

# Label and icon by what was found; the colours are unfold's.
TONES = {
    Finding.NOT_TO_BE_TRUSTED: ("danger", "gpp_maybe"),
    Finding.TOO_EARLY: ("info", "hourglass_top"),
    Finding.BETTER: ("success", "trending_up"),
    Finding.WORSE: ("danger", "trending_down"),
    Finding.NO_DIFFERENCE: ("warning", "drag_handle"),
}


@dataclass(frozen=True)
class ArmRow:
    """One variant under one metric. `tone`: good or bad where the interval leaves 0 out; None for the control.

    `bar` are the ends of the interval and the lift, from -100 to 100 of what fits; None where nothing can be said.
    """

    variant: str
    is_control: bool
    converted: int
    members: int
    share: str
    lift: str
    interval: str
    p_value: str
    tone: str | None
    bar: tuple[float, float, float] | None


@dataclass(frozen=True)
class MetricTable:
    label: str
    is_primary: bool
    is_harmful: bool
    rows: tuple[ArmRow, ...]


@dataclass(frozen=True)
class VariantRow:
    """`split`: how many per cent of the exposed got it, and how many were to; `progress` from 0 to 100."""

    count: VariantCount
    needed: int
    split: str
    designed: str

    @property
    def progress(self) -> int:
        return min(100, 100 * self.count.observed // self.needed)


@dataclass(frozen=True)
class Report:
    as_of: datetime
    tone: str
    icon: str
    verdict: str
    warnings: tuple[str, ...]
    observed: int
    exposed: int
    needed: int
    progress: int
    variants: tuple[VariantRow, ...]
    tables: tuple[MetricTable, ...]
    charts: list[Chart]
    is_ratio_off: bool
    notes: tuple[str, ...]


def report(experiment: Experiment, now: datetime) -> Report:
    """Two queries, however many members there are."""
    found, plan = results(experiment, now), Plan.of(experiment)
    tone, icon = TONES[found.verdict.finding]
    rows = tuple(_variants(found, plan))
    return Report(
        as_of=found.as_of,
        tone=tone,
        icon=icon,
        verdict=_verdict(experiment, found),
        warnings=found.verdict.warnings,
        observed=sum(each.observed for each in found.variants),
        exposed=sum(each.exposed for each in found.variants),
        needed=found.members_needed,
        progress=min(row.progress for row in rows),
        variants=rows,
        tables=tuple(_table(metric) for metric in found.metrics),
        charts=charts(found.series),
        is_ratio_off=found.is_ratio_off,
        notes=tuple(_notes(experiment, found)),
    )


def _variants(found: Results, plan: Plan) -> Iterator[VariantRow]:
    exposed, weights = sum(each.exposed for each in found.variants), sum(plan.weights.values())
    for each in found.variants:
        split = percent_in_words(each.exposed / exposed) if exposed else "–"
        yield VariantRow(each, plan.needed[each.name], split, percent_in_words(each.weight / weights))


def _table(result: MetricResult) -> MetricTable:
    widest = max((_reach(arm) for arm in result.arms), default=0)
    rows = tuple(_row(result, arm, widest) for arm in result.arms)
    return MetricTable(str(result.metric.label), result.is_primary, result.is_harmful, rows)


def _row(result: MetricResult, arm: Arm, widest: float) -> ArmRow:
    found = arm.comparison
    return ArmRow(
        arm.variant,
        is_control=found is None,
        converted=arm.tally.converted,
        members=arm.tally.members,
        share="–" if arm.share is None else percent_in_words(arm.share),
        lift=signed(found.lift) if found else "",
        interval=interval_in_words(found) if found else "",
        p_value=p_value_in_words(found.p_value) if found and found.is_enough else "",
        tone=_tone(result, found) if found else None,
        bar=_bar(found, widest) if found else None,
    )


def _bar(found: Comparison, widest: float) -> tuple[float, float, float] | None:
    if found.low is None or found.high is None or found.lift is None or not widest:
        return None
    low, high, lift = (round(100 * end / widest, 1) for end in (found.low, found.high, found.lift))
    return low, high, lift


def _tone(result: MetricResult, found: Comparison) -> str | None:
    if found.low is None or found.high is None or found.low <= 0 <= found.high:
        return None
    return "good" if (found.low > 0) is not result.is_harmful else "bad"


def _reach(arm: Arm) -> float:
    """How far the interval goes from 0."""
    found = arm.comparison
    return max(abs(found.low or 0), abs(found.high or 0)) if found else 0


# ---- In words


def _verdict(experiment: Experiment, found: Results) -> str:
    if experiment.ended_at is None or found.verdict.finding is not Finding.TOO_EARLY:
        return found.verdict.text
    return _("It was stopped before anything could be said. The interval shows what can be ruled out.")


def _notes(experiment: Experiment, found: Results) -> Iterator[str]:
    p_value = p_value_in_words(found.ratio_p_value)
    if found.is_ratio_off:
        text = _("Members are not split as designed (p: {p}): assignment or logging is broken. Ask the engineers.")
    else:
        text = _("Members are split as designed, as far as can be seen (p: {p}).")
    yield text.format(p=p_value)
    text = _("If there is a difference of {lift} %, the chance that it would be found by now is {power}.")
    yield text.format(lift=experiment.smallest_lift_percent, power=percent_in_words(found.power, 0))
    if experiment.ended_at is None:
        yield _days_in_words(found.days_left)


def _days_in_words(days: int | None) -> str:
    if days is None:
        return _("Nobody has come in lately: at this rate it will never have enough members.")
    if days == 0:
        return _("Enough members were observed.")
    text = ngettext(
        "At the rate of the last week it takes about {days} more day.",
        "At the rate of the last week it takes about {days} more days.",
        days,
    )
    return text.format(days=number_format(days, force_grouping=True))
