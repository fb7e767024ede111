"""Reporting somebody: from a card, out of a chat, or one message."""

from uuid import UUID

from apps.bot import keyboards, texts
from apps.bot.turn import Reply, Turn, toast
from apps.conversations.selectors import message_of_partner, message_to
from apps.conversations.services import conversation_for
from apps.core.errors import RuleError
from apps.matching.selectors import can_see, match_of
from apps.matching.services import record_swipe
from apps.moderation.models import Report
from apps.moderation.services import add_words, file_report
from apps.users.models import User


def ask_reason(turn: Turn) -> Reply:
    target = _person(turn, turn.target_id())
    return turn.say(
        texts.meeting.ask_report_reason(target.profile.name), keyboards.report_reasons("reason", target.pk.hex)
    )


def ask_reason_in_chat(turn: Turn) -> Reply:
    match = match_of(turn.user, turn.target_id())
    if match is None:
        raise RuleError("match_gone")
    name = match.partner_of(turn.user).profile.name
    return turn.screen(texts.meeting.ask_report_reason(name), keyboards.report_reasons("reason_chat", match.pk.hex))


def ask_reason_of_message(turn: Turn) -> Reply:
    """/report, as a reply to the partner's message that it is about."""
    original = turn.message.reply_to_message
    message = message_of_partner(turn.user, original.message_id) if original else None
    if message is None:
        return turn.say(texts.meeting.how_to_report())
    name = message.sender.profile.name
    return turn.say(texts.meeting.ask_report_reason(name), keyboards.report_reasons("reason_message", message.pk.hex))


def report(turn: Turn) -> Reply:
    """About somebody on a card: they are passed as well."""
    target = _person(turn, turn.target_id(1))
    if can_see(turn.user, target.pk):
        record_swipe(turn.user, target, liked=False)
    return _thank(turn, file_report(turn.user, target, reason=turn.args[0]), target)


def report_chat(turn: Turn) -> Reply:
    match = match_of(turn.user, turn.target_id(1))
    if match is None:
        raise RuleError("match_gone")
    partner = match.partner_of(turn.user)
    filed = file_report(turn.user, partner, reason=turn.args[0], conversation=conversation_for(match))
    return _thank(turn, filed, partner)


def report_message(turn: Turn) -> Reply:
    message = message_to(turn.user, turn.target_id(1))
    if message is None:
        raise RuleError("person_gone")
    filed = file_report(
        turn.user, message.sender, reason=turn.args[0], conversation=message.conversation, message=message
    )
    return _thank(turn, filed, message.sender)


def report_bothering(turn: Turn) -> Reply:
    """One tap below a blurred message; the message stays."""
    message = message_to(turn.user, turn.target_id())
    if message is None:
        raise RuleError("person_gone")
    filed = file_report(
        turn.user,
        message.sender,
        reason=Report.Reason.HARASSMENT,
        conversation=message.conversation,
        message=message,
    )
    turn.wait_for("report_words", report=str(filed.pk))
    return toast("") + turn.say(texts.meeting.report_thanks(), keyboards.reported(message.sender))


def take_words(turn: Turn, text: str) -> Reply:
    """What the member has to say about the report they just filed."""
    filed = Report.objects.filter(pk=turn.dialogue.data["report"], reporter=turn.user).first()
    turn.stop_waiting()
    if filed is None:
        return turn.say(texts.meeting.person_gone())
    add_words(filed, text)
    return turn.say(texts.meeting.report_words_added(), keyboards.browse())


def _thank(turn: Turn, filed: Report, target: User) -> Reply:
    turn.wait_for("report_words", report=str(filed.pk))
    return toast("") + turn.screen(texts.meeting.report_thanks(), keyboards.reported(target))


def _person(turn: Turn, user_id: UUID) -> User:
    target = User.objects.select_related("profile").filter(pk=user_id, telegram_id__isnull=False).first()
    if target is None or target == turn.user:
        raise RuleError("person_gone")
    return target
