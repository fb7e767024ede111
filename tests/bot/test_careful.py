"""Asking before something hurtful is sent, and blurring it for who receives it: each behind its flag."""

import pytest
from waffle.testutils import override_flag

from apps.bot.tasks import purge_updates
from apps.conversations.models import Message, UnsentMessage
from apps.conversations.unsent import KEEP
from apps.moderation.models import Check, Evidence, Finding, Report, Rule
from apps.moderation.rules import sending
from tests.bot.people import last_params, talking
from tests.phone import Phone

pytestmark = pytest.mark.django_db
HURTFUL, KIND = "you are such a stupid cow", "Shall we have a coffee?"
ASK, BLUR = "moderation.ask_before_sending", "moderation.blur_received"
asking = pytest.mark.parametrize("flag_state", [(ASK, True)], indirect=True)
blurring = pytest.mark.parametrize("flag_state", [(BLUR, True)], indirect=True)


@pytest.fixture
def chat(ann: Phone, bob: Phone) -> Phone:
    """Ann's phone; she and Bob have their chat open."""
    talking(ann, bob)
    return ann


# ---- Are you sure?


@pytest.mark.flag_states(ASK)
def test_it_asks_before_it_sends_what_could_hurt(chat: Phone, bob: Phone, flag_state: bool) -> None:
    chat.write(HURTFUL)
    assert bob.sees(HURTFUL) is not flag_state
    assert chat.sees("Are you sure?") is flag_state
    chat.write(KIND)
    assert bob.sees(KIND)


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_sends_it_anyway(chat: Phone, bob: Phone) -> None:
    chat.write(HURTFUL)
    chat.tap("Send anyway")
    assert bob.last.endswith(HURTFUL)
    assert chat.last == "📨 Sent."
    assert (Message.objects.count(), UnsentMessage.objects.count()) == (1, 0)


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_keeps_to_itself_what_was_not_sent(chat: Phone, bob: Phone) -> None:
    chat.write(HURTFUL)
    chat.tap("Don’t send")
    assert "Not sent" in chat.last
    assert not bob.sees(HURTFUL)
    assert (Message.objects.count(), UnsentMessage.objects.count()) == (0, 0)


@asking
@pytest.mark.usefixtures("flag_state")
@pytest.mark.parametrize(("first", "second"), [("send_anyway:", "send_anyway:"), ("dont_send:", "send_anyway:")])
def test_it_answers_a_tap_that_comes_too_late(chat: Phone, bob: Phone, first: str, second: str) -> None:
    chat.write(HURTFUL)
    key = UnsentMessage.objects.get().pk.hex
    chat.tap_data(f"{first}{key}")
    sent = Message.objects.count()
    assert "answered already" in chat.tap_data(f"{second}{key}")
    assert Message.objects.count() == sent
    assert sum(HURTFUL in call.text for call in bob.screen()) == sent


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_lets_nobody_send_what_somebody_else_wrote(chat: Phone, bob: Phone) -> None:
    chat.write(HURTFUL)
    bob.tap_data(f"send_anyway:{UnsentMessage.objects.get().pk.hex}")
    assert UnsentMessage.objects.exists()
    assert not Message.objects.exists()


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_sends_what_was_edited_meanwhile_as_a_reply_to_the_same(chat: Phone, bob: Phone) -> None:
    bob.write("Hello")
    there = chat.screen()[-1].message_id
    message_id = chat.write(HURTFUL, reply_to=there)
    chat.edit(message_id, text="you are a stupid cow, sorry, joking")
    chat.tap("Send anyway")
    assert bob.last.endswith("sorry, joking")
    assert "reply_parameters" in last_params(bob)


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_sends_nothing_after_the_match_has_ended(chat: Phone, bob: Phone) -> None:
    chat.write(HURTFUL)
    unsent = UnsentMessage.objects.get()
    bob.tap_data(f"unmatch_yes:{unsent.conversation.match_id.hex}")
    chat.tap_data(f"send_anyway:{unsent.pk.hex}")
    assert not bob.sees(HURTFUL)
    chat.tap_data(f"dont_send:{unsent.pk.hex}")
    assert not UnsentMessage.objects.exists()


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_forgets_what_nobody_answers(chat: Phone) -> None:
    chat.write(HURTFUL)
    unsent = UnsentMessage.objects.get()
    UnsentMessage.objects.update(created_at=unsent.created_at - KEEP)
    purge_updates()
    assert "too long ago" in chat.tap_data(f"send_anyway:{unsent.pk.hex}")


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_only_notes_what_a_rule_in_shadow_would_have_asked(chat: Phone, bob: Phone) -> None:
    Rule.objects.filter(action="ask").update(mode="shadow")
    chat.write(HURTFUL)
    assert bob.sees(HURTFUL)
    assert Finding.objects.get().is_shadow


@asking
@pytest.mark.usefixtures("flag_state")
def test_it_loses_no_message_when_rules_fail(chat: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("quokka")

    monkeypatch.setattr(sending, "fired", fail)
    chat.write(HURTFUL)
    assert bob.sees(HURTFUL)
    assert Check.objects.get(name="before sending").is_failing


# ---- Does this bother you?


@pytest.mark.flag_states(BLUR)
def test_it_blurs_what_could_hurt(chat: Phone, bob: Phone, flag_state: bool) -> None:
    chat.write(HURTFUL)
    assert ("<tg-spoiler>" in bob.last) is flag_state
    assert ("Does this bother you?" in bob.last) is flag_state
    chat.write(KIND)
    assert bob.last == f"<b>Ann</b>\n{KIND}"


@blurring
@pytest.mark.usefixtures("flag_state")
def test_it_reports_with_one_tap_and_leaves_the_message(chat: Phone, bob: Phone) -> None:
    chat.write(HURTFUL)
    bob.tap("Yes, report it")
    report = Report.objects.get()
    assert (report.reason, report.about_message) == ("harassment", Message.objects.get().pk)
    assert Evidence.objects.get(report=report).messages[0]["text"] == HURTFUL
    assert bob.sees("<tg-spoiler>")
    assert "Thank you" in bob.last


@blurring
@pytest.mark.usefixtures("flag_state")
def test_it_blurs_a_picture_with_hurtful_words(chat: Phone, bob: Phone) -> None:
    chat.send_photo(caption=HURTFUL)
    assert last_params(bob)["has_spoiler"] is True
    assert "<tg-spoiler>" in last_params(bob)["caption"]


@blurring
@pytest.mark.usefixtures("flag_state")
def test_it_blurs_what_becomes_hurtful_by_an_edit(chat: Phone, bob: Phone) -> None:
    message_id = chat.write(KIND)
    chat.edit(message_id, text=HURTFUL)
    assert "<tg-spoiler>" in bob.last
    assert "Yes, report it" in bob.buttons()[0]


def test_it_asks_and_blurs_both(chat: Phone, bob: Phone) -> None:
    with override_flag(ASK, active=True), override_flag(BLUR, active=True):
        chat.write(HURTFUL)
        chat.tap("Send anyway")
    assert f"<tg-spoiler>{HURTFUL}</tg-spoiler>" in bob.last
    assert set(Finding.objects.values_list("action", flat=True)) == {"ask", "blur"}
