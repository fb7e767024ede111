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

_CONVERSATION = Prepared(
    lambda: Conversation.objects.filter(
        Q(match__low=Given("user_id")) | Q(match__high=Given("user_id")),
        pk=Given("conversation_id"),
        match__ended_at=None,
    ).select_related("match__low__profile", "match__high__profile", "match__low__dialogue", "match__high__dialogue")
)


@dataclass(frozen=True)
class ReplyTo:
    """What a member's reply refers to: the conversation, and the params that point at the partner's copy."""

    conversation: Conversation
    pointer: object  # a message id, or a placeholder for one that is not sent yet


def conversation_of(user: User, conversation_id: UUID | None) -> Conversation | None:
    """A conversation of this member's whose match has not ended, with both profiles and dialogues; None otherwise."""
    if conversation_id is None:
        return None
    return _CONVERSATION.first(user_id=user.pk, conversation_id=conversation_id)


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
