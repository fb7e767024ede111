"""A shadow limit: all looks the same to the member, and nothing of theirs reaches anybody."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.conversations.models import ContactConsent, Message
from apps.matching.models import Match, Swipe
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.errors import InvalidDecisionError, NotAllowedError
from apps.moderation.models import Case, Decision, ReasonTemplate
from apps.moderation.services import file_report
from apps.users.models import Staff, User
from tests.bot.people import talking
from tests.factories import member
from tests.fakes import deliver_all
from tests.phone import Phone

Shadow = Callable[..., Decision]


@pytest.fixture
def sena(db: None) -> Staff:
    person = Staff.objects.create_user("sena", "a long password", is_staff=True)
    person.groups.add(Group.objects.get(name="Senior moderator"))
    return person


@pytest.fixture
def shadow(bob: Phone, sena: Staff) -> Shadow:
    """Somebody far away has reported Bob for spam, and a senior moderator limits him without a word."""

    def make(by: Staff = sena, letter: str = "s") -> Decision:
        case = file_report(member("Far", place=(0.0, 0.0)), bob.user, reason="spam").case
        assert case
        template = ReasonTemplate.objects.get(letter=letter)
        order = Order("shadow_limit", template_id=template.pk, hours=72)
        decision = services.decide(case.pk, by=by, seen=Case.objects.get(pk=case.pk).stamp, order=order)
        deliver_all(bob.api)
        return decision

    return make


def test_it_tells_the_member_nothing(shadow: Shadow, bob: Phone) -> None:
    before = len(bob.screen())
    decision = shadow()
    assert len(bob.screen()) == before
    assert bob.tap_data("statement") == "There is no decision about you that is in effect."
    assert bob.tap_data(f"appeal:{decision.pk.hex}") == "This decision cannot be appealed against any more."
    services.undo(decision.pk, by=decision.by)  # type: ignore[arg-type]
    deliver_all(bob.api)
    assert len(bob.screen()) == before


def test_it_ends_by_itself_without_a_word(shadow: Shadow, bob: Phone) -> None:
    shadow()
    before = len(bob.screen())
    User.objects.filter(pk=bob.user.pk).update(shadowed_until=timezone.now() - timedelta(seconds=1))
    Decision.objects.count()
    assert services.lift_expired() == 1
    deliver_all(bob.api)
    assert len(bob.screen()) == before


def test_it_shows_their_card_to_nobody(shadow: Shadow, bob: Phone, ann: Phone) -> None:
    ann.write("/browse")
    assert "Bob" in ann.last
    shadow()
    ann.write("/browse")
    assert not any("Bob" in call.text for call in ann.screen()[-1:])
    ann.tap_data(f"like:{bob.user.pk.hex}")
    assert not Swipe.objects.filter(swiper=ann.user).exists()


@pytest.mark.parametrize("is_shadowed", [False, True])
def test_it_answers_likes_as_ever(shadow: Shadow, bob: Phone, ann: Phone, is_shadowed: bool) -> None:
    if is_shadowed:
        shadow()
    bob.write("/browse")
    assert "Ann" in bob.last
    bob.tap("like:")
    assert bob.toast == "❤️ Liked"
    assert ann.sees("Somebody likes you") == (not is_shadowed)


def test_it_makes_no_match_and_makes_up_for_it_when_undone(shadow: Shadow, bob: Phone, ann: Phone) -> None:
    ann.tap_data(f"like:{bob.user.pk.hex}")
    decision = shadow()
    bob.tap_data(f"like:{ann.user.pk.hex}")
    assert not Match.objects.exists()
    assert not ann.sees("a match")
    services.undo(decision.pk, by=decision.by)  # type: ignore[arg-type]
    match = Match.objects.get()
    assert {match.low, match.high} == {ann.user, bob.user}


def test_it_keeps_messages_and_edits_and_delivers_none(shadow: Shadow, bob: Phone, ann: Phone) -> None:
    talking(ann, bob)
    early = bob.write("Hello")
    shadow()
    screen = len(bob.screen())
    late = bob.write("Buy my coins")
    bob.edit(late, text="Buy my gold")
    bob.edit(early, text="Buy my silver")
    bob.write("An answer", reply_to=late)
    assert len(bob.screen()) == screen
    assert not any(ann.sees(words) for words in ("coins", "gold", "silver", "An answer"))
    assert set(Message.objects.filter(sender=bob.user).values_list("text", flat=True)) == {
        "Buy my silver",
        "Buy my gold",
        "An answer",
    }
    ann.write("Bob?")
    assert bob.sees("Bob?")


def test_it_asks_nobody_for_their_contact_and_shows_none(shadow: Shadow, bob: Phone, ann: Phone) -> None:
    talking(ann, bob)
    bob.username, ann.username = "bob", "ann"
    match = Match.objects.get().pk.hex
    ann.tap_data(f"contact_yes:{match}")
    shadow()
    bob.tap_data(f"contact_yes:{match}")
    assert not bob.sees("@ann")
    assert "Ann" in bob.last
    assert ContactConsent.objects.count() == 1


def test_it_is_for_senior_moderators_and_for_reasons_of_which_the_law_lets_one_be_silent(
    shadow: Shadow, bob: Phone
) -> None:
    mona = Staff.objects.create_user("mona", "a long password", is_staff=True)
    mona.groups.add(Group.objects.get(name="Moderator"))
    with pytest.raises(NotAllowedError):
        shadow(by=mona)
    with pytest.raises(InvalidDecisionError, match="has to be told"):
        shadow(letter="h")
    assert not bob.user.is_shadowed
