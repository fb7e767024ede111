"""What is neither a command nor a tap: an answer to a question, a message for a partner, or a word to nobody."""

from collections.abc import Callable

import telegram

from apps.bot import texts
from apps.bot.handlers import appeals, browse, chat, reports, signup, verify
from apps.bot.turn import Reply, Turn, send
from apps.conversations.selectors import open_conversation_of

# Questions besides the steps of the profile that a plain text answers.
ANSWERS: dict[str, Callable[[Turn, str], Reply]] = {
    "note": browse.take_note,
    "report_words": reports.take_words,
    "appeal_words": appeals.take_words,
}
# Questions that a photo answers, and words do not.
PHOTO_ANSWERS: dict[str, Callable[[Turn, telegram.PhotoSize], Reply]] = {
    "photos": signup.take_photo,
    "selfie": verify.take_selfie,
}


def message(turn: Turn) -> Reply:
    """Any message that no other route takes."""
    if turn.user.profile.published_at is None:
        return _while_signing_up(turn)
    if turn.message.text and (pressed := _keyboard_button(turn, turn.message.text)):
        return pressed
    reply = chat.reply_of(turn)
    if turn.dialogue.step and reply is None and (answer := _answer(turn)):
        return answer
    if reply:
        return chat.pass_on(turn, reply.conversation, reply_to=reply.pointer)
    conversation = open_conversation_of(turn.user)
    return chat.pass_on(turn, conversation) if conversation else _nobody(turn)


def _while_signing_up(turn: Turn) -> Reply:
    if turn.dialogue.step not in signup.STEPS:
        return signup.ask_again(turn)
    if turn.message.text in texts.profile.back_labels():
        return signup.leave_place(turn)
    if turn.dialogue.step == "photos":
        return _photo(turn) or turn.say(texts.profile.use_the_buttons()) + signup.ask_again(turn)
    if turn.is_prompt_expired:
        return turn.say(texts.profile.prompt_expired()) + signup.ask_again(turn)
    if not turn.message.text:
        return turn.say(texts.profile.words_please()) + signup.ask_again(turn)
    return signup.take_text(turn, turn.message.text)


def _answer(turn: Turn) -> Reply | None:
    """The message as the answer to the open question; None when it is none (a photo to a question for words)."""
    step = turn.dialogue.step
    if step not in ANSWERS and step not in PHOTO_ANSWERS and step not in signup.STEPS:
        return None  # a question of an earlier release
    is_answer = turn.message.photo or turn.message.document if step in PHOTO_ANSWERS else turn.message.text
    if not is_answer:
        return None
    if turn.is_prompt_expired:
        return signup.leave_question(turn) + turn.say(texts.profile.prompt_gone())
    if step in PHOTO_ANSWERS or not turn.message.text:
        return _photo(turn)
    return ANSWERS[step](turn, turn.message.text) if step in ANSWERS else signup.take_text(turn, turn.message.text)


def _photo(turn: Turn) -> Reply | None:
    if turn.message.photo:
        return PHOTO_ANSWERS[turn.dialogue.step](turn, turn.message.photo[-1])
    document = turn.message.document
    if document and (document.mime_type or "").startswith("image/"):
        return turn.say(texts.profile.send_as_photo())
    return None


def _keyboard_button(turn: Turn, text: str) -> Reply | None:
    """A tap on a keyboard below the input field arrives as its label in plain text, whatever the bot is waiting for."""
    if text in texts.profile.back_labels():
        return signup.leave_place(turn)
    is_menu = texts.meeting.is_chat_menu_label(text)
    if not is_menu and not texts.meeting.is_chat_leave_label(text):
        return None
    conversation = open_conversation_of(turn.user)
    if conversation is None:
        return _nobody(turn)
    return chat.actions(turn, conversation.match) if is_menu else chat.leave(turn, conversation.match)


def _nobody(turn: Turn) -> Reply:
    """Says that it went to nobody, takes away a keyboard that may be left of an ended chat, and offers the matches."""
    params = {"text": texts.meeting.nobody_to_write_to(), "parse_mode": "HTML", **chat.REMOVE_KEYBOARD}
    return send(turn.user, "sendMessage", params) + chat.matches(turn)
