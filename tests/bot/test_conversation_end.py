"""How a conversation ends, and how two members come to know each other's contact."""

import pytest
from django.db import connection

from apps.bot import texts
from apps.conversations.models import ContactConsent
from apps.matching.models import Block, Match, Swipe
from apps.moderation.models import Report
from tests.bot.people import join, keyboard, matched, talking
from tests.fakes import FakeBotApi
from tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(ann: Phone, bob: Phone) -> Phone:
    """Ann's phone; she and Bob have their chat open and have said hello."""
    talking(ann, bob)
    ann.write("Hello")
    return ann


def menu(phone: Phone, partner: str) -> None:
    phone.write(texts.meeting.chat_menu_label(partner))


# ---- The end


def test_it_asks_before_a_match_is_ended(chat: Phone, bob: Phone) -> None:
    menu(chat, "Bob")
    chat.tap("End the match")
    assert chat.last == texts.meeting.confirm_unmatch("Bob")
    chat.tap("Keep it")
    assert Match.objects.get().ended_at is None


def test_it_ends_a_match_for_both(chat: Phone, bob: Phone) -> None:
    menu(chat, "Bob")
    chat.tap("End the match")
    chat.tap("End it")
    match = Match.objects.get()
    assert match.ended_by == chat.user
    assert chat.last == texts.meeting.you_ended("Bob")
    assert bob.last == texts.meeting.partner_ended("Ann")
    assert (keyboard(chat), keyboard(bob)) == ([], [])


def test_it_says_to_both_that_their_words_reach_nobody_after_the_end(chat: Phone, bob: Phone) -> None:
    chat.tap_data(f"unmatch_yes:{Match.objects.get().pk.hex}")
    for phone, partner in ((bob, chat), (chat, bob)):
        phone.write("Wait!")
        assert phone.sees(texts.meeting.nobody_to_write_to())
        assert not partner.sees("Wait!")


def test_it_does_not_bring_the_two_together_again(chat: Phone, bob: Phone) -> None:
    chat.tap_data(f"unmatch_yes:{Match.objects.get().pk.hex}")
    chat.write("/browse")
    assert "Bob" not in chat.last
    assert Swipe.objects.count() == 2


def test_it_ends_a_match_once(chat: Phone, bob: Phone) -> None:
    data = f"unmatch_yes:{Match.objects.get().pk.hex}"
    chat.tap_data(data)
    told = len(bob.screen())
    assert chat.tap_data(data) == "This match has ended."
    assert len(bob.screen()) == told


def test_it_blocks_out_of_the_chat(chat: Phone, bob: Phone) -> None:
    menu(chat, "Bob")
    assert chat.tap("Block") == texts.meeting.blocked("Bob")
    assert Block.objects.get().blocked == bob.user
    assert bob.last == texts.meeting.partner_ended("Ann")
    assert (keyboard(chat), keyboard(bob)) == ([], [])


def test_it_reports_out_of_the_chat_and_leaves_it_open(chat: Phone, bob: Phone) -> None:
    menu(chat, "Bob")
    chat.tap("Report")
    chat.tap("Harassment")
    chat.write("He shouts")
    report = Report.objects.get()
    assert (report.reported, report.reason, report.words) == (bob.user, "harassment", "He shouts")
    assert report.conversation
    assert not bob.sees("He shouts")
    chat.write("Calm down")
    assert bob.sees("Calm down")


def test_it_blocks_after_a_report_out_of_the_chat_and_tells_the_partner_of_the_end(chat: Phone, bob: Phone) -> None:
    menu(chat, "Bob")
    chat.tap("Report")
    chat.tap("Harassment")
    chat.tap("Block")
    assert Match.objects.get().ended_at
    assert bob.last == texts.meeting.partner_ended("Ann")
    assert (keyboard(chat), keyboard(bob)) == ([], [])


def test_it_leaves_another_open_chat_alone_when_a_match_ends(chat: Phone, bob: Phone, api: FakeBotApi) -> None:
    eve = join(api, "Eve")
    other = matched(eve, chat)
    eve.tap_data(f"unmatch_yes:{other.pk.hex}")
    assert chat.last == texts.meeting.partner_ended("Eve")
    assert keyboard(chat)[0] == texts.meeting.chat_menu_label("Bob")
    chat.write("Still here")
    assert bob.sees("Still here")


# ---- Contacts


def agree(phone: Phone, partner: str) -> str:
    menu(phone, partner)
    phone.tap("Exchange contacts")
    return phone.tap("I agree")


def test_it_shows_no_contact_when_only_one_agrees(chat: Phone, bob: Phone) -> None:
    chat.username = "ann_at_home"
    agree(chat, "Bob")
    assert chat.last == texts.meeting.contact_waiting("Bob")
    assert bob.last == texts.meeting.contact_asked("Ann")
    assert not bob.sees("ann_at_home")


def test_it_shows_both_contacts_when_both_agree(chat: Phone, bob: Phone) -> None:
    chat.username, bob.username = "ann_at_home", "bob_at_home"
    agree(chat, "Bob")
    bob.tap("I agree")
    assert chat.last == texts.meeting.contact_shown("Bob", "bob_at_home")
    assert bob.last == texts.meeting.contact_shown("Ann", "ann_at_home")


def test_it_asks_the_partner_once_however_often_one_agrees(chat: Phone, bob: Phone) -> None:
    chat.username = "ann_at_home"
    agree(chat, "Bob")
    asked = len(bob.screen())
    agree(chat, "Bob")
    assert len(bob.screen()) == asked
    assert ContactConsent.objects.count() == 1


def test_it_says_that_a_username_is_missing(chat: Phone, bob: Phone) -> None:
    assert "no Telegram @username" in agree(chat, "Bob")
    assert not ContactConsent.objects.exists()
    assert not bob.sees("exchange")


def test_it_shows_nothing_when_the_partner_says_not_now(chat: Phone, bob: Phone) -> None:
    chat.username, bob.username = "ann_at_home", "bob_at_home"
    agree(chat, "Bob")
    bob.tap("Not now")
    assert not bob.sees("ann_at_home")
    assert not chat.sees("bob_at_home")


def test_it_stores_contacts_encrypted(chat: Phone, bob: Phone) -> None:
    chat.username = "ann_at_home"
    agree(chat, "Bob")
    with connection.cursor() as cursor:
        cursor.execute("SELECT telegram_username FROM conversations_contactconsent")
        assert "ann_at_home" not in repr(cursor.fetchall())
