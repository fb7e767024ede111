"""What members' swipes and answers amount to: always what a recount from the rows would say."""

from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from apps.matching.engine.history import Swipes, population_of
from apps.matching.learning import standings
from apps.matching.learning.models import OutdatedStanding, Standing
from apps.matching.models import GENDER_BIT, Match, Swipe
from apps.matching.services import end_match, note_message, record_swipe, undo_last_swipe
from apps.matching.tasks import recount_standings, refresh_standings
from apps.users.models import User
from apps.users.services import erase
from tests.factories import member

pytestmark = pytest.mark.django_db
POPULATION = population_of(
    np.array([1, 2]), Swipes(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([True, False, True]))
)
COUNTS = ("swipes_given", "likes_given", "likes_received", "messages_due", "messages_answered")


def count_all() -> None:
    while standings.refresh(POPULATION, batch=3):
        pass


def standing(user: User) -> dict[str, float]:
    return {name: getattr(Standing.objects.get(user=user), name) for name in COUNTS}


def matched(one: User, other: User) -> Match:
    record_swipe(one, other, liked=True)
    match = record_swipe(other, one, liked=True).match
    assert match
    return match


def test_it_counts_who_liked_whom() -> None:
    ann, bob, eve = member("Ann"), member("Bob"), member("Eve")
    record_swipe(ann, bob, liked=True)
    record_swipe(ann, eve, liked=False)
    record_swipe(eve, bob, liked=False)
    refresh_standings()
    assert standing(ann) == dict(zip(COUNTS, (2, 1, 0, 0, 0), strict=True))
    assert standing(bob) == dict(zip(COUNTS, (0, 0, 1, 0, 0), strict=True))
    assert Standing.objects.get(user=bob).likes_expected > Standing.objects.get(user=ann).likes_expected == 0


def test_it_counts_who_answers_a_first_message() -> None:
    ann, bob = member("Ann"), member("Bob")
    match = matched(ann, bob)
    for sender in (ann, ann, bob, ann, bob):
        note_message(match, sender)
        match.refresh_from_db()
    refresh_standings()
    assert standing(bob) == dict(zip(COUNTS, (1, 1, 1, 1, 1), strict=True))
    assert standing(ann) == dict(zip(COUNTS, (1, 1, 1, 0, 0), strict=True))


def test_it_knows_who_has_not_answered() -> None:
    ann, bob = member("Ann"), member("Bob")
    match = matched(ann, bob)
    note_message(match, ann)
    end_match(match, by=bob)
    refresh_standings()
    assert standing(bob)["messages_due"], standing(bob)["messages_answered"] == (1, 0)


def test_it_asks_nothing_more_once_both_have_written(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ann, bob = member("Ann"), member("Bob")
    match = matched(ann, bob)
    for sender in (ann, bob):
        note_message(match, sender)
        match.refresh_from_db()
    with django_assert_num_queries(0):
        note_message(match, bob)


def test_it_counts_only_those_whom_something_concerned() -> None:
    ann, bob, eve = member("Ann"), member("Bob"), member("Eve")
    record_swipe(ann, bob, liked=True)
    assert standings.refresh(POPULATION) == 2
    assert standings.refresh(POPULATION) == 0
    record_swipe(eve, bob, liked=True)
    assert standings.refresh(POPULATION) == 2
    assert standing(ann)["likes_given"] == 1


def test_it_goes_on_where_a_run_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for liked in (True, False, True):
        record_swipe(member(), member(), liked=liked)
    monkeypatch.setattr(standings, "_MESSAGES", "SELECT 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        standings.refresh(POPULATION)
    assert not Standing.objects.exists()
    monkeypatch.undo()
    assert standings.refresh(POPULATION, batch=2) == 6
    assert not OutdatedStanding.objects.exists()


def test_it_leaves_the_counting_to_who_is_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    record_swipe(member(), member(), liked=True)
    monkeypatch.setattr(standings, "_LOCK", 1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(1)")
            assert standings.refresh(POPULATION) == 0
            assert OutdatedStanding.objects.exists()
            # to close the connection would release it, too, but only once PostgreSQL notices
            cursor.execute("SELECT pg_advisory_unlock(1)")
    finally:
        other.close()
    assert standings.refresh(POPULATION) == 2


def test_it_keeps_the_price_of_attention() -> None:
    ann, bob = member("Ann"), member("Bob")
    Standing.objects.create(user=bob, price=1.5)
    record_swipe(ann, bob, liked=True)
    refresh_standings()
    assert Standing.objects.get(user=bob).price == 1.5


# ---- Whatever happens

ACTS = st.lists(
    st.tuples(st.sampled_from(["like", "pass", "undo", "erase", "refresh"]), st.integers(0, 6), st.integers(0, 6)),
    max_size=30,
)


@given(acts=ACTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_equals_a_recount_whatever_members_do(acts: list[tuple[str, int, int]]) -> None:
    _start_over()
    members: list[User | None] = [
        member(gender=gender) for gender in ("woman", "man", "nonbinary", "man", "woman", "man")
    ]
    for act, one, other in acts:
        _do(act, members, one % len(members), other % len(members))
    count_all()
    left = [user for user in members if user]
    for user in left:
        assert counts_of(user) == naive_counts(user)
    recount_standings()
    count_all()
    assert_expected_as_the_engine_counts(left)


def _start_over() -> None:
    User.objects.all().delete()
    OutdatedStanding.objects.all().delete()


def _do(act: str, members: list[User | None], one: int, other: int) -> None:
    first, second = members[one], members[other]
    acts: dict[str, Callable[[], object]] = {"refresh": lambda: standings.refresh(POPULATION, batch=2)}
    if first:
        acts["undo"] = lambda: _undo(first)
        acts["erase"] = lambda: erase(first)
    if first and second and first != second:
        acts |= {name: lambda: record_swipe(first, second, liked=act == "like") for name in ("like", "pass")}
    if act in acts:
        acts[act]()
    if act == "erase":
        members[one] = None


def _undo(user: User) -> None:
    if not Match.objects.filter(low=user).exists() and not Match.objects.filter(high=user).exists():
        undo_last_swipe(user)


def counts_of(user: User) -> tuple[int, int, int]:
    found = Standing.objects.filter(user=user).values_list("swipes_given", "likes_given", "likes_received").first()
    return found or (0, 0, 0)


def naive_counts(user: User) -> tuple[int, int, int]:
    swipes = list(Swipe.objects.values_list("swiper_id", "target_id", "liked"))
    given_likes = [liked for swiper, _, liked in swipes if swiper == user.pk]
    return len(given_likes), sum(given_likes), sum(liked for _, target, liked in swipes if target == user.pk)


def assert_expected_as_the_engine_counts(users: list[User]) -> None:
    place = {user.pk: position for position, user in enumerate(users)}
    rows = list(Swipe.objects.values_list("swiper_id", "target_id", "liked"))
    swipes = Swipes(
        np.array([place[giver] for giver, _, _ in rows], dtype=np.int64),
        np.array([place[receiver] for _, receiver, _ in rows], dtype=np.int64),
        np.array([liked for *_, liked in rows], dtype=bool),
    )
    genders = np.array([GENDER_BIT[user.profile.gender] for user in users], dtype=np.int64)
    expected = POPULATION.history(genders, swipes).likes_expected
    counted = dict(Standing.objects.values_list("user", "likes_expected"))
    np.testing.assert_allclose([counted.get(user.pk, 0) for user in users], expected, rtol=1e-5)
