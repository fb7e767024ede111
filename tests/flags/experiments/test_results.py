"""What the page of an experiment shows of it."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from apps import flags
from apps.flags.experiments import selectors, services
from apps.flags.experiments.models import Experiment, Exposure, Metric, Outcome
from apps.flags.experiments.results import Finding, Results
from apps.users.models import User

Design = Callable[..., Experiment]
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def expose(study: Experiment, variant: str, count: int, *, at: datetime, **did: int) -> None:
    """So many members at once, of whom so many did this (`match=20`) an hour later."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flags_exposure (study, variant, at) SELECT %s, %s, %s FROM generate_series(1, %s)",
            [study.pk, variant, at, count],
        )
        for metric, converted in did.items():
            cursor.execute(
                """
                INSERT INTO flags_outcome (exposure_id, metric, at)
                SELECT id, %s, %s FROM flags_exposure WHERE study = %s AND variant = %s AND at = %s LIMIT %s
                """,
                [metric, at + timedelta(hours=1), study.pk, variant, at, converted],
            )


def shown(study: Experiment, **later: Any) -> Results:
    return selectors.results(study, timezone.now() + timedelta(**later))


@pytest.fixture
def study(running: Design) -> Experiment:
    """A week's window; one member in five gets a match, and 10 % more would be worth knowing of."""
    return running(also_watched=[Metric.BLOCK, Metric.LIKE])


def test_it_counts_members_whose_window_is_over_and_what_they_did_within_it(study: Experiment) -> None:
    now = timezone.now()
    expose(study, "old", 3, at=now - 8 * DAY, match=2)
    expose(study, "old", 4, at=now - 6 * DAY, match=4)
    late = Exposure.objects.create(study=study.pk, variant="new", at=now - 20 * DAY)
    Outcome.objects.create(exposure=late, metric=Metric.MATCH, at=now - 12 * DAY)

    found = shown(study)

    assert [(each.name, each.exposed, each.observed, each.in_progress) for each in found.variants] == [
        ("old", 7, 3, 4),
        ("new", 1, 1, 0),
    ]
    assert [(arm.tally.converted, arm.share) for arm in found.metrics[0].arms] == [(2, 2 / 3), (0, 0)]


def test_it_says_which_variant_is_better_and_by_how_much(study: Experiment) -> None:
    expose(study, "old", 4000, at=timezone.now() - 8 * DAY, match=800)
    expose(study, "new", 4000, at=timezone.now() - 8 * DAY, match=1200)

    verdict = shown(study).verdict

    assert verdict.finding is Finding.BETTER
    assert verdict.text == "new is better: +50 % (between +32 % and +70 %) members who got a match."


def test_it_says_that_a_harmful_metric_got_better_when_fewer_do_it(running: Design) -> None:
    study = running(metric=Metric.BLOCK)
    expose(study, "old", 4000, at=timezone.now() - 8 * DAY, block=1200)
    expose(study, "new", 4000, at=timezone.now() - 8 * DAY, block=800)

    assert shown(study).verdict.finding is Finding.BETTER


def test_it_warns_of_harm_while_it_is_too_early_for_the_rest(study: Experiment) -> None:
    expose(study, "old", 2000, at=timezone.now() - 8 * DAY, match=400, block=100)
    expose(study, "new", 2000, at=timezone.now() - 8 * DAY, match=400, block=250)

    verdict = shown(study).verdict

    assert verdict.finding is Finding.TOO_EARLY
    assert verdict.text.startswith("Too early to say: 4,000 of about")
    (warning,) = verdict.warnings
    assert warning.startswith("new does harm: +")
    assert warning.endswith("members who blocked somebody.")


def test_it_says_that_no_difference_is_likely_once_enough_were_observed(study: Experiment) -> None:
    for variant in ("old", "new"):
        expose(study, variant, 20_000, at=timezone.now() - 8 * DAY, match=4000)

    found = shown(study)

    assert found.verdict.finding is Finding.NO_DIFFERENCE
    assert found.verdict.text == "No difference of 10 % or more is likely."
    assert found.days_left == 0
    assert found.power > 0.8


def test_it_does_not_trust_members_who_are_not_split_as_designed(study: Experiment) -> None:
    expose(study, "old", 5000, at=timezone.now() - 8 * DAY, match=1000)
    expose(study, "new", 4400, at=timezone.now() - 8 * DAY, match=1400)

    found = shown(study)

    assert found.is_ratio_off
    assert found.verdict.finding is Finding.NOT_TO_BE_TRUSTED
    assert "old has 53.2 % instead of 50.0 %" in found.verdict.text


