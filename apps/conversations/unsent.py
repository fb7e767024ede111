"""Messages that wait for their sender's answer to “Are you sure?”."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.conversations.models import Conversation, UnsentMessage
from apps.conversations.services import Content
from apps.users.models import User

KEEP = timedelta(days=7)


def keep_unsent(
    conversation: Conversation, sender: User, content: Content, *, source_message_id: int, reply_to: Any
) -> UnsentMessage:
    """Safe to call twice."""
    return UnsentMessage.objects.get_or_create(
        sender=sender,
        source_message_id=source_message_id,
        defaults={
            "conversation": conversation,
            "kind": content.kind,
            "text": content.text,
            "file_id": content.file_id,
            "reply_to": reply_to,
        },
    )[0]


def take_unsent(sender: User, key: UUID) -> UnsentMessage | None:
    """The message, which does not wait any more; None when it has been answered, or is too old."""
    # updates of one member are handled one after the other, so no other tap can take it meanwhile
    unsent = UnsentMessage.objects.filter(pk=key, sender=sender).first()
    if unsent:
        UnsentMessage.objects.filter(pk=key).delete()
    return unsent


def change_unsent(sender: User, content: Content, *, source_message_id: int) -> bool:
    """An edit changes what waits, too. False when nothing does."""
    waiting = UnsentMessage.objects.filter(sender=sender, source_message_id=source_message_id).first()
    if waiting is None:
        return False
    waiting.kind, waiting.text, waiting.file_id = content.kind, content.text, content.file_id
    waiting.save(update_fields=["kind", "text", "file_id"])
    return True


def purge_unsent() -> int:
    """Forgets what nobody has answered for a week; how much."""
    return UnsentMessage.objects.filter(created_at__lt=timezone.now() - KEEP).delete()[0]
