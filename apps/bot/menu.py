"""The commands that a chat offers: the same for all, or with /plus for those to whom it is sold."""

from django.utils.translation import override

from apps.bot.texts.account import COMMANDS, command_description
from apps.bot.turn import Reply, Turn, send
from apps.notifications.models import Priority
from apps.payments.selectors import is_on_sale

WITH_PLUS = (*COMMANDS[:-1], "plus", *COMMANDS[-1:])


def commands(names: tuple[str, ...] = COMMANDS) -> list[dict[str, str]]:
    """As the Bot API takes them, in the language that is active."""
    return [{"command": name, "description": command_description(name)} for name in names]


def follow(turn: Turn) -> Reply:
    """Changes the commands of the member's own chat once /plus is sold to them, or is no longer; without a query while
    nothing has changed. `Dialogue.menu` is the language in which their chat has its own, empty when it has none.
    """
    user = turn.user
    if user.pk is None or user.profile.published_at is None:  # erased in this very turn, or not there yet
        return Reply()
    wanted = user.language if is_on_sale(user) else ""
    if wanted == turn.dialogue.menu:
        return Reply()
    turn.dialogue.menu = wanted
    turn.dialogue.save(update_fields=["menu"])
    scope = {"scope": {"type": "chat", "chat_id": user.telegram_id}}
    if not wanted:
        return send(user, "deleteMyCommands", scope, priority=Priority.DIGEST)
    with override(wanted):  # it may have been changed in this very turn
        offered = commands(WITH_PLUS)
    return send(user, "setMyCommands", {"commands": offered, **scope}, priority=Priority.DIGEST)
