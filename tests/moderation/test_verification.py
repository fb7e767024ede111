"""Selfies compared with photos: the queue, what a moderator finds, the badge, and how long anything is kept."""

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from waffle.testutils import override_flag

from apps.core.errors import RuleError
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.models import Verification
from apps.moderation.verification import services
from apps.moderation.verification.models import Gesture
from apps.moderation.verification.services import approve, purge_selfies, reject, submit
from apps.notifications.models import Delivery
from apps.users.badge import is_verified, main_photo
from apps.users.models import Photo, Staff, User
from apps.users.restrictions import hide_photo, show_photo
from apps.users.services import add_photo, erase, remove_photo
from tests.factories import member
from tests.moderation.conftest import fresh
from tests.staff import Hire, browser


def tries(who: User, name: str = "selfie") -> Verification:
    return submit(fresh(who), Gesture.VICTORY, file_id=f"{name}-id", file_unique_id=f"{name}-unique")


def has_badge(who: User) -> bool:
    return is_verified(fresh(who).profile, main_photo(who))


def first_photo(who: User) -> Photo:
    photo = main_photo(who)
    assert photo
    return photo


@pytest.fixture
def attempt(bob: User) -> Verification:
    return tries(bob)


@pytest.fixture
def verified(attempt: Verification, bob: User, mona: Staff) -> User:
    approve(attempt.pk, by=mona, photo_id=first_photo(bob).pk)
    return bob


def said_to(who: User) -> str:
    return str(Delivery.objects.filter(user=who).latest("id").params["text"])


# ---- The badge


def test_it_gives_a_badge_that_ends_by_the_flags_days(attempt: Verification, bob: User, mona: Staff) -> None:
    with patch.object(services.flags, "value", lambda name, *_: {"users.verification_days": 30}[name]):
        approve(attempt.pk, by=mona, photo_id=first_photo(bob).pk)
    until = fresh(bob).profile.verified_until
    assert until
    assert timedelta(days=29) < until - timezone.now() <= timedelta(days=30)
    assert has_badge(bob)
    assert "Your photos are verified until" in said_to(bob)
    with patch("django.utils.timezone.now", lambda: until + timedelta(seconds=1)):
        assert not has_badge(bob)


def test_it_takes_the_badge_away_with_the_photo_for_good(verified: User) -> None:
    gone = first_photo(verified)
    remove_photo(fresh(verified), gone.pk)
    assert not has_badge(verified)
    add_photo(fresh(verified), file_id=gone.file_id, file_unique_id=gone.file_unique_id)
    assert not has_badge(verified)


def test_it_keeps_the_badge_when_another_photo_comes_or_goes(verified: User) -> None:
    added = add_photo(fresh(verified), file_id="new", file_unique_id="new")
    assert added
    remove_photo(fresh(verified), added.pk)
    assert has_badge(verified)


def test_it_gives_the_badge_back_with_a_photo_that_was_hidden_by_mistake(verified: User) -> None:
    main = first_photo(verified)
    hide_photo(fresh(verified), main.pk)
    assert not has_badge(verified)
    show_photo(fresh(verified), main.pk)
    assert has_badge(verified)


def test_it_gives_no_badge_for_a_photo_that_nobody_compared(attempt: Verification, bob: User, mona: Staff) -> None:
    compared = first_photo(bob)
    remove_photo(fresh(bob), compared.pk)
    with pytest.raises(ConflictError, match="has changed while you looked"):
        approve(attempt.pk, by=mona, photo_id=compared.pk)
    assert not has_badge(bob)
    assert Verification.objects.get().status == "waiting"


# ---- Who decides


@pytest.mark.parametrize("reason", Verification.Reason.values)
def test_it_tells_on_what_ground_it_was_not_verified(
    attempt: Verification, bob: User, mona: Staff, reason: str
) -> None:
    reject(attempt.pk, by=mona, reason=reason)
    assert "could not verify your photos" in said_to(bob)
    assert not has_badge(bob)
    tries(bob, "second")


