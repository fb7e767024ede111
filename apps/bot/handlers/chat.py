"""Matches and conversations: which chat is open, what passes through it, how it ends."""

from typing import Any
from uuid import UUID, uuid4

import telegram
from django.utils.translation import override

from apps import flags
from apps.bot import keyboards, texts
from apps.bot.handlers import careful, signup, verify
from apps.bot.models import Dialogue
from apps.bot.turn import Reply, Turn, inline_markup, say, send, toast
from apps.conversations.models import Conversation, Message
from apps.conversations.selectors import ReplyTo, conversation_of, replied_to
from apps.conversations.services import Content, carry_over_edit, consent_to_contact, conversation_for, relay
from apps.conversations.unsent import change_unsent, take_unsent
from apps.core.errors import RuleError
from apps.matching.models import Match
from apps.matching.selectors import match_of, matches_of
from apps.matching.services import block as block_member
from apps.matching.services import end_match
from apps.moderation.evasion.services import note_phone
from apps.users.models import Photo, User

Kind = Message.Kind
REMOVE_KEYBOARD = {"reply_markup": {"remove_keyboard": True}}


# ---- The list of matches


def matches(turn: Turn) -> Reply:
    """/matches"""
    return signup.leave_question(turn) + _matches_page(turn, 0)


def matches_page(turn: Turn) -> Reply:
    return _matches_page(turn, int(turn.args[0]))


def _matches_page(turn: Turn, page: int) -> Reply:
    every = matches_of(turn.user)
    first = page * keyboards.MATCHES_PER_PAGE
    own = list(every[first : first + keyboards.MATCHES_PER_PAGE + 1])
    shown, has_more = own[: keyboards.MATCHES_PER_PAGE], len(own) > keyboards.MATCHES_PER_PAGE
    return turn.screen(
        texts.meeting.matches(every.count()), keyboards.matches(shown, turn.user, page=page, has_more=has_more)
    )


# ---- Opening, leaving, ending


def open_chat(turn: Turn) -> Reply:
    match = _match(turn)
    turn.stop_waiting()
    turn.dialogue.open_conversation = conversation_for(match)
    turn.dialogue.save(update_fields=["open_conversation"])
    name = match.partner_of(turn.user).profile.name
    params = {"text": texts.meeting.chat_opened(name), "parse_mode": "HTML", **keyboards.chat(name)}
    return send(turn.user, "sendMessage", params)


def leave(turn: Turn, match: Match) -> Reply:
    _close(turn)
    return _without_keyboard(turn.user, texts.meeting.chat_left(match.partner_of(turn.user).profile.name))


def actions(turn: Turn, match: Match) -> Reply:
    keyboard = keyboards.chat_actions(match, with_contact=_may_exchange_contacts(turn))
    return turn.say(texts.meeting.chat_actions(match.partner_of(turn.user).profile.name), keyboard)


def show_partner(turn: Turn) -> Reply:
    match = _match(turn)
    partner, number = match.partner_of(turn.user), int(turn.args[1])
    photos = list(Photo.objects.shown_of(partner))
    main = photos[0] if photos else None
    caption = texts.profile.profile_caption(partner.profile, is_verified=verify.has_badge(turn, partner, main))
    if not photos:
        return turn.say(caption)
    number = number if number < len(photos) else 0
    keyboard = keyboards.partner(match, photo_number=number, photo_count=len(photos))
    return turn.picture(photos[number], caption, keyboard)


def ask_unmatch(turn: Turn) -> Reply:
    match = _match(turn)
    return turn.screen(
        texts.meeting.confirm_unmatch(match.partner_of(turn.user).profile.name), keyboards.confirm_unmatch(match)
    )


def unmatch(turn: Turn) -> Reply:
    match = _match(turn)
    end_match(match, by=turn.user)
    return show_ended(turn, match)


def block(turn: Turn) -> Reply:
    """Block out of a chat: at once. The partner learns only that the match has ended."""
    match = _match(turn)
    partner = match.partner_of(turn.user)
    block_member(turn.user, partner)
    ended = toast(texts.meeting.blocked(partner.profile.name)) + show_ended(turn, match)
    return ended + _ask_why_blocked(turn, partner)


def _ask_why_blocked(turn: Turn, partner: User) -> Reply:
    if not flags.is_enabled("moderation.ask_after_block", turn.user):
        return Reply()
    return turn.say(texts.meeting.ask_why_blocked(partner.profile.name), keyboards.why_blocked(partner))


