"""Likes that are told, likes that meet, and the list of matches."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.bot import texts
from apps.matching.models import Match
from apps.users import services
from tests.bot.people import join, last_params, matched
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db


def likes_told(phone: Phone) -> int:
    return phone.api.texts_to(phone.telegram_id).count(texts.meeting.somebody_likes_you())


def test_it_tells_of_a_like_without_saying_who(ann: Phone, bob: Phone) -> None:
    ann.write("/browse")
    ann.tap("like:")
    assert bob.last == texts.meeting.somebody_likes_you()
    assert "Ann" not in repr(last_params(bob))
    assert ann.user.pk.hex not in repr(last_params(bob))


def test_it_tells_of_likes_once_until_they_look(ann: Phone, bob: Phone, api: FakeBotApi) -> None:
    eve, dot = join(api, "Eve"), join(api, "Dot")
    for fan in (ann, eve):
        fan.tap_data(f"like:{bob.user.pk.hex}")
    assert likes_told(bob) == 1
    bob.write("/browse")
    dot.tap_data(f"like:{bob.user.pk.hex}")
    assert likes_told(bob) == 2


def test_it_shows_who_likes_them_first(ann: Phone, bob: Phone, api: FakeBotApi) -> None:
    for name in ("Eve", "Dot"):
        join(api, name)
    ann.tap_data(f"like:{bob.user.pk.hex}")
    bob.tap("See people")
    assert "Ann" in bob.last


def test_it_tells_nobody_of_a_like_by_somebody_they_passed(ann: Phone, bob: Phone) -> None:
    bob.tap_data(f"pass:{ann.user.pk.hex}")
    ann.tap_data(f"like:{bob.user.pk.hex}")
    assert likes_told(bob) == 0


def test_it_tells_of_a_like_in_the_language_of_the_liked(ann: Phone, api: FakeBotApi) -> None:
    bob = join(api, "Bob", gender="man", language="es")
    ann.tap_data(f"like:{bob.user.pk.hex}")
    assert bob.last
    assert bob.last != texts.meeting.somebody_likes_you()


def test_it_makes_one_match_of_two_likes_and_shows_it_to_both(api: FakeBotApi) -> None:
    ann = join(api, "Ann", interests=["chess"])
    bob = join(api, "Bob", interests=["tea", "chess"])
    ann.tap_data(f"like:{bob.user.pk.hex}")
    bob.write("/browse")
    bob.tap("like:")
    match = Match.objects.get()
    assert {match.low, match.high} == {ann.user, bob.user}
    for phone, partner in ((ann, "Bob"), (bob, "Ann")):
        assert texts.meeting.matched(partner) in phone.last
        assert "You both like ♟️ Chess" in phone.last
        assert f"chat:{match.pk.hex}" in repr(last_params(phone))


def test_it_offers_an_opener_to_those_with_nothing_in_common(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"like:{bob.user.pk.hex}")
    bob.tap_data(f"like:{ann.user.pk.hex}")
    assert texts.meeting.opener([]) in ann.last


def test_it_matches_a_like_with_a_note(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"like:{bob.user.pk.hex}")
    bob.tap_data(f"note:{ann.user.pk.hex}")
    bob.write("Hello!")
    assert Match.objects.exists()
    assert texts.meeting.matched("Ann") in bob.last


def test_it_never_shows_a_match_in_the_deck_again(ann: Phone, bob: Phone) -> None:
    matched(ann, bob)
    ann.write("/browse")
    assert "Bob" not in ann.last


def test_it_makes_no_match_of_a_pass_that_turns_into_a_late_like(ann: Phone, bob: Phone) -> None:
    ann.tap_data(f"like:{bob.user.pk.hex}")
    bob.tap_data(f"pass:{ann.user.pk.hex}")
    bob.tap_data(f"like:{ann.user.pk.hex}")
    assert not Match.objects.exists()


# ---- /matches


def test_it_says_that_there_are_no_matches_yet(ann: Phone) -> None:
    ann.write("/matches")
    assert ann.last == texts.meeting.matches(0)
    assert "See people" in ann.buttons()[0]


def test_it_turns_the_pages_of_matches_newest_first(ann: Phone, api: FakeBotApi) -> None:
    for number in range(9):
        match = matched(ann, join(api, f"Bob{'abcdefghi'[number]}"))
        Match.objects.filter(pk=match.pk).update(created_at=timezone.now() + timedelta(minutes=number))
    ann.write("/matches")
    assert "9 matches" in ann.last
    assert ann.buttons()[0] == "💬 Bobi, 28"
    assert len(ann.buttons()) == 9
    ann.tap("›")
    assert ann.buttons() == ["💬 Boba, 28", "‹"]
    ann.tap("‹")
    assert ann.buttons()[0] == "💬 Bobi, 28"


def test_it_lists_no_match_that_has_ended(ann: Phone, bob: Phone) -> None:
    match = matched(ann, bob)
    bob.tap_data(f"unmatch_yes:{match.pk.hex}")
    ann.write("/matches")
    assert ann.last == texts.meeting.matches(0)


def test_it_opens_no_match_of_other_people(ann: Phone, bob: Phone, api: FakeBotApi) -> None:
    match = matched(bob, join(api, "Eve"))
    for data in ("chat", "contact", "contact_yes", "unmatch", "unmatch_yes", "block_chat", "report_chat"):
        assert ann.tap_data(f"{data}:{match.pk.hex}") == "This match has ended."
    assert ann.tap_data(f"partner:{match.pk.hex}:0") == "This match has ended."
    assert ann.tap_data(f"reason_chat:fake:{match.pk.hex}") == "This match has ended."
    assert ann.screen() == []
    match.refresh_from_db()
    assert match.ended_at is None


def test_it_drops_the_match_with_somebody_who_left(ann: Phone, bob: Phone) -> None:
    matched(ann, bob)
    services.erase(bob.user)
    ann.write("/matches")
    assert ann.last == texts.meeting.matches(0)
