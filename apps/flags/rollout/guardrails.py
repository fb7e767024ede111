"""What became of those who asked for the flag during a ramp, and whether it got worse than a guardrail allows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from apps.flags.experiments.assignment import WITH, WITHOUT
from apps.flags.experiments.models import Metric
from apps.flags.experiments.statistics import Claim, Comparison, Tally, compare
from apps.flags.models import Exposure, Ramp, RampStep
from apps.flags.rollout.design import Guardrail

# How likely a harmless ramp is rolled back at all, at most: shared by all of its guardrails and steps.
FALSE_ALARMS = 0.05
# The fewest members at which an interval is made to be tightest: with fewer, only the grossest harm shows anyway.
SMALLEST_HORIZON = 1000

Tallies = dict[tuple[UUID, str], dict[Metric, Tally]]
NOBODY = Tally(0, 0)


@dataclass(frozen=True)
class Reading:
    """One guardrail during one step: what members did with the flag and without it."""

    guardrail: Guardrail
    step: RampStep
    having: Tally
    lacking: Tally
    comparison: Comparison

    @property
    def is_violated(self) -> bool:
        """The whole interval is worse than the bound: it is not chance. Looking every minute does not change that."""
        low, high = self.comparison.low, self.comparison.high
        if low is None or high is None:
            return False
        return low > self.guardrail.bound if self.guardrail.is_harmful else high < self.guardrail.bound

    @cached_property
    def in_words(self) -> str:
        """The metric, the figures and the bound."""
        text = _(
            "“{metric}”: {having} of {having_total} with the flag, {lacking} of {lacking_total} without it; "
            "that is {low} to {high}, and {bound} is allowed"
        )
        return text.format(
            metric=self.guardrail.metric.label,
            having=self.having.converted,
            having_total=self.having.members,
            lacking=self.lacking.converted,
            lacking_total=self.lacking.members,
            low=_signed(self.comparison.low),
            high=_signed(self.comparison.high),
            bound=_signed(self.guardrail.bound),
        )

    @property
    def interval(self) -> str:
        """Empty while there is too little to say."""
        if self.comparison.low is None:
            return ""
        return f"{_signed(self.comparison.low)} … {_signed(self.comparison.high)}"

    @property
    def bound(self) -> str:
        return _signed(self.guardrail.bound)


def readings(ramp: Ramp, now: datetime) -> Iterator[Reading]:
    """Of every step taken so far, the latest first: what an earlier one did may show only later. Two queries.

    Steps are not added up: their shares of members with the flag differ, and so may the days they lasted.
    """
    design = ramp.design
    if not design.guardrails:
        return
    steps = ramp.steps_taken.order_by("-number")
    found = _tallies([step.pk for step in steps], design.guardrails, timedelta(hours=ramp.window_hours), now)
    alpha = FALSE_ALARMS / (len(design.steps) * len(design.guardrails))
    horizon = max(2 * ramp.min_members, SMALLEST_HORIZON)
    for step in steps:
        for guardrail in design.guardrails:
            having = found.get((step.pk, WITH), {}).get(guardrail.metric, NOBODY)
            lacking = found.get((step.pk, WITHOUT), {}).get(guardrail.metric, NOBODY)
            # harm is rare without the flag: who lacks it need not have done it twenty times before it is seen
            claim = Claim.MORE if guardrail.is_harmful else Claim.LESS
            comparison = compare(lacking, having, alpha=alpha, horizon=horizon, claim=claim)
            yield Reading(guardrail, step, having, lacking, comparison)


def first_violation(ramp: Ramp, now: datetime) -> Reading | None:
    return next((reading for reading in readings(ramp, now) if reading.is_violated), None)


def _tallies(studies: list[UUID], guardrails: tuple[Guardrail, ...], window: timedelta, now: datetime) -> Tallies:
    """By step and variant: the members whose window is over, and how many of them did it within theirs."""
    in_time = Q(outcomes__at__lte=F("at") + window)
    counts: dict[str, Any] = {
        metric: Count("pk", filter=in_time & Q(outcomes__metric=metric), distinct=True)
        for metric in (guardrail.metric for guardrail in guardrails)
    }
    rows: Iterable[Mapping[str, Any]] = (
        Exposure.objects.filter(study__in=studies, at__lte=now - window)
        .order_by()
        .values("study", "variant")
        .annotate(members=Count("pk", distinct=True), **counts)
    )
    return {
        (row["study"], row["variant"]): {Metric(name): Tally(row["members"], row[name]) for name in counts}
        for row in rows
    }


def _signed(share: float | None) -> str:
    return "–" if share is None else f"{share:+.0%}".replace("%", " %")