def show_ended(turn: Turn, match: Match) -> Reply:
    """What both see of a match that the member has ended, whichever way."""
    partner = match.partner_of(turn.user)
    text = texts.meeting.you_ended(partner.profile.name)
    if _has_open(turn.user, match):
        _close(turn)
        return turn.delete_tapped() + _without_keyboard(turn.user, text) + tell_ended(match, partner, turn.user)
    return turn.screen(text) + tell_ended(match, partner, turn.user)


def tell_ended(match: Match, reader: User, who: User) -> Reply:
    """Takes the keyboard away from a partner who has this chat open, and says why."""
    with override(reader.language):
        text = texts.meeting.partner_ended(who.profile.name)
    return _without_keyboard(reader, text) if _has_open(reader, match) else say(reader, text)


def _without_keyboard(reader: User, text: str) -> Reply:
    return send(reader, "sendMessage", {"text": text, "parse_mode": "HTML", **REMOVE_KEYBOARD})


def _has_open(user: User, match: Match) -> bool:
    return Dialogue.objects.filter(user=user, open_conversation__match=match).exists()


def _close(turn: Turn) -> None:
    turn.dialogue.open_conversation = None
    turn.dialogue.save(update_fields=["open_conversation"])


# ---- Exchanging contacts


def explain_contact(turn: Turn) -> Reply:
    match = _match_to_exchange_contacts(turn)
    return turn.screen(
        texts.meeting.explain_contact(match.partner_of(turn.user).profile.name), keyboards.contact(match)
    )


def agree_to_contact(turn: Turn) -> Reply:
    match = _match_to_exchange_contacts(turn)
    partner = match.partner_of(turn.user)
    username = turn.sender.username or ""
    agreed = consent_to_contact(conversation_for(match), turn.user, telegram_username=username)
    names = {consent.user_id: consent.telegram_username for consent in agreed}
    if partner.pk not in names:
        waiting = turn.screen(texts.meeting.contact_waiting(partner.profile.name))
        if turn.user.is_shadowed:
            return waiting
        with override(partner.language):
            asked = say(
                partner,
                texts.meeting.contact_asked(turn.user.profile.name),
                keyboards.contact(match),
                key=f"contact:{match.pk}",
            )
        return waiting + asked
    with override(partner.language):
        shown = say(
            partner, texts.meeting.contact_shown(turn.user.profile.name, username), key=f"contact-shown:{match.pk}"
        )
    return turn.screen(texts.meeting.contact_shown(partner.profile.name, names[partner.pk])) + shown


def _may_exchange_contacts(turn: Turn) -> bool:
    return flags.is_enabled("bot.contact_exchange", turn.user)


def _match_to_exchange_contacts(turn: Turn) -> Match:
    """Raises RuleError: match_gone, contact_exchange_off."""
    match = _match(turn)
    if not _may_exchange_contacts(turn):
        raise RuleError("contact_exchange_off")
    return match


# ---- What passes through


def pass_on(turn: Turn, conversation: Conversation, *, reply_to: object = None) -> Reply:
    """Relays the message of this turn to the partner."""
    content = content_of(turn.message)
    if content is None:
        return _not_relayed(turn)
    if not _may_send(turn.user, content):
        return turn.say(texts.meeting.only_text_relayed())
    if careful.must_ask(turn.user, content, source_message_id=turn.message.message_id):
        return careful.ask(turn, conversation, content, reply_to=reply_to)
    pass_content(turn.user, conversation, content, source_message_id=turn.message.message_id, reply_to=reply_to)
    return Reply()


def _not_relayed(turn: Turn) -> Reply:
    contact = turn.message.contact
    if contact is None:
        return turn.say(texts.meeting.cannot_relay())
    if contact.user_id == turn.sender.id:  # their own, as Telegram says
        note_phone(turn.user, contact.phone_number)
    return turn.say(texts.meeting.contact_not_relayed())


def pass_content(
    sender: User, conversation: Conversation, content: Content, *, source_message_id: int, reply_to: object
) -> None:
    """To the partner: blurred if they want that, with the buttons that they need. Raises RuleError as `relay`."""
    key, partner = uuid4(), conversation.match.partner_of(sender)
    veil = careful.veil(sender, partner, content, source_message_id=source_message_id)
    relay(
        conversation,
        sender,
        content,
        source_message_id=source_message_id,
        reply_to=reply_to,
        markup=_buttons(sender, conversation, key=key, is_veiled=bool(veil)),
        key=key,
        veil=veil,
    )