def test_it_is_decided_once(attempt: Verification, bob: User, mona: Staff, milo: Staff) -> None:
    reject(attempt.pk, by=mona, reason="gesture")
    with pytest.raises(ConflictError, match="decided already"):
        approve(attempt.pk, by=milo, photo_id=first_photo(bob).pk)
    assert Delivery.objects.filter(user=bob).count() == 1


def test_it_is_decided_for_a_reason_and_by_those_who_may(attempt: Verification, hire: Hire, mona: Staff) -> None:
    with pytest.raises(InvalidDecisionError):
        reject(attempt.pk, by=mona, reason="whim")
    with pytest.raises(NotAllowedError):
        reject(attempt.pk, by=hire("ana", "Analyst"), reason="gesture")


# ---- Who may try


def test_it_asks_for_the_same_gesture_until_a_selfie_comes(bob: User, mona: Staff) -> None:
    asked = {services.gesture_for(bob) for _ in range(20)}
    assert len(asked) == 1
    others = {services.gesture_for(member(f"Cid {number}")) for number in range(40)}
    assert len(others) > 4


def test_it_limits_attempts(bob: User, mona: Staff) -> None:
    for number in range(3):
        reject(tries(bob, f"selfie {number}").pk, by=mona, reason="unclear")
    with pytest.raises(RuleError, match="verify_too_often") as refused:
        tries(bob, "fourth")
    Verification.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert refused.value.params["until"]
    tries(bob, "fourth")


@pytest.mark.parametrize("again", ["selfie", "photo"])
def test_it_takes_no_picture_twice(bob: User, mona: Staff, again: str) -> None:
    if again == "photo":
        with pytest.raises(RuleError, match="selfie_reused"):
            submit(fresh(bob), "victory", file_id="x", file_unique_id=first_photo(bob).file_unique_id)
    else:
        reject(tries(bob).pk, by=mona, reason="unclear")
        with pytest.raises(RuleError, match="selfie_reused"):
            tries(bob)


def test_it_takes_one_attempt_at_a_time(attempt: Verification, bob: User) -> None:
    with pytest.raises(RuleError, match="verify_waiting"):
        tries(bob, "another")


def test_it_renews_only_what_ends_soon(verified: User) -> None:
    with pytest.raises(RuleError, match="verify_done"):
        tries(verified, "another")
    fresh_profile = fresh(verified).profile
    fresh_profile.verified_until = timezone.now() + timedelta(days=3)
    fresh_profile.save()
    tries(verified, "another")


def test_it_takes_none_while_switched_off(bob: User) -> None:
    with override_flag("users.verification", active=False), pytest.raises(RuleError, match="verify_off"):
        tries(bob)


# ---- How long it is kept


def test_it_lets_go_of_a_selfie_a_week_after_the_decision(verified: User, attempt: Verification) -> None:
    assert purge_selfies() == 0
    Verification.objects.update(decided_at=timezone.now() - timedelta(days=8))
    assert (purge_selfies(), purge_selfies()) == (1, 0)
    assert Verification.objects.get().file_id == ""
    assert has_badge(verified)


def test_it_lets_go_of_a_selfie_that_nobody_looked_at(attempt: Verification, bob: User) -> None:
    Verification.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert purge_selfies() == 1
    assert Verification.objects.get().status == "expired"
    tries(bob, "another")


def test_it_goes_with_the_member(attempt: Verification, bob: User) -> None:
    erase(fresh(bob))
    assert not Verification.objects.exists()


def test_it_reads_the_selfie_encrypted_from_the_table(attempt: Verification) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT file_id FROM moderation_verification")
        assert "selfie-id" not in cursor.fetchone()[0]


# ---- The pages


@pytest.fixture
def picture() -> Iterator[None]:
    async def download(file_id: str) -> bytes:
        return f"picture of {file_id}".encode()

    with patch("apps.moderation.verification.admin._download", download):
        yield


