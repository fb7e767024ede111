"""The member's way to a badge: /verify, a selfie with a gesture, and what others see."""

import pytest
from django.utils import timezone

from apps.bot import texts
from apps.moderation.models import Verification
from apps.moderation.verification.services import approve, gesture_for, reject
from apps.users.badge import main_photo
from apps.users.models import Staff
from tests.bot.people import talking, wait
from tests.fakes import deliver_all
from tests.phone import Phone

BADGE = "✅ Photos verified"


@pytest.fixture
def sena(db: None) -> Staff:
    return Staff.objects.create_superuser("sena", "a long password")


@pytest.fixture
def verified(bob: Phone, sena: Staff) -> Phone:
    bob.write("/verify")
    bob.send_photo("selfie")
    photo = main_photo(bob.user)
    assert photo
    approve(Verification.objects.get().pk, by=sena, photo_id=photo.pk)
    deliver_all(bob.api)
    return bob


@pytest.mark.flag_states("users.verification")
def test_it_asks_for_a_selfie_with_a_gesture(flag_state: bool, bob: Phone) -> None:
    bob.write("/verify")
    if not flag_state:
        assert bob.last == "Photos cannot be verified at the moment."
        assert not Verification.objects.exists()
        return
    assert str(gesture_for(bob.user).label) in bob.last
    bob.send_photo("selfie")
    assert bob.last == texts.account.selfie_taken()
    attempt = Verification.objects.get()
    assert (attempt.member, attempt.file_id, attempt.status) == (bob.user, "selfie-id", "waiting")


@pytest.mark.flag_states("users.verification")
def test_it_offers_it_in_the_profile(flag_state: bool, bob: Phone) -> None:
    bob.write("/profile")
    assert ("✅ Verify my photos" in bob.buttons()) == flag_state
    if flag_state:
        bob.tap("verify")
        assert "Take a selfie now" in bob.last


def test_it_shows_the_badge_on_the_card_to_the_match_and_in_the_profile(verified: Phone, ann: Phone) -> None:
    assert verified.sees("Your photos are verified until")
    ann.write("/browse")
    assert BADGE in ann.last
    talking(ann, verified)
    ann.tap("partner:") if any("Profile" in label for label in ann.buttons()) else None
    verified.write("/profile")
    assert BADGE in verified.last


@pytest.mark.flag_states("users.verification")
def test_it_shows_no_badge_while_switched_off(flag_state: bool, bob: Phone, ann: Phone) -> None:
    photo = main_photo(bob.user)
    assert photo
    profile = bob.user.profile
    profile.verified_photo, profile.verified_until = photo.pk, timezone.now() + timezone.timedelta(days=9)
    profile.save()
    ann.write("/browse")
    assert (BADGE in ann.last) == flag_state


def test_it_shows_no_badge_when_the_first_photo_has_changed(verified: Phone, ann: Phone) -> None:
    verified.write("/profile")
    verified.tap("edit:photos")
    verified.send_photo("other")
    verified.tap("unphoto:")
    ann.write("/browse")
    assert "Bob" in ann.last
    assert (BADGE in ann.last) == (main_photo(verified.user).pk == verified.user.profile.verified_photo)  # type: ignore[union-attr]


def test_it_tells_why_not_and_lets_them_try_again(bob: Phone, sena: Staff) -> None:
    bob.write("/verify")
    bob.send_photo("selfie")
    reject(Verification.objects.get().pk, by=sena, reason="gesture")
    deliver_all(bob.api)
    assert bob.sees("The gesture on it is not the one that was asked for.")
    bob.write("/verify")
    assert "Take a selfie now" in bob.last


def test_it_takes_no_forwarded_late_or_worded_answer_for_a_selfie(bob: Phone) -> None:
    bob.write("/verify")
    origin = {"type": "hidden_user", "sender_user_name": "Cid", "date": 1_800_000_000}
    size = {"file_id": "f", "file_unique_id": "f", "width": 800, "height": 1000}
    bob.send(photo=[size], forward_origin=origin)
    assert bob.last == "Please take the selfie now, and send it yourself."
    bob.write("Like this?")
    wait(bob, hours=1)
    bob.send_photo("late")
    assert not Verification.objects.exists()


def test_it_asks_for_a_photo_instead_of_a_file(bob: Phone) -> None:
    bob.write("/verify")
    bob.send(document={"file_id": "d", "file_unique_id": "d", "mime_type": "image/jpeg"})
    assert bob.last == texts.profile.send_as_photo()