def send_anyway(turn: Turn) -> Reply:
    """The answer to “Are you sure?”: yes. Late taps learn that it was answered already."""
    unsent = take_unsent(turn.user, turn.target_id())
    if unsent is None:
        return toast(texts.meeting.unsent_gone(), alert=True) + turn.delete_tapped()
    conversation = conversation_of(turn.user, unsent.conversation_id)
    if conversation is None:
        raise RuleError("match_gone")
    content = Content(Kind(unsent.kind), unsent.text, unsent.file_id)
    pass_content(turn.user, conversation, content, source_message_id=unsent.source_message_id, reply_to=unsent.reply_to)
    return turn.screen(texts.meeting.sent_anyway())


def dont_send(turn: Turn) -> Reply:
    if take_unsent(turn.user, turn.target_id()) is None:
        return toast(texts.meeting.unsent_gone(), alert=True) + turn.delete_tapped()
    return turn.screen(texts.meeting.not_sent())


def reply_of(turn: Turn) -> ReplyTo | None:
    """What of a conversation the message replies to, or None. Raises RuleError: match_gone."""
    original = turn.message.reply_to_message
    return replied_to(turn.user, original.message_id) if original else None


def say_undelivered(message: Message) -> Reply:
    """Answers a relayed message that did not reach the partner; once, however often it is said."""
    partner = message.conversation.match.partner_of(message.sender)
    with override(message.sender.language):
        text = texts.account.rule("partner_unreachable", {"name": partner.profile.name})
    original = {"message_id": message.source_message_id, "allow_sending_without_reply": True}
    params = {"text": text, "parse_mode": "HTML", "reply_parameters": original}
    return send(message.sender, "sendMessage", params, key=f"undelivered:{message.pk}")


def edited(turn: Turn) -> Reply:
    """An edit of something that was relayed changes the partner's copy, if it still may; any other edit nothing."""
    content, source_id = content_of(turn.message), turn.message.message_id
    if content is None or not _may_send(turn.user, content):
        return Reply()
    if change_unsent(turn.user, content, source_message_id=source_id):
        return Reply()

    def dress(message: Message) -> tuple[str, dict[str, Any] | None]:
        match = message.conversation.match
        veil = careful.veil(turn.user, match.partner_of(turn.user), content, source_message_id=source_id)
        return veil, _buttons(turn.user, message.conversation, key=message.pk, is_veiled=bool(veil))

    carry_over_edit(turn.user, content, source_message_id=source_id, dress=dress)
    return Reply()


def _may_send(sender: User, content: Content) -> bool:
    return content.kind == Kind.TEXT or flags.is_enabled("conversations.media", sender)


def _buttons(sender: User, conversation: Conversation, *, key: UUID, is_veiled: bool) -> dict[str, Any] | None:
    """Opens the chat with the sender, unless it is open, and reports what is veiled; None when neither is needed."""
    match = conversation.match
    partner = match.partner_of(sender)
    is_open = partner.dialogue.open_conversation_id == conversation.pk
    with override(partner.language):
        rows = [
            *(keyboards.bothers(key) if is_veiled else []),
            *([] if is_open else keyboards.answer(match, sender.profile.name)),
        ]
    return inline_markup(rows) if rows else None


def content_of(message: telegram.Message) -> Content | None:
    """What can be relayed of a message, or None. Formatting is dropped: a mention in it may carry an identity."""
    if message.text:
        return Content(Kind.TEXT, message.text)
    caption = message.caption or ""
    if message.photo:
        return Content(Kind.PHOTO, caption, message.photo[-1].file_id)
    # an animation also has a document, so it comes first
    for kind in (Kind.ANIMATION, Kind.VOICE, Kind.VIDEO, Kind.VIDEO_NOTE, Kind.STICKER, Kind.DOCUMENT):
        attachment = getattr(message, kind)
        if attachment:
            return Content(kind, caption, attachment.file_id)
    return None


def _match(turn: Turn) -> Match:
    """The match of the tapped button. Raises RuleError: match_gone, also for a match of other people."""
    match = match_of(turn.user, turn.target_id())
    if match is None:
        raise RuleError("match_gone")
    return match
