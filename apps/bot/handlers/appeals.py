"""What was decided about a member: reading it again, and appealing against it."""

from uuid import UUID

from apps.bot import keyboards, texts
from apps.bot.turn import Reply, Turn, toast
from apps.moderation.decisions.appeals import appealable, file_appeal
from apps.moderation.selectors import latest_statement
from apps.moderation.texts import statement as statement_text


def tell_kept_out(turn: Turn) -> Reply:
    """Whatever somebody who is banned or suspended does: the way to the reasons, and out."""
    return turn.say(texts.account.banned(), keyboards.kept_out())


def statement(turn: Turn) -> Reply:
    """The reasons of the newest decision that holds, once more."""
    decision = latest_statement(turn.user)
    if decision is None:
        return toast(texts.account.no_statement(), alert=True)
    return turn.say(statement_text(decision), keyboards.appeal(decision))


def ask(turn: Turn) -> Reply:
    """One tap; the next message is the appeal."""
    decision = appealable(turn.user, turn.target_id())
    turn.wait_for("appeal_words", decision=decision.pk.hex)
    return turn.say(texts.account.ask_appeal(), keyboards.cancel())


def take_words(turn: Turn, text: str) -> Reply:
    file_appeal(turn.user, UUID(turn.dialogue.data["decision"]), text)
    turn.stop_waiting()
    return turn.say(texts.account.appeal_filed())


def is_answer(turn: Turn) -> bool:
    """Whether this update is the text that `ask` waits for."""
    message = turn.update.message
    is_text = message is not None and bool(message.text) and not str(message.text).startswith("/")
    return is_text and turn.dialogue.step == "appeal_words" and not turn.is_prompt_expired
