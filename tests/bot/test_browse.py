"""/browse: what a card tells, and what can be done with it."""

from uuid import uuid4

import pytest
from django.utils import timezone

from apps.bot import texts
from apps.matching.models import Block, Match, Swipe
from apps.moderation.models import Report
from apps.users import services
from apps.users.models import User
from tests.bot.people import join, keyboard, last_params, matched, talking, wait
from tests.fakes import FakeBotApi
from tests.phone import NoSuchButtonError, Phone

pytestmark = pytest.mark.django_db
NEARBY = (41.80, 44.80)  # twelve kilometres from where the others are


@pytest.fixture
def two(api: FakeBotApi) -> tuple[Phone, Phone]:
    """Two men whom Ann may see, besides Bob."""
    return join(api, "Cid", gender="man"), join(api, "Dan", gender="man")


def name_on_card(phone: Phone) -> str:
    return phone.last.partition(",")[0].removeprefix("<b>")


# ---- What a card tells


def test_it_shows_a_photo_name_age_distance_interests_and_bio(api: FakeBotApi) -> None:
    join(api, "Bob", age=31, place=NEARBY, interests=["hiking", "chess"], bio="I bake <bread>")
    viewer = join(api, "Ann", interests=["chess", "yoga"])
    viewer.write("/browse")
    for words in ("<b>Bob, 31</b>", "less than 25 km away", "You both like: ♟️ Chess", "Hiking", "I bake &lt;bread&gt;"):
        assert words in viewer.last
    assert last_params(viewer)["photo"]
    assert last_params(viewer)["protect_content"] is True


def test_it_never_tells_the_place_or_the_exact_distance(api: FakeBotApi) -> None:
    join(api, "Bob", place=NEARBY)
    viewer = join(api, "Ann")
    viewer.write("/browse")
    assert "Tbilisi" not in viewer.last
    assert "12" not in viewer.last


def test_it_turns_to_the_next_photo_and_round_to_the_first(ann: Phone, api: FakeBotApi) -> None:
    join(api, "Bob", gender="man", photos=2)
    ann.write("/browse")
    first = last_params(ann)["photo"]
    ann.tap("🖼 1/2")
    assert last_params(ann)["media"]["media"] == first.replace("-0", "-1")
    ann.tap("🖼 2/2")
    assert last_params(ann)["media"]["media"] == first


def test_it_shows_the_first_photo_when_a_number_is_forged(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"photo:{bob.user.pk.hex}:999")
    assert "Bob" in ann.last


