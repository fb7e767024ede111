"""What has happened to the members of a study, counted in the database, and what an experiment's page shows of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from uuid import UUID

from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from apps.flags.experiments.models import HARMFUL, Experiment, Exposure, Metric, Outcome
from apps.flags.experiments.results import Arm, MetricResult, Plan, Point, Results, VariantCount
from apps.flags.experiments.statistics import Tally, sample_ratio_p_value
from apps.flags.experiments.verdict import verdict

# As for any alarm that is looked at daily for months: rather late than false.
RATIO_ALPHA = 0.001
RECENT_DAYS = 7

Key = tuple[tuple[str, ...], date]  # the variant, or variant and metric


@dataclass(frozen=True)
class Counts:
    """By variant and the day of exposure. Of `exposed` members those are `observed` whose window is over.

    `converted`, by metric, too, are the observed who did it within the window.
    """

    exposed: Counter[Key]
    observed: Counter[Key]
    converted: Counter[Key]

    def tally(self, variant: str, metric: str, *, until: date | None = None) -> Tally:
        """Of who was exposed on that day or before; None: of all."""
        return Tally(_total(self.observed, variant, until=until), _total(self.converted, variant, metric, until=until))


def counts(study: UUID, *, window: timedelta, as_of: datetime) -> Counts:
    """What was known at that moment. Two queries, which count in the database."""
    observed = Q(at__lte=as_of - window)
    exposures = (
        Exposure.objects.filter(study=study, at__lte=as_of)
        .values("variant", day=TruncDate("at"))
        .annotate(exposed=Count("pk"), observed=Count("pk", filter=observed))
    )
    outcomes = (
        Outcome.objects.filter(exposure__study=study, exposure__at__lte=as_of - window)
        .filter(at__lte=F("exposure__at") + window)
        .values("metric", variant=F("exposure__variant"), day=TruncDate("exposure__at"))
        .annotate(converted=Count("pk"))
    )
    rows = list(exposures)
    return Counts(
        Counter({((row["variant"],), row["day"]): row["exposed"] for row in rows}),
        Counter({((row["variant"],), row["day"]): row["observed"] for row in rows}),
        Counter({((row["variant"], row["metric"]), row["day"]): row["converted"] for row in outcomes}),
    )


def results(experiment: Experiment, now: datetime) -> Results:
    """As of now, or of the moment when it ended. Two queries. `experiment` must have started."""
    assert experiment.started_at, "a draft has no results"
    as_of = min(now, experiment.ended_at or now)
    plan = Plan.of(experiment)
    found = counts(experiment.pk, window=timedelta(days=experiment.window_days), as_of=as_of)
    variants = tuple(
        VariantCount(
            name,
            weight,
            is_control=name == plan.control,
            exposed=_total(found.exposed, name),
            observed=_total(found.observed, name),
        )
        for name, weight in plan.weights.items()
    )
    names = [experiment.metric, *experiment.also_watched]
    metrics = tuple(_metric(found, plan, Metric(name), is_primary=not index) for index, name in enumerate(names))
    ratio = sample_ratio_p_value([each.exposed for each in variants], [each.weight for each in variants])
    days_left = _days_left(experiment, found, plan, as_of)
    return Results(
        as_of=as_of,
        variants=variants,
        metrics=metrics,
        members_needed=sum(plan.needed.values()),
        ratio_p_value=ratio,
        is_ratio_off=ratio < RATIO_ALPHA,
        power=plan.power({each.name: each.observed for each in variants}),
        days_left=days_left,
        series=tuple(_series(experiment, found, plan, as_of)),
        verdict=verdict(plan, variants, metrics, is_ratio_off=ratio < RATIO_ALPHA, days_left=days_left),
    )


def _metric(found: Counts, plan: Plan, metric: Metric, *, is_primary: bool) -> MetricResult:
    control = found.tally(plan.control, metric)
    treated = {name: found.tally(name, metric) for name in plan.treatments}
    arms = (Arm(name, tally, plan.compare(control, tally, name)) for name, tally in treated.items())
    return MetricResult(metric, is_primary, metric in HARMFUL, (Arm(plan.control, control, None), *arms))


def _series(experiment: Experiment, found: Counts, plan: Plan, as_of: datetime) -> Iterator[Point]:
    """From the first day on which enough was known; the last one is as of now."""
    window = timedelta(days=experiment.window_days)
    exposed_on = sorted({day for _, day in found.observed})
    last = timezone.localdate(as_of)
    for ends_on in _days(exposed_on[0] + window, last) if exposed_on else ():
        until = ends_on - window if ends_on < last else None
        control = found.tally(plan.control, experiment.metric, until=until)
        for name in plan.treatments:
            comparison = plan.compare(control, found.tally(name, experiment.metric, until=until), name)
            if comparison.is_enough:
                yield Point(ends_on, name, comparison)


def _days_left(experiment: Experiment, found: Counts, plan: Plan, as_of: datetime) -> int | None:
    """None when it has ended, or when nobody has come in lately and more are needed."""
    if experiment.ended_at is not None:
        return None
    rate = _members_a_day(experiment, found, as_of)
    longest = 0
    for name, needed in plan.needed.items():
        missing = needed - _total(found.exposed, name)
        if missing > 0:
            rate_of_variant = rate * plan.weights[name] / sum(plan.weights.values())
            if not rate_of_variant:
                return None
            longest = max(longest, ceil(missing / rate_of_variant) + experiment.window_days)
        elif _total(found.observed, name) < needed:
            longest = max(longest, experiment.window_days)
    return longest


def _members_a_day(experiment: Experiment, found: Counts, as_of: datetime) -> float:
    """How many are exposed for the first time, on average of the last days."""
    assert experiment.started_at, "a draft has no results"
    since = max(experiment.started_at, as_of - timedelta(days=RECENT_DAYS))
    recent = sum(count for (_, day), count in found.exposed.items() if day >= timezone.localdate(since))
    # the days are whole ones, so the first is, too
    days = (as_of - max(experiment.started_at, _midnight(since))) / timedelta(days=1)
    return recent / max(days, 1 / 24)


def _total(counter: Counter[Key], *key: str, until: date | None = None) -> int:
    return sum(count for (names, day), count in counter.items() if names == key and (not until or day <= until))


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _midnight(moment: datetime) -> datetime:
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
