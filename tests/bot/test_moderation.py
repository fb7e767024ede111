"""The member's way through moderation: reporting a message, reading a decision, appealing."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.bot import texts
from apps.conversations.models import Message
from apps.matching.models import Swipe
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.decisions.appeals import decide_appeal
from apps.moderation.models import Appeal, Case, Decision, ReasonTemplate, Report
from apps.users.models import Photo, Staff, User
from tests.bot.people import talking, wait
from tests.fakes import deliver_all
from tests.phone import Phone

Decide = Callable[..., Decision]


@pytest.fixture
def sena(db: None) -> Staff:
    person = Staff.objects.create_user("sena", "a long password", is_staff=True)
    person.groups.add(Group.objects.get(name="Senior moderator"))
    return person


@pytest.fixture
def decide(ann: Phone, bob: Phone, sena: Staff) -> Decide:
    """Ann reports Bob from his card, and a moderator decides."""

    def make(action: str, **order: object) -> Decision:
        ann.tap_data(f"reason:spam:{bob.user.pk.hex}")
        case = Case.objects.get(status="open")
        template = ReasonTemplate.objects.get(letter="s")
        wanted = Order(action, template_id=template.pk, **order)  # type: ignore[arg-type]
        decision = services.decide(case.pk, by=sena, seen=case.stamp, order=wanted)
        deliver_all(bob.api)
        return decision

    return make


# ---- Reporting one message


def test_it_reports_the_message_that_is_replied_to(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    bob.write("Send me money")
    bob.write("Please")
    (money,) = [call for call in ann.screen() if "Send me money" in call.text]
    ann.write("/report", reply_to=money.message_id)
    ann.tap("reason_message:spam")
    ann.write("Three times a day")
    assert ann.last == texts.meeting.report_words_added()
    report = Report.objects.get()
    assert (report.reporter, report.reported, report.words) == (ann.user, bob.user, "Three times a day")
    kept = report.evidence.messages
    assert [each["text"] for each in kept if each["is_reported"]] == ["Send me money"]
    assert [each["text"] for each in kept] == ["Send me money", "Please"]


def test_it_keeps_what_was_reported_when_it_is_edited_afterwards(ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    written = bob.write("Send me money")
    ann.write("/report", reply_to=ann.screen()[-1].message_id)
    ann.tap("reason_message:spam")
    bob.edit(written, text="Send me flowers")
    assert Message.objects.get().text == "Send me flowers"
    assert Report.objects.get().evidence.messages[0]["text"] == "Send me money"


@pytest.mark.parametrize("reply_to", [None, 999_999])
def test_it_says_how_to_report_a_message(ann: Phone, reply_to: int | None) -> None:
    ann.write("/report", reply_to=reply_to)
    assert ann.last == texts.meeting.how_to_report()


def test_it_reports_no_message_of_other_people(ann: Phone, bob: Phone, api: object) -> None:
    talking(ann, bob)
    bob.write("Hello")
    key = Message.objects.get().pk.hex
    bob.tap_data(f"reason_message:spam:{key}")
    assert not Report.objects.exists()


# ---- What a decision means


def test_it_tells_reporter_and_reported_what_was_decided(decide: Decide, ann: Phone, bob: Phone) -> None:
    decide("warn")
    assert ann.sees("done something about it")
    assert bob.sees("A decision about your account")
    assert not bob.sees("Ann")
    assert bob.buttons() == ["✋ Appeal"]


def test_it_lets_a_limited_member_browse_but_not_write(decide: Decide, ann: Phone, bob: Phone) -> None:
    talking(ann, bob)
    written = bob.write("Hello")
    decide("limit", hours=24)
    bob.write("Coins?")
    assert "you can look at people but not write" in bob.last
    bob.edit(written, text="Coins?")
    assert not ann.sees("Coins?")
    bob.write("/browse")
    assert "not write" not in bob.last


def test_it_lets_a_limited_member_like_without_a_note(decide: Decide, ann: Phone, bob: Phone) -> None:
    Swipe.objects.all().delete()
    decide("limit", hours=24)
    Swipe.objects.all().delete()
    bob.tap_data(f"note:{ann.user.pk.hex}")
    assert "not write" in bob.toast
    bob.tap_data(f"like:{ann.user.pk.hex}")
    assert Swipe.objects.filter(swiper=bob.user, liked=True).exists()


@pytest.mark.parametrize(("action", "order"), [("ban", {}), ("suspend", {"hours": 24})])
def test_it_shows_who_is_kept_out_the_reasons_and_the_way_out(
    decide: Decide, ann: Phone, bob: Phone, action: str, order: dict[str, int]
) -> None:
    decide(action, **order)
    bob.write("/browse")
    assert bob.last == texts.account.banned()
    bob.tap("statement")
    assert "By which rule" in bob.last
    bob.write("/settings")
    bob.tap("delete")
    bob.tap("delete_yes")
    assert not User.objects.filter(telegram_id=bob.telegram_id).exists()


def test_it_says_that_there_is_no_decision(bob: Phone, ann: Phone) -> None:
    assert bob.tap_data("statement") == texts.account.no_statement()


def test_it_asks_who_has_no_photo_left_for_another_one(decide: Decide, bob: Phone) -> None:
    decide("hide_photo", photo_id=Photo.objects.get(user=bob.user).pk)
    bob.write("/browse")
    assert bob.last == texts.meeting.photos_hidden()
    bob.tap("edit:photos")
    bob.send_photo("decent")
    assert bob.user.photoless_at is None
    bob.write("/profile")
    assert bob.screen()[-1].params["photo"] == "decent-id"


# ---- Appealing


def test_it_appeals_with_one_tap_and_words_even_when_banned(
    decide: Decide, bob: Phone, ann: Phone, sena: Staff
) -> None:
    decide("ban")
    bob.tap("appeal:")
    bob.write("I collect coins")
    assert bob.last == texts.account.appeal_filed()
    appeal = Appeal.objects.get()
    assert appeal.words == "I collect coins"
    other = Staff.objects.create_superuser("other", "a long password")
    decide_appeal(appeal.pk, by=other, overturn=True, words="So you do")
    deliver_all(bob.api)
    assert bob.sees("So you do")
    bob.write("/browse")
    assert bob.last != texts.account.banned()


def test_it_appeals_when_only_warned(decide: Decide, bob: Phone) -> None:
    decide("warn")
    bob.tap("appeal:")
    bob.write("Why?")
    assert Appeal.objects.get().words == "Why?"
    bob.tap_data(f"appeal:{Decision.objects.get().pk.hex}")
    assert bob.toast == "You have appealed against this decision already."


def test_it_does_not_take_a_late_word_for_an_appeal(decide: Decide, bob: Phone) -> None:
    decide("ban")
    bob.tap("appeal:")
    wait(bob, hours=1)
    bob.write("Hello?")
    assert bob.last == texts.account.banned()
    assert not Appeal.objects.exists()


def test_it_lets_nobody_appeal_for_somebody_else(decide: Decide, ann: Phone) -> None:
    decision = decide("ban")
    assert ann.tap_data(f"appeal:{decision.pk.hex}") == "This decision cannot be appealed against any more."


def test_it_is_as_before_when_a_suspension_is_over(decide: Decide, bob: Phone) -> None:
    decide("suspend", hours=24)
    User.objects.filter(pk=bob.user.pk).update(suspended_until=timezone.now())
    services.lift_expired()
    deliver_all(bob.api)
    assert bob.sees("The time is over")
