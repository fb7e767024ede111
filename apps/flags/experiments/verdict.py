"""What an experiment has shown, in plain words."""

from collections.abc import Iterable, Iterator, Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.flags.experiments.results import Arm, Finding, MetricResult, Plan, VariantCount, Verdict
from apps.flags.texts import signed


def verdict(
    plan: Plan,
    variants: Sequence[VariantCount],
    metrics: Sequence[MetricResult],
    *,
    is_ratio_off: bool,
    days_left: int | None,
) -> Verdict:
    """The first of `metrics` decides; of the others harm is told."""
    warnings = tuple(_harm(metrics[1:]))
    if is_ratio_off:
        return Verdict(Finding.NOT_TO_BE_TRUSTED, _split_in_words(variants), warnings)
    primary = metrics[0]
    better, worse = list(_moved(primary, for_better=True)), list(_moved(primary, for_better=False))
    if better:
        best = max(better, key=_distance)
        return Verdict(Finding.BETTER, _move_in_words(_("{variant} is better"), primary, best), warnings)
    if worse:
        worst = max(worse, key=_distance)
        return Verdict(Finding.WORSE, _move_in_words(_("{variant} is worse"), primary, worst), warnings)
    if all(_is_small(arm, plan.smallest_lift) for arm in primary.arms[1:]):
        text = _("No difference of {percent} % or more is likely.")
        return Verdict(Finding.NO_DIFFERENCE, text.format(percent=f"{100 * plan.smallest_lift:.0f}"), warnings)
    return Verdict(Finding.TOO_EARLY, _what_is_missing(plan, variants, days_left), warnings)


def _harm(metrics: Iterable[MetricResult]) -> Iterator[str]:
    for result in metrics:
        if result.is_harmful:
            for arm in _moved(result, for_better=False):
                yield _move_in_words(_("{variant} does harm"), result, arm)


def _moved(result: MetricResult, *, for_better: bool) -> Iterator[Arm]:
    """The treatments whose interval leaves 0 out, on this side."""
    wants_more = for_better is not result.is_harmful
    for arm in result.arms[1:]:
        low, high = _interval(arm)
        if low is not None and high is not None and (low > 0 if wants_more else high < 0):
            yield arm


def _is_small(arm: Arm, smallest_lift: float) -> bool:
    low, high = _interval(arm)
    return low is not None and high is not None and -smallest_lift < low and high < smallest_lift


def _interval(arm: Arm) -> tuple[float | None, float | None]:
    return (arm.comparison.low, arm.comparison.high) if arm.comparison else (None, None)


def _distance(arm: Arm) -> float:
    return abs(arm.comparison.lift or 0) if arm.comparison else 0


# ---- Words


def _move_in_words(beginning: str, result: MetricResult, arm: Arm) -> str:
    assert arm.comparison, "only a treatment moves"
    text = _("{beginning}: {lift} (between {low} and {high}) members who {did}.")
    return text.format(
        beginning=beginning.format(variant=arm.variant),
        lift=signed(arm.comparison.lift),
        low=signed(arm.comparison.low),
        high=signed(arm.comparison.high),
        did=result.metric.label,
    )


def _split_in_words(variants: Sequence[VariantCount]) -> str:
    exposed, weights = sum(each.exposed for each in variants), sum(each.weight for each in variants)
    split = ", ".join(
        _("{variant} has {is_percent} % instead of {should_percent} %").format(
            variant=each.name,
            is_percent=f"{100 * each.exposed / exposed:.1f}",
            should_percent=f"{100 * each.weight / weights:.1f}",
        )
        for each in variants
    )
    return _("Do not trust this: members are not split as designed ({split}).").format(split=split)


def _what_is_missing(plan: Plan, variants: Sequence[VariantCount], days_left: int | None) -> str:
    observed, needed = sum(each.observed for each in variants), sum(plan.needed.values())
    text = _("Too early to say: {observed} of about {needed} members were observed for the whole window.")
    so_far = text.format(observed=_number(observed), needed=_number(needed))
    if not days_left:
        return so_far
    days = ngettext("About {days} day is left.", "About {days} days are left.", days_left)
    return f"{so_far} {days.format(days=days_left)}"


def _number(members: int) -> str:
    return number_format(members, force_grouping=True)
