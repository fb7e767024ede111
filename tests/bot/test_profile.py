"""The rest of the profile: interests, bio, photos, preview, publishing, and changing things later."""

import pytest

from apps.bot import texts
from apps.users.models import MAX_BIO, Photo
from tests.bot.people import asked_for_the_place, join, newcomer, talking, wait
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def new(api: FakeBotApi) -> Phone:
    """Is asked for interests while signing up."""
    phone = asked_for_the_place(newcomer(api))
    phone.write("Tbilisi")
    return phone


@pytest.fixture
def at_photos(new: Phone) -> Phone:
    new.tap("done:interests")
    new.tap("Skip")
    return new


def photos_of(phone: Phone) -> list[tuple[int, str]]:
    return list(Photo.objects.filter(user=phone.user).values_list("position", "file_id"))


# ---- Interests


def test_it_turns_the_pages_of_interests_round_and_round(new: Phone) -> None:
    assert "1/4" in new.buttons()
    new.tap("‹")
    assert "4/4" in new.buttons()
    new.tap("›")
    assert "1/4" in new.buttons()


def test_it_keeps_the_page_when_an_interest_is_chosen(new: Phone) -> None:
    new.tap("›")
    new.tap("Cinema")
    assert "✅ 🎬 Cinema" in new.buttons()
    assert "2/4" in new.buttons()
    assert new.user.profile.interests == ["cinema"]


def test_it_takes_ten_interests_at_most(new: Phone) -> None:
    for chip in new.buttons()[:10]:
        new.tap(chip)
    assert "up to 10" in new.tap("Dancing")
    assert len(new.user.profile.interests) == 10


@pytest.mark.parametrize("forged", ["interest:nothing:0", "interest:hiking:999", "interests:999"])
def test_it_survives_forged_interests(new: Phone, forged: str) -> None:
    new.tap_data(forged)
    assert new.user.profile.interests in ([], ["hiking"])
    assert not new.sees("went wrong")


# ---- Bio


def test_it_takes_a_bio_of_the_full_length(new: Phone) -> None:
    new.tap("done:interests")
    new.write("x" * MAX_BIO)
    assert len(new.user.profile.bio) == MAX_BIO
    assert "photos" in new.last


def test_it_says_by_how_much_a_bio_is_too_long(new: Phone) -> None:
    new.tap("done:interests")
    new.write("x" * 501)
    assert "501" in new.last
    assert "500" in new.last
    assert new.user.dialogue.step == "bio"


def test_it_clears_a_bio(new: Phone) -> None:
    new.tap("done:interests")
    new.write("I sing")
    new.tap("Back")
    new.tap("Remove my text")
    assert new.user.profile.bio == ""
    assert "photos" in new.last


# ---- Photos


def test_it_takes_one_photo_and_offers_to_go_on(at_photos: Phone) -> None:
    assert at_photos.buttons() == ["‹ Back"]
    at_photos.send_photo("beach")
    assert photos_of(at_photos) == [(0, "beach-id")]
    assert "Go on ›" in at_photos.buttons()


def test_it_takes_the_biggest_size_of_a_photo(at_photos: Phone) -> None:
    sizes = [
        {"file_id": f"id-{side}", "file_unique_id": f"u-{side}", "width": side, "height": side} for side in (90, 800)
    ]
    at_photos.send(photo=sizes)
    assert photos_of(at_photos) == [(0, "id-800")]


def test_it_says_that_it_has_a_photo_already(at_photos: Phone) -> None:
    at_photos.send_photo("beach")
    at_photos.send_photo("beach")
    assert at_photos.sees(texts.profile.photo_known())
    assert len(photos_of(at_photos)) == 1


def test_it_refuses_a_seventh_photo(at_photos: Phone) -> None:
    for number in range(6):
        at_photos.send_photo(f"photo-{number}")
    assert "6 photos of 6" in at_photos.last
    at_photos.send_photo("one-more")
    assert "up to 6 photos" in at_photos.last
    assert len(photos_of(at_photos)) == 6


def test_it_closes_the_gap_when_a_photo_is_removed(at_photos: Phone) -> None:
    for name in ("a", "b", "c"):
        at_photos.send_photo(name)
    at_photos.tap("Photo 2")
    assert photos_of(at_photos) == [(0, "a-id"), (1, "c-id")]


def test_it_asks_for_a_photo_when_it_gets_a_file(at_photos: Phone) -> None:
    at_photos.send(document={"file_id": "d", "file_unique_id": "d", "mime_type": "image/png"})
    assert at_photos.last == texts.profile.send_as_photo()
    assert photos_of(at_photos) == []


def test_it_keeps_the_last_photo_of_a_published_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Photos")
    assert "One photo must stay" in ann.tap("Photo 1")
    assert len(photos_of(ann)) == 1


def test_it_removes_nobody_elses_photo(ann: Phone, bob: Phone) -> None:
    theirs = Photo.objects.get(user=bob.user)
    ann.tap_data(f"unphoto:{theirs.pk.hex}")
    assert Photo.objects.filter(pk=theirs.pk).exists()


# ---- Preview and publishing


def test_it_shows_the_profile_before_it_is_published(new: Phone) -> None:
    new.tap("Hiking")
    new.tap("done:interests")
    new.write("I <3 tea & rain")
    new.send_photo("beach")
    new.tap("done:photos")
    for words in ("Ann, ", "Tbilisi, Georgia", "Hiking", "I &lt;3 tea &amp; rain", "Men"):
        assert words in new.last
    assert new.screen()[-1].params["photo"] == "beach-id"
    assert new.user.profile.published_at is None
    new.tap("Publish")
    assert new.user.profile.published_at
    assert "See people" in new.buttons()[0]


