"""Two kindnesses, each behind a flag: asking before something hurtful is sent, and blurring it for who receives it."""

from django.utils.translation import override

from apps import flags
from apps.bot import keyboards, texts
from apps.bot.turn import Reply, Turn, inline_markup, send
from apps.conversations.models import Conversation
from apps.conversations.services import Content
from apps.conversations.unsent import keep_unsent
from apps.moderation.models import Rule
from apps.moderation.rules.sending import asked_for
from apps.users.models import User


def must_ask(sender: User, content: Content, *, source_message_id: int) -> bool:
    if not flags.is_enabled("moderation.ask_before_sending", sender):
        return False
    return _fires(sender, content, Rule.Action.ASK, source_message_id)


def veil(sender: User, partner: User, content: Content, *, source_message_id: int) -> str:
    """The words behind which it arrives blurred, in the partner's language; empty for what arrives as it is."""
    if not flags.is_enabled("moderation.blur_received", partner):
        return ""
    if not _fires(sender, content, Rule.Action.BLUR, source_message_id):
        return ""
    with override(partner.language):
        return texts.meeting.does_it_bother()


def ask(turn: Turn, conversation: Conversation, content: Content, *, reply_to: object) -> Reply:
    """Keeps the message until the answer comes."""
    source_id = turn.message.message_id
    unsent = keep_unsent(conversation, turn.user, content, source_message_id=source_id, reply_to=reply_to)
    params = {
        "text": texts.meeting.are_you_sure(conversation.match.partner_of(turn.user).profile.name),
        "parse_mode": "HTML",
        "reply_parameters": {"message_id": source_id, "allow_sending_without_reply": True},
        "reply_markup": inline_markup(keyboards.are_you_sure(unsent.pk)),
    }
    return send(turn.user, "sendMessage", params)


def _fires(sender: User, content: Content, action: Rule.Action, source_message_id: int) -> bool:
    return asked_for(content.text, sender, actions={action}, subject=f"{sender.pk.hex}:{source_message_id}")
