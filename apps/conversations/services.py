"""The relay between two matched members, edits of what was said, and showing each other's contact."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.html import escape

from apps import flags
from apps.conversations.models import ContactConsent, Conversation, Message
from apps.conversations.selectors import consents, own_message
from apps.core.errors import RuleError
from apps.core.prepared import PreparedInsert, PreparedPair
from apps.flags.experiments.models import Metric
from apps.matching.models import Match
from apps.matching.services import note_message
from apps.notifications.models import Delivery, Priority
from apps.notifications.services import Outgoing, enqueue, enqueue_with
from apps.users.models import User
from apps.users.restrictions import check_may_write

MAX_TEXT, MAX_CAPTION = 4096, 1024
Kind = Message.Kind
_METHOD = {
    Kind.TEXT: "sendMessage",
    Kind.PHOTO: "sendPhoto",
    Kind.VOICE: "sendVoice",
    Kind.VIDEO: "sendVideo",
    Kind.VIDEO_NOTE: "sendVideoNote",
    Kind.STICKER: "sendSticker",
    Kind.DOCUMENT: "sendDocument",
    Kind.ANIMATION: "sendAnimation",
}
_WITHOUT_CAPTION = {Kind.VIDEO_NOTE, Kind.STICKER}
_BLURRABLE = {Kind.PHOTO, Kind.VIDEO, Kind.ANIMATION}
_EDITABLE_MEDIA = {Kind.PHOTO, Kind.VIDEO, Kind.DOCUMENT, Kind.ANIMATION}

_KEEP = PreparedInsert(lambda: Message)
_KEEP_AND_SEND: PreparedPair[Message, Delivery] = PreparedPair(lambda: Message, "delivery")


@dataclass(frozen=True)
class Content:
    """What somebody said: words (of a text or a caption) and, unless it is a text, the file."""

    kind: Message.Kind
    text: str = ""
    file_id: str = ""


def conversation_for(match: Match) -> Conversation:
    """The conversation of this match, made when first asked for."""
    return Conversation.objects.get_or_create(match=match)[0]


@transaction.atomic(savepoint=False)
def relay(
    conversation: Conversation,
    sender: User,
    content: Content,
    *,
    source_message_id: int,
    reply_to: object = None,
    markup: Mapping[str, object] | None = None,
    key: UUID | None = None,
    veil: str = "",
) -> None:
    """Passes it on to the partner, under the sender's first name and nothing else; not what was passed on before.

    `key` is the id that the message shall have. With a `veil`, which is HTML, it arrives blurred behind these words.
    Raises RuleError: limited, partner_unreachable.
    """
    check_may_write(sender)
    partner = conversation.match.partner_of(sender)
    if partner.unreachable_at or partner.is_kept_out:
        raise RuleError("partner_unreachable", name=partner.profile.name)
    kept = vars(content) | {"source_message_id": source_message_id}
    message = Message(pk=key or uuid4(), conversation=conversation, sender=sender, **kept)
    if sender.is_shadowed:
        _KEEP.once(message)  # as evidence; nobody learns of it
        return
    enqueue_with(_KEEP_AND_SEND, message, _copy(partner, sender, content, reply_to, markup, veil))
    note_message(conversation.match, sender)
    if flags.is_recording():
        _record_milestones(conversation, sender, partner)


@transaction.atomic
def carry_over_edit(
    sender: User,
    content: Content,
    *,
    source_message_id: int,
    dress: Callable[[Message], tuple[str, Mapping[str, object] | None]],
) -> Message | None:
    """Changes the partner's copy like the original; None when there is no such message, or nothing that can be changed.

    An edit replaces the buttons, too, so `dress` gives veil and buttons anew. Raises RuleError: limited.
    """
    check_may_write(sender)
    message = own_message(sender, source_message_id)
    if message is None or (message.delivery_id is None and not sender.is_shadowed):
        return None
    if (message.kind, message.text, message.file_id) == (content.kind, content.text, content.file_id):
        return None
    veil, markup = dress(message)
    edit = _edit(sender.profile.name, message, content, veil)
    if edit is None:
        return None
    if not sender.is_shadowed:
        _send_edit(sender, message, edit, markup)
    message.kind, message.text, message.file_id = content.kind, content.text, content.file_id
    message.edited_at = timezone.now()
    message.save(update_fields=["kind", "text", "file_id", "edited_at"])
    return message


def _send_edit(
    sender: User,
    message: Message,
    edit: tuple[str, dict[str, object]],
    markup: Mapping[str, object] | None,
) -> None:
    method, params = edit
    match = message.conversation.match
    # protected in case that Telegram refuses the edit and a new message is sent in its place
    params |= {"message_id": {"$message": message.delivery_id}, "protect_content": True}
    if markup:
        params["reply_markup"] = markup
    enqueue([_to(match.partner_of(sender), method, params)])


@transaction.atomic
def consent_to_contact(conversation: Conversation, user: User, *, telegram_username: str) -> list[ContactConsent]:
    """All consents so far; both members' when both have agreed. Safe to call twice.

    That of a member under a shadow limit is kept for nobody, and shows them nobody's.

    Raises RuleError: limited, username_missing.
    """
    check_may_write(user)
    if not telegram_username:
        raise RuleError("username_missing")
    if user.is_shadowed:
        return [ContactConsent(conversation=conversation, user=user, telegram_username=telegram_username)]
    # the row lock makes the second of two at once see the first
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    ContactConsent.objects.update_or_create(
        conversation=conversation, user=user, defaults={"telegram_username": telegram_username}
    )
    return consents(conversation)


def _record_milestones(conversation: Conversation, sender: User, partner: User) -> None:
    """After a message of the sender. Of two who write at once the second to get the row's lock sees both messages."""
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    first = list(conversation.messages.order_by("created_at").values_list("sender", flat=True)[:11])
    if partner.pk in first and first.count(sender.pk) <= 1:
        flags.record(Metric.FIRST_REPLY, sender, partner)
    if len(first) == 10:
        flags.record(Metric.TEN_MESSAGES, sender, partner)