def test_it_says_how_many_days_are_left_at_the_rate_of_the_last_week(study: Experiment) -> None:
    now = timezone.now()
    study.started_at = now - 30 * DAY
    for variant in ("old", "new"):
        for day in range(7):
            expose(study, variant, 200, at=now - day * DAY)
    found = selectors.results(study, now)

    missing = found.members_needed - 2800
    assert found.days_left == pytest.approx(missing / 400 + study.window_days, rel=0.2)
    assert shown(study, days=30).days_left is None


def test_it_splits_the_level_between_several_treatments(running: Design) -> None:
    variants = [{"name": name, "weight": 1, "value": name != "a"} for name in "abc"]
    three, two = running(variants=variants), Experiment(expected_percent=20, smallest_lift_percent=10)
    services.stop(three, by=None, reason="enough")
    two.variants, two.started_at = variants[:2], timezone.now()

    needed = selectors.Plan.of(three).needed
    assert needed["b"] == needed["c"] > selectors.Plan.of(two).needed["b"]


def test_it_shows_the_way_to_where_it_stands(study: Experiment) -> None:
    now = timezone.now()
    study.started_at = now - 12 * DAY
    for age in (11, 10, 9):
        for variant in ("old", "new"):
            expose(study, variant, 200, at=now - age * DAY, match=40)
    found = selectors.results(study, now)

    assert [point.day for point in found.series] == [timezone.localdate(now - age * DAY) for age in (4, 3, 2, 1, 0)]
    assert found.series[-1].comparison == found.metrics[0].arms[1].comparison


def test_it_stays_as_it_was_when_it_ended(running: Design) -> None:
    study = running()
    expose(study, "old", 5, at=timezone.now() - 8 * DAY, match=1)
    expose(study, "old", 5, at=timezone.now() - 2 * DAY, match=1)
    study = services.stop(study, by=None, reason="enough")

    found = shown(study, days=30)

    assert found.as_of == study.ended_at
    assert (found.variants[0].exposed, found.variants[0].observed) == (10, 5)
    assert found.days_left is None


def test_it_reads_two_queries(study: Experiment, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        shown(study)


def test_it_finds_nothing_between_two_variants_that_are_the_same(running: Design, new_deck: str) -> None:
    """From the question to the verdict, through the database."""
    study = running(variants=[{"name": name, "weight": 1, "value": True} for name in ("one", "other")], window_days=1)
    rng = random.Random(5)
    people = User.objects.bulk_create([User(telegram_id=9_000_000 + number) for number in range(400)])
    for user in people:
        assert flags.is_enabled(new_deck, user)
        if rng.random() < 0.2:
            flags.record(Metric.MATCH, user)

    found = shown(study, days=2)

    assert sum(each.observed for each in found.variants) == 400
    assert not found.is_ratio_off
    assert found.verdict.finding is Finding.TOO_EARLY
    comparison = found.metrics[0].arms[1].comparison
    assert comparison
    assert comparison.p_value > 0.05


# ---- The database counts as one would by hand

START = datetime(2026, 3, 1, tzinfo=UTC)
hours = st.integers(0, 24 * 10)
people = st.lists(
    st.tuples(st.sampled_from(["old", "new"]), hours, st.dictionaries(st.sampled_from(["match", "block"]), hours)),
    max_size=12,
)


class CountedByHand(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(people, st.integers(1, 7), hours)
    def test_it_counts_as_one_would_by_hand(self, members: list[Any], window_days: int, looked_at: int) -> None:
        study, window = Experiment().pk, timedelta(days=window_days)
        as_of = START + timedelta(hours=looked_at)
        by_hand: dict[str, Counter[object]] = {"exposed": Counter(), "observed": Counter(), "converted": Counter()}
        for variant, came_after, did in members:
            at = START + timedelta(hours=came_after)
            exposure = Exposure.objects.create(study=study, variant=variant, at=at)
            day = timezone.localdate(at)
            is_observed = at + window <= as_of
            by_hand["exposed"][(variant,), day] += at <= as_of
            by_hand["observed"][(variant,), day] += is_observed
            for metric, later in did.items():
                done_at = at + timedelta(hours=later)
                Outcome.objects.create(exposure=exposure, metric=metric, at=done_at)
                by_hand["converted"][(variant, metric), day] += is_observed and done_at <= at + window

        found = selectors.counts(study, window=window, as_of=as_of)

        assert {name: +counter for name, counter in by_hand.items()} == {
            "exposed": +found.exposed,
            "observed": +found.observed,
            "converted": +found.converted,
        }