def test_it_asks_for_what_was_removed_before_publishing(at_photos: Phone) -> None:
    at_photos.send_photo("beach")
    at_photos.tap("done:photos")
    Photo.objects.all().delete()
    at_photos.tap("Publish")
    assert at_photos.user.profile.published_at is None
    assert at_photos.user.dialogue.step == "photos"


def test_it_goes_back_from_the_preview_to_the_interests(at_photos: Phone) -> None:
    at_photos.send_photo("beach")
    at_photos.tap("done:photos")
    for words in ("You have 1 photo", "about yourself", "What do you like"):
        at_photos.tap("Back")
        assert words in at_photos.last


def test_it_fits_the_longest_profile_into_a_caption(api: FakeBotApi) -> None:
    """The fake Telegram refuses captions that are too long."""
    full = {"interests": ["vegetarian", "photography", "programming", "video-games", "board-games", "astronomy"]}
    phone = join(api, "👩‍🚀" * 13, bio="🎉" * 500, seeking=("man", "woman", "nonbinary"), language="ru", **full)
    phone.write("/profile")
    assert "🎉🎉" in phone.last
    assert "…" in phone.last
    viewer = join(api, "Bob", **full)
    viewer.write("/browse")
    assert "🎉🎉" in viewer.last


# ---- Changing things later


def test_it_changes_the_name_and_returns_to_the_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Name")
    ann.write("Anna")
    assert "<b>Anna, 28</b>" in ann.last
    assert texts.profile.what_to_change() in ann.last


def test_it_changes_the_gender_and_returns_to_the_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Gender")
    ann.tap("Non-binary")
    assert ann.user.profile.gender == "nonbinary"
    assert texts.profile.what_to_change() in ann.last


def test_it_changes_the_interests_and_returns_to_the_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Interests")
    ann.tap("Yoga")
    ann.tap("done:interests")
    assert "Yoga" in ann.last


def test_it_changes_the_bio_and_returns_to_the_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("About me")
    ann.write("New words")
    assert "New words" in ann.last


def test_it_adds_a_photo_and_returns_to_the_profile(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("Photos")
    ann.send_photo("second")
    ann.tap("done:photos")
    assert len(photos_of(ann)) == 2
    assert texts.profile.what_to_change() in ann.last


@pytest.mark.parametrize("part", ["Name", "Gender", "Interests", "About me", "Photos"])
def test_it_goes_back_to_the_profile_unchanged(ann: Phone, part: str) -> None:
    ann.write("/profile")
    ann.tap(part)
    ann.tap("Back")
    assert texts.profile.what_to_change() in ann.last
    assert ann.user.dialogue.step == ""


def test_it_does_not_overwrite_a_bio_with_a_late_message(ann: Phone) -> None:
    ann.write("/profile")
    ann.tap("About me")
    wait(ann, minutes=31)
    ann.write("See you at eight")
    assert ann.user.profile.bio == ""
    assert ann.last == texts.profile.prompt_gone()


def test_it_does_not_put_a_late_photo_into_the_profile(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    ann.write("/profile")
    ann.tap("Photos")
    wait(ann, minutes=31)
    ann.send_photo("private")
    assert len(photos_of(ann)) == 1
    assert ann.last == texts.profile.prompt_gone()


def test_it_does_not_take_a_chat_button_for_the_new_bio(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    ann.write("/profile")
    ann.tap("About me")
    ann.write(texts.meeting.chat_menu_label("Bob"))
    assert ann.user.profile.bio == ""
    assert ann.last == texts.meeting.chat_actions("Bob")


# ---- Preferences


def test_it_shows_whom_they_want_to_see(ann: Phone) -> None:
    ann.write("/preferences")
    for words in ("Men", "18–99", "up to 50 km"):
        assert words in ann.last


def test_it_changes_the_genders_sought(ann: Phone) -> None:
    ann.write("/preferences")
    ann.tap("Women")
    assert ann.user.preferences.genders == ["woman", "man"]


def test_it_keeps_one_gender_sought(ann: Phone) -> None:
    ann.write("/preferences")
    assert "at least one" in ann.tap("✅ Men")
    assert ann.user.preferences.genders == ["man"]


def test_it_changes_the_ages(ann: Phone) -> None:
    ann.write("/preferences")
    ann.tap("Age")
    ann.write("25 to 35")
    assert "25–35" in ann.last
    assert (ann.user.preferences.age_min, ann.user.preferences.age_max) == (25, 35)


@pytest.mark.parametrize(
    ("text", "answer"), [("young", "two numbers"), ("35-25", "18"), ("10-20", "18"), ("20-120", "99")]
)
def test_it_says_which_ages_are_possible(ann: Phone, text: str, answer: str) -> None:
    ann.write("/preferences")
    ann.tap("Age")
    ann.write(text)
    assert answer in ann.last
    assert (ann.user.preferences.age_min, ann.user.preferences.age_max) == (18, 99)


def test_it_changes_the_distance(ann: Phone) -> None:
    ann.write("/preferences")
    ann.tap("Distance")
    ann.tap("up to 10 km")
    assert ann.user.preferences.max_distance_km == 10
    ann.tap("Distance")
    ann.tap("anywhere")
    assert ann.user.preferences.max_distance_km is None
