"""What the database itself refuses, whoever writes: no code path can store it."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.conversations.models import ContactConsent, Conversation, Message
from apps.matching.models import Block, Match, Swipe
from apps.moderation.models import Report
from apps.users.models import Photo, Preferences, Profile, User
from tests.factories import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return member("Ann")


@pytest.fixture
def bob() -> User:
    return member("Bob")


def refused(constraint: str, write: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        _write_and_check(write)


@transaction.atomic
def _write_and_check(write: Callable[[], object]) -> None:
    write()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# ---- Members


def test_it_stores_no_minor(ann: User) -> None:
    today = timezone.localdate()
    tomorrow_18 = date(today.year - 18, today.month, min(today.day, 28)) + timedelta(days=4)
    refused("profile_is_adult", lambda: Profile.objects.filter(pk=ann.pk).update(birth_date=tomorrow_18))


@pytest.mark.parametrize("part", [{"name": ""}, {"gender": ""}, {"birth_date": None}, {"cell": None}])
def test_it_stores_no_published_profile_with_a_part_missing(ann: User, part: dict[str, object]) -> None:
    refused("profile_published_is_complete", lambda: Profile.objects.filter(pk=ann.pk).update(**part))


def test_it_stores_no_gender_that_is_not_in_the_list(ann: User) -> None:
    refused("profile_gender_known", lambda: Profile.objects.filter(pk=ann.pk).update(gender="cat"))
    wishes = Preferences.objects.filter(pk=ann.pk)
    refused("preferences_genders_known", lambda: wishes.update(genders=["cat"]))


@pytest.mark.parametrize("ages", [(17, 30), (30, 20), (18, 100)])
def test_it_stores_no_impossible_age_range(ann: User, ages: tuple[int, int]) -> None:
    wishes = Preferences.objects.filter(pk=ann.pk)
    refused("preferences_age_range", lambda: wishes.update(age_min=ages[0], age_max=ages[1]))


def test_it_stores_nobody_who_is_member_and_staff(ann: User) -> None:
    refused("user_is_member_or_staff", lambda: User.objects.filter(pk=ann.pk).update(username="ann"))
    refused("user_is_member_or_staff", lambda: User.objects.create(username=None, telegram_id=None))


def test_it_stores_one_member_for_a_telegram_account(ann: User) -> None:
    refused("telegram_id", lambda: User.objects.create(telegram_id=ann.telegram_id))


def test_it_stores_no_seventh_photo_and_no_two_in_one_place(ann: User) -> None:
    refused("photo_position_in_range", lambda: Photo.objects.create(user=ann, position=6, file_id="x"))
    refused("photo_position_once", lambda: Photo.objects.create(user=ann, position=0, file_id="x"))
    refused("photo_is_somewhere", lambda: Photo.objects.create(user=ann, position=1))


# ---- Swipes, matches, blocks


def test_it_stores_one_swipe_for_a_pair(ann: User, bob: User) -> None:
    Swipe.objects.create(swiper=ann, target=bob, liked=True)
    refused("swipe_once", lambda: Swipe.objects.create(swiper=ann, target=bob, liked=False))


def test_it_stores_no_swipe_on_oneself_and_no_note_with_a_pass(ann: User, bob: User) -> None:
    refused("swipe_not_oneself", lambda: Swipe.objects.create(swiper=ann, target=ann, liked=True))
    refused("swipe_note_needs_like", lambda: Swipe.objects.create(swiper=ann, target=bob, liked=False, note="x"))


def test_it_stores_a_match_once_and_in_order(ann: User, bob: User) -> None:
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    Match.objects.create(low=low, high=high)
    refused("match_once", lambda: Match.objects.create(low=low, high=high))
    refused("match_pair_ordered", lambda: Match.objects.create(low=high, high=low))
    refused("match_pair_ordered", lambda: Match.objects.create(low=low, high=low))


def test_it_stores_a_block_once_and_never_of_oneself(ann: User, bob: User) -> None:
    Block.objects.create(blocker=ann, blocked=bob)
    refused("block_once", lambda: Block.objects.create(blocker=ann, blocked=bob))
    refused("block_not_oneself", lambda: Block.objects.create(blocker=ann, blocked=ann))


# ---- Conversations and reports


def test_it_stores_a_message_and_a_consent_once(ann: User, bob: User) -> None:
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    conversation = Conversation.objects.create(match=Match.objects.create(low=low, high=high))
    message = {"conversation": conversation, "sender": ann, "kind": "text", "source_message_id": 5}
    Message.objects.create(**message)
    refused("message_relayed_once", lambda: Message.objects.create(**message))
    consent = {"conversation": conversation, "user": ann, "telegram_username": "ann"}
    ContactConsent.objects.create(**consent)
    refused("consent_once", lambda: ContactConsent.objects.create(**consent))


def test_it_stores_no_report_about_oneself(ann: User) -> None:
    refused("report_not_oneself", lambda: Report.objects.create(reporter=ann, reported=ann, reason="spam"))
