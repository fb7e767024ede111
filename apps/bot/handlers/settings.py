"""/settings, /help, leaving for good, and Telegram's word that a member blocked the bot."""

from apps.bot import keyboards, texts
from apps.bot.handlers import signup
from apps.bot.handlers.chat import tell_ended
from apps.bot.turn import Reply, Turn, say_to_chat, toast
from apps.matching.selectors import matches_of
from apps.notifications.broadcasts.selectors import wants_news
from apps.notifications.broadcasts.services import set_news
from apps.payments import texts as about_payments
from apps.payments.selectors import has_plus, is_on_sale
from apps.users import services


def settings(turn: Turn) -> Reply:
    """/settings"""
    return signup.leave_question(turn) + turn.screen(
        texts.account.settings(),
        keyboards.settings(paused=turn.user.paused_at is not None, news=wants_news(turn.user.pk)),
    )


def help_page(turn: Turn) -> Reply:
    """/help"""
    about_plus = f"\n\n{about_payments.commands()}" if is_on_sale(turn.user) else ""
    return turn.say(texts.account.help_text() + about_plus)


def languages(turn: Turn) -> Reply:
    return turn.screen(texts.account.ask_language(), keyboards.languages())


def pause(turn: Turn) -> Reply:
    is_on = turn.args[0] == "on"
    services.set_paused(turn.user, paused=is_on)
    if is_on:
        return turn.screen(texts.account.pause_on(), keyboards.resume())
    return turn.screen(texts.account.pause_off(), keyboards.browse())


def news(turn: Turn) -> Reply:
    is_on = turn.args[0] == "on"
    set_news(turn.user, wanted=is_on)
    return turn.screen(texts.account.news_on() if is_on else texts.account.news_off())


def ask_delete(turn: Turn) -> Reply:
    about_plus = f"\n\n{about_payments.ends_with_account(turn.user)}" if has_plus(turn.user) else ""
    return turn.screen(texts.account.confirm_delete() + about_plus, keyboards.confirm_delete())


def delete(turn: Turn) -> Reply:
    """Erases the member at once, and tells the partners with whom a chat was opened."""
    assert turn.user.telegram_id is not None
    told = Reply()
    for match in matches_of(turn.user).filter(conversation__isnull=False):
        told += tell_ended(match, match.partner_of(turn.user), turn.user)
    farewell = say_to_chat(turn.user.telegram_id, texts.account.deleted())
    services.erase(turn.user)
    return farewell + told


def dismiss(turn: Turn) -> Reply:
    """The way out of a question: it disappears, nothing happens."""
    turn.stop_waiting()
    return turn.delete_tapped()


def came_or_went(turn: Turn) -> Reply:
    """Telegram says that the member blocked the bot, or came back."""
    change = turn.update.my_chat_member
    assert change is not None
    if change.new_chat_member.status in ("kicked", "left"):
        services.mark_unreachable(turn.user)
    return Reply()


def unknown_tap(turn: Turn) -> Reply:
    return toast(texts.account.unknown_tap())


def unknown_command(turn: Turn) -> Reply:
    return turn.say(texts.account.unknown_command())
