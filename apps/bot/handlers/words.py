"""What is neither a command nor a tap: an answer to a question, a message for a partner, or a word to nobody."""

from collections.abc import Callable

from apps.bot import texts
from apps.bot.handlers import browse, chat, reports, signup
from apps.bot.turn import Reply, Turn, send
from apps.conversations.models import Conversation
from apps.conversations.selectors import replied_to

# Questions besides the steps of the profile that a plain text answers.
ANSWERS: dict[str, Callable[[Turn, str], Reply]] = {
    "note": browse.take_note,
    "report_words": reports.take_words,
}


def message(turn: Turn) -> Reply:
    """Any message that no other route takes."""
    if turn.user.profile.published_at is None:
        return _while_signing_up(turn)
    if turn.dialogue.step and not _is_reply_to_partner(turn) and (answer := _answer(turn)):
        return answer
    to = chat.conversation_for_message(turn)
    if to is None:
        return _nobody(turn)
    conversation, pointer = to
    return _chat_button(turn, conversation) or chat.pass_on(turn, conversation, reply_to=pointer)


def _while_signing_up(turn: Turn) -> Reply:
    if turn.dialogue.step not in signup.STEPS:
        return signup.ask_again(turn)
    if turn.dialogue.step == "photos":
        return _photo(turn) or turn.say(texts.use_the_buttons()) + signup.ask_again(turn)
    if turn.is_prompt_expired:
        return turn.say(texts.prompt_expired()) + signup.ask_again(turn)
    if not turn.message.text:
        return turn.say(texts.words_please()) + signup.ask_again(turn)
    return signup.take_text(turn, turn.message.text)


def _answer(turn: Turn) -> Reply | None:
    """The message as the answer to the open question; None when it is none (a photo to a question for words)."""
    step = turn.dialogue.step
    if step == "photos":
        return _photo(turn)
    if not turn.message.text:
        return None
    if turn.is_prompt_expired:
        turn.stop_waiting()
        return turn.say(texts.prompt_gone())
    if step in ANSWERS:
        return ANSWERS[step](turn, turn.message.text)
    return signup.take_text(turn, turn.message.text)


def _photo(turn: Turn) -> Reply | None:
    if turn.message.photo:
        return signup.take_photo(turn, turn.message.photo[-1])
    document = turn.message.document
    if document and (document.mime_type or "").startswith("image/"):
        return turn.say(texts.send_as_photo())
    return None


def _is_reply_to_partner(turn: Turn) -> bool:
    original = turn.message.reply_to_message
    return original is not None and replied_to(turn.user, original.message_id) is not None


def _chat_button(turn: Turn, conversation: Conversation) -> Reply | None:
    """A tap on the keyboard below the input field arrives as its label in plain text."""
    partner = conversation.match.partner_of(turn.user)
    if turn.message.text == texts.chat_menu_label(partner.profile.name):
        return chat.actions(turn, conversation.match)
    if turn.message.text in texts.leave_labels(partner.profile.name):
        return chat.leave(turn, partner)
    return None


def _nobody(turn: Turn) -> Reply:
    """Says that it went to nobody, takes away a keyboard that may be left of an ended chat, and offers the matches."""
    params = {"text": texts.nobody_to_write_to(), "parse_mode": "HTML", **chat.REMOVE_KEYBOARD}
    return send(turn.user, "sendMessage", params) + chat.matches(turn)
