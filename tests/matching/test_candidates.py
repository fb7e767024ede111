"""The table that decks are searched in: always what the members' own rows say, whoever changes them and how."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from h3.api import basic_int as h3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.matching.candidates import people, read, rebuild
from apps.matching.models import GENDER_BIT, Candidate
from apps.users import services
from apps.users.models import Gender, Preferences, Profile, User
from tests.concurrency import at_once
from tests.factories import member

HOUR = timedelta(hours=1)


def truth(user: User) -> dict[str, Any] | None:
    """What the member's row has to be; None when they stand in no deck."""
    user = User.objects.select_related("profile", "preferences").get(pk=user.pk)
    profile, preferences = user.profile, user.preferences
    if not (user.is_listed and profile.published_at and profile.birth_date and profile.cell):
        return None
    return {
        "cell": profile.cell,
        "district": h3.cell_to_parent(profile.cell, 5),
        "region": h3.cell_to_parent(profile.cell, 3),
        "gender": GENDER_BIT[profile.gender],
        "seeks": sum(GENDER_BIT[gender] for gender in preferences.genders),
        "born": int(f"{profile.birth_date:%Y%m%d}"),
        "age_min": preferences.age_min,
        "age_max": preferences.age_max,
        "max_km": 30_000 if preferences.max_distance_km is None else preferences.max_distance_km,
        "active_hour": int(user.last_active_at.timestamp() // 3600),
        "published_hour": int(profile.published_at.timestamp() // 3600),
    }


def kept(user: User) -> dict[str, Any] | None:
    fields = ("cell", "district", "region", "gender", "seeks", "born", "age_min", "age_max", "max_km")
    listed = Candidate.objects.filter(user=user, listed=True)
    return listed.values(*fields, "active_hour", "published_hour").first()


def _sql(query: str) -> Callable[[User, Any], None]:
    def change(user: User, value: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, [value, user.pk])

    return change


moments = st.none() | st.just("2026-03-01T12:30:00Z")
places = st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map(lambda at: h3.latlng_to_cell(*at, 7))
ranges = st.tuples(st.integers(18, 99), st.integers(18, 99)).map(sorted)
edits = st.one_of(
    st.tuples(st.just(lambda user, on: services.set_paused(user, paused=on)), st.booleans()),
    st.tuples(st.just(services.set_max_distance), st.none() | st.integers(1, 1000)),
    st.tuples(st.just(lambda user, ages: services.set_age_range(user, *ages)), ranges),
    st.tuples(st.just(services.set_gender), st.sampled_from(Gender.values)),
    st.tuples(
        st.just(lambda user, genders: Preferences.objects.filter(user=user).update(genders=genders)),
        st.lists(st.sampled_from(Gender.values), unique=True),
    ),
    st.tuples(st.just(lambda user, cell: Profile.objects.filter(user=user).update(cell=cell)), places),
    st.tuples(st.just(lambda user, at: User.objects.filter(pk=user.pk).update(banned_at=at)), moments),
    st.tuples(
        st.sampled_from(
            [
                _sql(f"UPDATE users_user SET {column} = %s WHERE id = %s")
                for column in ("unreachable_at", "suspended_until", "photoless_at")
            ]
        ),
        moments,
    ),
    st.tuples(st.just(_sql("UPDATE users_profile SET published_at = %s WHERE user_id = %s")), moments),
    st.tuples(
        st.just(_sql("UPDATE users_user SET last_active_at = last_active_at + %s::interval WHERE id = %s")),
        st.integers(-9000, 9000).map(lambda minutes: f"{minutes} minutes"),
    ),
    st.tuples(
        st.just(_sql("UPDATE users_profile SET birth_date = %s WHERE user_id = %s")),
        st.dates(max_value=timezone.localdate() - timedelta(days=7000)).map(str),
    ),
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(edits, max_size=8))
def test_it_follows_every_change_however_it_is_made(changes: list[tuple[Callable[[User, Any], object], Any]]) -> None:
    with transaction.atomic():
        ann, eve = member("Ann"), member("Eve")
        for change, value in changes:
            change(User.objects.select_related("profile", "preferences").get(pk=ann.pk), value)
            assert kept(ann) == truth(ann)
        assert kept(eve) == truth(eve)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_both_of_two_changes_at_once() -> None:
    for distance in range(1, 9):
        ann = member(f"Ann{distance}", published_at=None)
        publish = partial(Profile.objects.filter(user=ann).update, published_at=timezone.now())
        at_once(publish, partial(Preferences.objects.filter(user=ann).update, max_distance_km=distance))
        assert kept(ann) == truth(ann)


@pytest.mark.django_db
def test_it_keeps_the_number_over_a_pause_and_gives_a_new_one_to_who_comes_back_after_erasure() -> None:
    ann = member("Ann", telegram_id=77)
    number = Candidate.objects.get(user=ann).number
    services.set_paused(ann, paused=True)
    services.set_paused(ann, paused=False)
    assert Candidate.objects.get(listed=True).number == number
    services.erase(ann)
    assert not Candidate.objects.exists()
    assert Candidate.objects.filter(user=member("Ann", telegram_id=77)).exclude(number=number).exists()


@pytest.mark.django_db
def test_it_writes_nothing_for_what_decks_do_not_ask(django_assert_num_queries: Any) -> None:
    ann = member("Ann")
    with connection.cursor() as cursor:
        before = _version(cursor, ann)
        services.set_bio(ann, "Long walks")
        User.objects.filter(pk=ann.pk).update(last_active_at=ann.last_active_at.replace(minute=0, second=1))
        assert _version(cursor, ann) == before


def _version(cursor: Any, user: User) -> Any:
    cursor.execute("SELECT ctid FROM matching_candidate WHERE user_id = %s", [user.pk])
    return cursor.fetchone()


@pytest.mark.django_db
def test_it_is_made_again_in_portions_from_where_it_stopped() -> None:
    everyone = sorted((member(name) for name in ("Ann", "Bob", "Cid")), key=lambda user: user.pk)
    numbers = dict(Candidate.objects.values_list("user_id", "number"))
    Candidate.objects.update(age_min=50)
    first = next(iter(rebuild(batch=2)))
    assert first == (2, everyone[1].pk)
    assert [kept(user) == truth(user) for user in everyone] == [True, True, False]
    assert list(rebuild(after=first[1])) == [(1, everyone[2].pk)]
    assert kept(everyone[2]) == truth(everyone[2])
    assert dict(Candidate.objects.values_list("user_id", "number")) == numbers


@pytest.mark.django_db
def test_it_comes_over_as_columns() -> None:
    ann = member("Ann", ages=(20, 40), max_distance_km=None)
    rows = read("SELECT packed FROM matching_candidate WHERE user_id = %(user)s", {"user": ann.pk})
    fields = {name: int(rows[0][name]) for name in rows.dtype.names or ()}
    assert fields == Candidate.objects.values(*fields).get()
    latitude, longitude = h3.cell_to_latlng(ann.profile.cell)
    columns = people(rows)
    assert (columns.latitude[0], columns.longitude[0], columns.age[0]) == (latitude, longitude, ann.profile.age)


@pytest.mark.django_db
def test_it_comes_over_as_no_rows_at_all() -> None:
    assert len(people(read("SELECT packed FROM matching_candidate", {}))) == 0