def _copy(
    partner: User, sender: User, content: Content, reply_to: object, markup: Mapping[str, object] | None, veil: str
) -> Outgoing:
    params = {**_payload(sender.profile.name, content, veil), **({"reply_markup": markup} if markup else {})}
    if reply_to:
        params["reply_parameters"] = {"message_id": reply_to, "allow_sending_without_reply": True}
    return _to(partner, _METHOD[content.kind], {**params, "protect_content": True})


def _to(partner: User, method: str, params: Mapping[str, object]) -> Outgoing:
    assert partner.telegram_id is not None
    return Outgoing(partner.telegram_id, method, params, user=partner, priority=Priority.RELAY)


def _payload(name: str, content: Content, veil: str) -> dict[str, object]:
    if content.kind == Kind.TEXT:
        return _words("text", name, content.text, MAX_TEXT, veil)
    payload: dict[str, object] = {content.kind: content.file_id}
    if content.kind not in _WITHOUT_CAPTION:
        payload |= _words("caption", name, content.text, MAX_CAPTION, veil)
    if veil and content.kind in _BLURRABLE:
        payload["has_spoiler"] = True
    return payload


def _words(key: str, name: str, text: str, limit: int, veil: str) -> dict[str, object]:
    """The words under the speaker's name; without it where both together would be too long for Telegram."""
    header = f"<b>{escape(name)}</b>\n{veil}".strip()
    body = f"<tg-spoiler>{escape(text)}</tg-spoiler>" if veil and text else escape(text)
    before = f"{name}\n{veil}\n" if veil else f"{name}\n"
    fits = telegram_length(before) + telegram_length(text) <= limit
    return {key: f"{header}\n{body}".strip() if fits else body, "parse_mode": "HTML"}


def telegram_length(text: str) -> int:
    """In UTF-16 code units, as Telegram counts: most emoji are two."""
    return len(text.encode("utf-16-le")) // 2


def _edit(name: str, message: Message, content: Content, veil: str) -> tuple[str, dict[str, object]] | None:
    """Method and params that turn the message into the content; None where Telegram has none."""
    if message.kind == content.kind == Kind.TEXT:
        return "editMessageText", _payload(name, content, veil)
    is_same_file = message.file_id == content.file_id or content.kind not in _EDITABLE_MEDIA
    if message.kind == content.kind and is_same_file and content.kind not in _WITHOUT_CAPTION:
        return "editMessageCaption", _words("caption", name, content.text, MAX_CAPTION, veil)
    if not {message.kind, content.kind} <= _EDITABLE_MEDIA:
        return None
    words = _words("caption", name, content.text, MAX_CAPTION, veil)
    blur = {"has_spoiler": True} if veil and content.kind in _BLURRABLE else {}
    media = {"type": content.kind, "media": content.file_id, **words, **blur}
    return "editMessageMedia", {"media": media}
