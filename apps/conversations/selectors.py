"""Reads of conversations: which one a reply belongs to, and the copies of a message on both sides."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.conversations.models import ContactConsent, Conversation, Message
from apps.core.errors import RuleError
from apps.core.prepared import Given, Prepared
from apps.notifications.models import Delivery, Priority
from apps.users.models import User

_CONVERSATION = Prepared(lambda: Conversation.objects.select_related("match").filter(pk=Given("conversation_id")))
_PARTNER = Prepared(lambda: User.objects.select_related("profile", "dialogue").filter(pk=Given("user_id")))


@dataclass(frozen=True)
class ReplyTo:
    """What a member's reply refers to: the conversation, and the params that point at the partner's copy."""

    conversation: Conversation
    pointer: object  # a message id, or a placeholder for one that is not sent yet


def conversation_of(user: User, conversation_id: UUID) -> Conversation | None:
    """A conversation of this member's whose match has not ended, with the partner's profile and dialogue, or None."""
    conversation = _CONVERSATION.first(conversation_id=conversation_id)
    return _with_partner(user, conversation) if conversation else None


def open_conversation_of(user: User) -> Conversation | None:
    """The same for the one that the member has open, which came with `users.selectors.member`."""
    conversation = user.dialogue.open_conversation
    return _with_partner(user, conversation) if conversation else None


def _with_partner(user: User, conversation: Conversation) -> Conversation | None:
    match = conversation.match
    if match.ended_at or user.pk not in (match.low_id, match.high_id):
        return None
    is_low = match.low_id == user.pk
    partner = _PARTNER.first(user_id=match.high_id if is_low else match.low_id)
    if partner is None:  # erased a moment ago
        return None
    match.low, match.high = (user, partner) if is_low else (partner, user)
    return conversation


def replied_to(user: User, message_id: int) -> ReplyTo | None:
    """What the message with this id in the member's chat belongs to; None when it is no message of a conversation.

    It is either a partner's message that was delivered to the member, or one that the member wrote. Raises RuleError:
    match_gone, for what was meant for one partner must not go to another.
    """
    assert user.telegram_id is not None
    here = Delivery.objects.filter(chat_id=user.telegram_id, message_id=message_id)
    theirs = Message.objects.filter(delivery__in=here).first()
    own = theirs or Message.objects.filter(sender=user, source_message_id=message_id).first()
    if own is None:
        # an erased partner's messages are gone, not so their deliveries
        if here.filter(priority=Priority.RELAY, method__startswith="send").exists():
            raise RuleError("match_gone")
        return None
    conversation = conversation_of(user, own.conversation_id)
    if conversation is None:
        raise RuleError("match_gone")
    if theirs:
        return ReplyTo(conversation, theirs.source_message_id)
    return ReplyTo(conversation, {"$message": own.delivery_id} if own.delivery_id else None)


def message_of_partner(user: User, message_id: int) -> Message | None:
    """The partner's message that this one of the member's chat carried, with its sender; whether or not it is over."""
    assert user.telegram_id is not None
    here = Delivery.objects.filter(chat_id=user.telegram_id, message_id=message_id)
    return Message.objects.filter(delivery__in=here).select_related("conversation", "sender__profile").first()


def message_to(user: User, key: UUID) -> Message | None:
    """A message that a partner wrote to this member; None for any other."""
    theirs = Q(conversation__match__low=user) | Q(conversation__match__high=user)
    written = Message.objects.filter(theirs, pk=key).exclude(sender=user)
    return written.select_related("conversation", "sender__profile").first()


def own_message(user: User, message_id: int) -> Message | None:
    """The relayed message that the member wrote under this id in their chat, if its match has not ended."""
    return (
        Message.objects.select_related(
            "delivery", "conversation__match__low__profile", "conversation__match__high__profile"
        )
        .filter(sender=user, source_message_id=message_id, conversation__match__ended_at=None)
        .first()
    )


def consents(conversation: Conversation) -> list[ContactConsent]:
    return list(ContactConsent.objects.filter(conversation=conversation).select_related("user__profile"))


def undelivered(since: datetime) -> QuerySet[Message]:
    """Messages written since then whose delivery to the partner has failed for good, oldest first."""
    return (
        Message.objects.filter(delivery__status=Delivery.Status.FAILED, delivery__created_at__gte=since)
        .select_related("sender", "conversation__match__low__profile", "conversation__match__high__profile")
        .order_by("created_at")
    )
