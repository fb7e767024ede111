"""Which handler takes which update. The matching is python-telegram-bot's own; the first route that fits wins."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import telegram
from telegram.ext import (
    BaseHandler,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    PreCheckoutQueryHandler,
    filters,
)

from apps.bot.handlers import appeals, browse, chat, plus, reports, settings, signup, verify, words
from apps.bot.turn import Reply, Turn
from apps.moderation.models import Report
from apps.users.models import Gender, Language

Handler = Callable[[Turn], Reply]


class Needs(IntEnum):
    """How far a member must have come for a route to be open to them."""

    NOTHING = 0
    CONSENT = 1
    PROFILE = 2


@dataclass(frozen=True)
class Route:
    matcher: "BaseHandler[Any, Any, Any]"
    handler: Handler
    needs: Needs


def find_route(update: telegram.Update) -> tuple[Route, tuple[str, ...]] | None:
    """The route of this update and the arguments that its pattern found; None for an update that nobody handles."""
    for route in TAPS if update.callback_query else OTHERS:
        found = route.matcher.check_update(update)
        if found is None or found is False:
            continue
        if isinstance(found, re.Match):
            return route, found.groups()
        if isinstance(found, tuple):
            return route, tuple(found[0])
        return route, ()
    return None


async def _never_called(*_: object) -> None:
    """python-telegram-bot's handlers want a coroutine; here they only match, and the route's own handler is called."""


def _command(name: str, handler: Handler, needs: Needs = Needs.PROFILE) -> Route:
    # a message that is edited into a command is an edit
    return Route(CommandHandler(name, _never_called, filters.UpdateType.MESSAGE), handler, needs)


def _tap(pattern: str, handler: Handler, needs: Needs = Needs.PROFILE) -> Route:
    return Route(CallbackQueryHandler(_never_called, pattern=f"^{pattern}$"), handler, needs)


def _message(which: filters.BaseFilter, handler: Handler, needs: Needs) -> Route:
    return Route(MessageHandler(which, _never_called), handler, needs)


ID = r"([0-9a-f]{32})"
NUMBER = r"(\d{1,3})"
GENDER = f"({'|'.join(Gender.values)})"
LANGUAGE = f"({'|'.join(Language.values)})"
REASON = f"({'|'.join(Report.Reason.values)})"
STEP = f"({'|'.join(signup.SIGNUP)})"
EDITABLE = "(name|place|gender|interests|bio|photos|age_range)"

ROUTES: tuple[Route, ...] = (
    # start
    _command("start", signup.start, Needs.NOTHING),
    _tap("consent", signup.consent, Needs.NOTHING),
    _tap("legal:(terms|privacy)", signup.legal, Needs.NOTHING),
    _tap(f"language:{LANGUAGE}", signup.set_language, Needs.NOTHING),
    # profile
    _tap(f"back:{STEP}", signup.back, Needs.CONSENT),
    _tap("done:(seeking|interests|bio|photos)", signup.done, Needs.CONSENT),
    _tap(f"gender:{GENDER}", signup.set_gender, Needs.CONSENT),
    _tap(f"seek:{GENDER}", signup.toggle_seeking, Needs.CONSENT),
    _tap(r"place:(\d{1,9})", signup.choose_place, Needs.CONSENT),
    _tap(f"interests:{NUMBER}", signup.interests_page, Needs.CONSENT),
    _tap(f"interest:([a-z_-]{{1,24}}):{NUMBER}", signup.toggle_interest, Needs.CONSENT),
    _tap("bio:clear", signup.clear_bio, Needs.CONSENT),
    _tap(f"unphoto:{ID}", signup.remove_photo, Needs.CONSENT),
    _tap("publish", signup.publish, Needs.CONSENT),
    _command("profile", signup.profile),
    _tap(f"edit:{EDITABLE}", signup.edit),
    _command("preferences", signup.preferences),
    _tap("preferences", signup.preferences),
    _tap("distances", signup.distances),
    _tap(f"distance:{NUMBER}", signup.set_distance),
    _command("verify", verify.ask),
    _tap("verify", verify.ask),
    # deck
    _command("browse", browse.browse),
    _tap("browse", browse.browse),
    _tap(f"like:{ID}", browse.like),
    _tap(f"pass:{ID}", browse.pass_on),
    _tap(f"note:{ID}", browse.ask_note),
    _tap("undo", browse.undo),
    _tap(f"photo:{ID}:{NUMBER}", browse.turn_photo),
    _tap(f"block:{ID}", browse.block),
    _tap(f"widen_age:{NUMBER}:{NUMBER}", browse.widen_age),
    _tap(f"widen_distance:{NUMBER}", browse.widen_distance),
    # matches and conversations
    _command("matches", chat.matches),
    _tap(f"matches:{NUMBER}", chat.matches_page),
    _tap(f"chat:{ID}", chat.open_chat),
    _tap(f"partner:{ID}:{NUMBER}", chat.show_partner),
    _tap(f"contact:{ID}", chat.explain_contact),
    _tap(f"contact_yes:{ID}", chat.agree_to_contact),
    _tap(f"unmatch:{ID}", chat.ask_unmatch),
    _tap(f"unmatch_yes:{ID}", chat.unmatch),
    _tap(f"block_chat:{ID}", chat.block),
    _tap(f"send_anyway:{ID}", chat.send_anyway),
    _tap(f"dont_send:{ID}", chat.dont_send),
    # reports
    _tap(f"bothers:{ID}", reports.report_bothering),
    _tap(f"report:{ID}", reports.ask_reason),
    _tap(f"report_chat:{ID}", reports.ask_reason_in_chat),
    _tap(f"reason:{REASON}:{ID}", reports.report),
    _tap(f"reason_chat:{REASON}:{ID}", reports.report_chat),
    _command("report", reports.ask_reason_of_message),
    _tap(f"reason_message:{REASON}:{ID}", reports.report_message),
    # payments
    _command("plus", plus.plus),
    _tap("plus:buy", plus.buy),
    Route(PreCheckoutQueryHandler(_never_called), plus.check_out, Needs.NOTHING),
    _message(filters.UpdateType.MESSAGE & filters.SUCCESSFUL_PAYMENT, plus.paid, Needs.NOTHING),
    _command("paysupport", plus.support, Needs.NOTHING),
    _command("terms", plus.terms, Needs.NOTHING),
    # decisions about the member
    _tap("statement", appeals.statement, Needs.NOTHING),
    _tap(f"appeal:{ID}", appeals.ask, Needs.NOTHING),
    # settings
    _command("settings", settings.settings, Needs.NOTHING),
    _command("help", settings.help_page, Needs.NOTHING),
    _tap("languages", settings.languages, Needs.NOTHING),
    _tap("pause:(on|off)", settings.pause),
    _tap("news:(on|off)", settings.news, Needs.NOTHING),
    _tap("delete", settings.ask_delete, Needs.NOTHING),
    _tap("delete_yes", settings.delete, Needs.NOTHING),
    _tap("dismiss", settings.dismiss, Needs.NOTHING),
    # whatever is left
    Route(ChatMemberHandler(_never_called, ChatMemberHandler.MY_CHAT_MEMBER), settings.came_or_went, Needs.NOTHING),
    Route(CallbackQueryHandler(_never_called), settings.unknown_tap, Needs.NOTHING),
    _message(filters.UpdateType.EDITED_MESSAGE, chat.edited, Needs.NOTHING),
    _message(filters.UpdateType.MESSAGE & filters.COMMAND, settings.unknown_command, Needs.NOTHING),
    _message(filters.UpdateType.MESSAGE & filters.LOCATION, signup.take_location, Needs.CONSENT),
    # not what Telegram itself puts into a chat, such as that something was pinned; a text cannot be any of its 30 kinds
    _message(filters.UpdateType.MESSAGE & (filters.TEXT | ~filters.StatusUpdate.ALL), words.message, Needs.CONSENT),
)
TAPS = tuple(route for route in ROUTES if isinstance(route.matcher, CallbackQueryHandler))
OTHERS = tuple(route for route in ROUTES if route not in TAPS)