def page_of(attempt: Verification) -> str:
    return reverse("admin:moderation_verification_change", args=[attempt.pk])


def test_it_shows_the_selfie_beside_the_photos_and_writes_down_who_looked(
    attempt: Verification, bob: User, mona: Staff, picture: None
) -> None:
    Photo.objects.filter(user=bob).update(file="photos/x.jpg")
    client = browser(mona)
    page = client.get(page_of(attempt)).content.decode()
    selfie = reverse("admin:moderation_verification_selfie", args=[attempt.pk])
    assert page.count("<img") >= 3
    assert selfie in page
    assert "mm-compare mm-blurred" in page
    assert "two fingers up as a V" in page
    assert LogEntry.objects.filter(user=mona, change_message__contains="looked at the selfie").count() == 1
    answer = client.get(selfie)
    assert answer.content == b"picture of selfie-id"
    assert "no-store" in answer["Cache-Control"]


def test_it_goes_through_the_queue_the_oldest_first(bob: User, ann: User, mona: Staff) -> None:
    first, second = tries(bob, "one"), tries(ann, "two")
    client, following = browser(mona), reverse("admin:moderation_verification_next")
    assert client.get(following)["Location"] == page_of(first)
    assert client.get(following, {"after": str(first.pk)})["Location"] == page_of(second)
    decide = reverse("admin:moderation_verification_decide", args=[first.pk])
    answer = client.post(decide, {"action": "approve", "photo": str(first_photo(bob).pk)})
    assert answer["Location"] == page_of(second)
    assert has_badge(bob)
    answer = client.post(reverse("admin:moderation_verification_decide", args=[second.pk]), {"action": "person"})
    assert answer["Location"] == reverse("admin:moderation_verification_changelist")
    assert Verification.objects.get(pk=second.pk).reason == "person"


def test_it_explains_on_the_page_why_nothing_was_decided(attempt: Verification, mona: Staff) -> None:
    decide = reverse("admin:moderation_verification_decide", args=[attempt.pk])
    assert (
        "has changed while you looked"
        in browser(mona).post(decide, {"action": "approve"}, follow=True).content.decode()
    )
    assert "Pick a reason" in browser(mona).post(decide, {}, follow=True).content.decode()


@pytest.mark.parametrize("role", [None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager"])
def test_it_shows_and_decides_selfies_only_to_moderators(
    attempt: Verification, hire: Hire, picture: None, role: str | None
) -> None:
    client, is_open = browser(hire("visitor", role)), role in (None, "Moderator", "Senior moderator")
    for name in ("change", "selfie"):
        answer = client.get(reverse(f"admin:moderation_verification_{name}", args=[attempt.pk]))
        assert answer.status_code == (200 if is_open else 403)
    assert client.get(reverse("admin:moderation_verification_changelist")).status_code == (200 if is_open else 403)
    assert client.get(reverse("admin:moderation_verification_next")).status_code == (302 if is_open else 403)
    decide = reverse("admin:moderation_verification_decide", args=[attempt.pk])
    assert client.post(decide, {"action": "gesture"}).status_code == (302 if is_open else 403)
    assert (Verification.objects.get().status == "rejected") == is_open


@pytest.mark.parametrize("address", ["nonsense", "34c365dd-b686-4900-ba1c-460217d94622"])
def test_it_finds_no_attempt_where_there_is_none(mona: Staff, address: str) -> None:
    assert browser(mona).get(reverse("admin:moderation_verification_change", args=[address])).status_code == 404


def test_it_has_no_picture_any_more_once_it_was_let_go(attempt: Verification, mona: Staff) -> None:
    Verification.objects.update(file_id="")
    assert browser(mona).get(reverse("admin:moderation_verification_selfie", args=[attempt.pk])).status_code == 404
    assert "its time was over" in browser(mona).get(page_of(attempt)).content.decode()