def test_it_changes_the_card_in_place(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    ann.tap("pass:")
    assert len(ann.screen()) == 1
    assert ann.screen()[0].method == "editMessageMedia"


# ---- Like, note, pass, undo


def test_it_likes_and_shows_the_next_card(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    first = name_on_card(ann)
    assert ann.tap("like:") == texts.meeting.liked()
    assert name_on_card(ann) != first
    assert Swipe.objects.get().liked


def test_it_passes_and_shows_the_next_card(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    assert ann.tap("pass:") == texts.meeting.passed()
    assert not Swipe.objects.get().liked


def test_it_shows_the_note_on_the_card_of_who_wrote_it(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("note:")
    ann.write("Your <bread> & me")
    assert ann.sees(texts.meeting.note_sent("Bob"))
    assert not bob.sees("bread")
    bob.write("/browse")
    assert "💌 <i>Your &lt;bread&gt; &amp; me</i>" in bob.last


def test_it_says_by_how_much_a_note_is_too_long_and_waits_for_a_shorter_one(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("note:")
    ann.write("x" * 201)
    assert "201" in ann.last
    assert not Swipe.objects.exists()
    ann.write("Hi")
    assert Swipe.objects.get().note == "Hi"


def test_it_does_not_take_a_late_message_for_a_note(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("note:")
    wait(ann, hours=2)
    ann.write("Mum, I am at the station")
    assert ann.last == texts.profile.prompt_gone()
    assert not Swipe.objects.exists()


def test_it_waits_for_no_note_any_more_after_a_plain_like(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    ann.tap("note:")
    ann.tap("like:")
    assert ann.user.dialogue.step == ""


def test_it_drops_a_note_on_second_thoughts(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("note:")
    ann.tap("Cancel")
    assert ann.user.dialogue.step == ""
    assert "Bob" in ann.last


def test_it_shows_the_card_again_that_was_taken_back(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    first = name_on_card(ann)
    ann.tap("pass:")
    assert ann.tap("undo") == texts.meeting.undone()
    assert name_on_card(ann) == first
    assert not Swipe.objects.exists()


def test_it_takes_back_one_after_the_other(ann: Phone, bob: Phone, two: tuple[Phone, Phone]) -> None:
    ann.write("/browse")
    for _ in range(3):
        ann.tap("pass:")
    for _ in range(3):
        ann.tap("undo")
    assert not Swipe.objects.exists()
    assert ann.tap("undo") == texts.meeting.nothing_to_undo()


def test_it_takes_no_match_back(ann: Phone, bob: Phone) -> None:
    matched(bob, ann)
    assert "You two have matched" in ann.tap_data("undo")
    assert Match.objects.filter(ended_at=None).exists()


def test_it_does_not_show_a_card_again_that_may_not_be_seen(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("pass:")
    services.set_paused(bob.user, paused=True)
    ann.tap("undo")
    assert "Bob" not in ann.last


# ---- Block and report


def test_it_blocks_at_once_and_for_both(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    assert ann.tap("block:") == texts.meeting.blocked("Bob")
    assert Block.objects.count() == 1
    bob.write("/browse")
    assert "Ann" not in bob.last


def test_it_tells_a_partner_who_is_blocked_from_an_old_card_that_the_match_has_ended(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    ann.tap_data(f"block:{bob.user.pk.hex}")
    assert Match.objects.get().ended_at
    assert bob.last == texts.meeting.partner_ended("Ann")
    assert (keyboard(ann), keyboard(bob)) == ([], [])


def test_it_files_a_report_with_a_reason_and_words_and_passes(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("report:")
    ann.tap("Spam or scam")
    assert texts.meeting.report_thanks() in ann.last
    ann.write("Wants money")
    report = Report.objects.get()
    assert (report.reporter, report.reported, report.reason, report.words) == (
        ann.user,
        bob.user,
        "spam",
        "Wants money",
    )
    assert not Swipe.objects.get().liked
    assert ann.last == texts.meeting.report_words_added()


def test_it_files_the_same_report_once(ann: Phone, bob: Phone) -> None:
    for _ in range(2):
        ann.tap_data(f"reason:fake:{bob.user.pk.hex}")
    assert Report.objects.count() == 1


def test_it_offers_to_block_who_was_reported(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("report:")
    ann.tap("Harassment")
    ann.tap("Block")
    assert Block.objects.filter(blocked=bob.user).exists()


def test_it_takes_words_for_a_report_within_half_an_hour_only(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"reason:fake:{bob.user.pk.hex}")
    wait(ann, minutes=31)
    ann.write("Shopping: milk, eggs")
    assert Report.objects.get().words == ""


def test_it_lets_nobody_report_or_block_themselves(ann: Phone) -> None:
    me = ann.user.pk.hex
    for data in (f"report:{me}", f"reason:fake:{me}", f"block:{me}"):
        assert ann.tap_data(data) == texts.meeting.person_gone()
    assert not Report.objects.exists()
    assert not Block.objects.exists()


# ---- Late and forged taps


def hidden(how: str, ann: Phone, bob: Phone) -> None:
    now = timezone.now()
    if how == "swiped":
        ann.tap_data(f"pass:{bob.user.pk.hex}")
    elif how == "blocked":
        Block.objects.create(blocker=bob.user, blocked=ann.user)
    elif how == "erased":
        services.erase(bob.user)
    elif how == "other wishes":
        services.set_age_range(bob.user, 60, 70)
    else:
        User.objects.filter(pk=bob.user.pk).update(**{how: now})


@pytest.mark.parametrize(
    "how", ["paused_at", "banned_at", "unreachable_at", "blocked", "erased", "swiped", "other wishes"]
)
@pytest.mark.parametrize("tap", ["like", "pass", "note", "photo"])
def test_it_takes_no_late_tap_on_who_may_not_be_seen_any_more(ann: Phone, bob: Phone, how: str, tap: str) -> None:
    them = bob.user.pk.hex
    hidden(how, ann, bob)
    swipes = Swipe.objects.count()
    toast = ann.tap_data(f"{tap}:{them}:0" if tap == "photo" else f"{tap}:{them}")
    assert toast == texts.meeting.card_out_of_date()
    assert "seen everybody" in ann.last
    assert Swipe.objects.count() == swipes


def test_it_takes_no_note_for_who_was_gone_meanwhile(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("note:")
    services.erase(bob.user)
    ann.write("Hi")
    assert ann.sees(texts.meeting.card_out_of_date())
    assert not Swipe.objects.exists()


NAMING = [
    "like:{}",
    "pass:{}",
    "note:{}",
    "photo:{}:0",
    "block:{}",
    "report:{}",
    "reason:spam:{}",
    "chat:{}",
    "partner:{}:0",
    "contact:{}",
    "contact_yes:{}",
    "unmatch:{}",
    "unmatch_yes:{}",
    "block_chat:{}",
    "report_chat:{}",
    "reason_chat:spam:{}",
    "unphoto:{}",
]


@pytest.mark.parametrize("data", NAMING)
def test_it_answers_a_tap_on_somebody_who_never_was(ann: Phone, data: str) -> None:
    ann.tap_data(data.format(uuid4().hex))
    assert ann.toast or ann.screen()
    assert not ann.sees("went wrong")


FORGED = [
    "?",
    "like",
    "like:",
    "like:zz",
    "like:123",
    "back:nowhere",
    "done:name",
    "edit:birth_date",
    "gender:cat",
    "seek:",
    "place:x",
    "language:de",
    "matches:-1",
    "distance:99999",
    "pause:maybe",
    "🙂",
]


@pytest.mark.parametrize("data", [*FORGED, "LIKE:" + "0" * 32, "x" * 64])
def test_it_says_that_a_forged_button_does_not_work(ann: Phone, data: str) -> None:
    assert ann.tap_data(data) == texts.account.unknown_tap()


@pytest.mark.parametrize(
    "data", ["widen_age:0:999", "widen_age:90:20", "distance:1", "matches:999", "widen_distance:999"]
)
def test_it_survives_numbers_out_of_range(ann: Phone, data: str) -> None:
    ann.tap_data(data)
    assert not ann.sees("went wrong")
    assert 18 <= ann.user.preferences.age_min <= ann.user.preferences.age_max <= 99


def test_it_shows_no_cards_to_who_is_paused(ann: Phone, bob: Phone) -> None:
    services.set_paused(ann.user, paused=True)
    ann.write("/browse")
    assert ann.last == texts.meeting.paused()
    ann.tap("Go on")
    ann.tap("See people")
    assert "Bob" in ann.last


# ---- The empty deck


def test_it_says_how_many_are_outside_the_age_range_and_widens_it_by_one_tap(api: FakeBotApi) -> None:
    for name in ("Bob", "Cid"):
        join(api, name, gender="man", age=40)
    ann = join(api, "Ann", ages=(20, 30), seeking=("man",))
    ann.write("/browse")
    assert "2 people are outside your age range." in ann.last
    assert (ann.user.preferences.age_min, ann.user.preferences.age_max) == (20, 30)
    ann.tap("(+2)")
    assert (ann.user.preferences.age_min, ann.user.preferences.age_max) == (18, 40)
    assert name_on_card(ann) in ("Bob", "Cid")


def test_it_says_how_many_are_too_far_away_and_widens_the_distance_by_one_tap(api: FakeBotApi) -> None:
    join(api, "Bob", gender="man", place=(42.27, 42.70), max_distance_km=None)
    ann = join(api, "Ann", seeking=("man",))
    ann.write("/browse")
    assert "1 person is farther away than you want." in ann.last
    ann.tap("up to 250 km (+1)")
    assert ann.user.preferences.max_distance_km == 250
    assert "Bob" in ann.last


def test_it_counts_nobody_who_would_not_see_them_either(api: FakeBotApi) -> None:
    join(api, "Bob", gender="man", age=40, ages=(35, 45))
    join(api, "Cid", gender="man", age=40, seeking=("man",))
    ann = join(api, "Ann", ages=(20, 30), seeking=("man",))
    ann.write("/browse")
    assert "outside your age range" not in ann.last
    assert texts.meeting.deck_empty_no_reason() in ann.last


def test_it_offers_the_last_card_back_when_the_deck_is_empty(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("pass:")
    assert texts.meeting.deck_empty() in ann.last
    ann.tap("undo")
    assert "Bob" in ann.last


def test_it_widens_nothing_by_itself(api: FakeBotApi) -> None:
    join(api, "Bob", gender="man", age=40)
    ann = join(api, "Ann", ages=(20, 30), seeking=("man",))
    for _ in range(3):
        ann.write("/browse")
    with pytest.raises(NoSuchButtonError):
        ann.tap("like:")
    assert (ann.user.preferences.age_min, ann.user.preferences.age_max) == (20, 30)
