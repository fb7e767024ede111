"""The inbox: every update is handled exactly once, in one transaction with all that it causes."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import orjson
import structlog
import telegram
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import override

from apps import flags
from apps.bot import menu, texts
from apps.bot.handlers import appeals, plus, signup
from apps.bot.handlers import settings as settings_handlers
from apps.bot.models import Dialogue, Update
from apps.bot.parsing import BIGINT_MAX, bot_id, read_update, without_exact_place
from apps.bot.routes import Needs, find_route
from apps.bot.turn import Reply, Turn, say, say_to_chat, toast
from apps.core.errors import RuleError
from apps.core.postgres.preparing import OUTDATED_PLAN
from apps.core.prepared import tell
from apps.notifications.services import enqueue
from apps.users.models import User
from apps.users.selectors import locked_member, member
from apps.users.services import record_activity, register

log = structlog.get_logger(__name__)
Status = Update.Status


class Claimed(NamedTuple):
    """An update that is this transaction's to handle, and its sender, whose row is locked; None: no member's."""

    member: User | None


# Given the sender's Telegram id. None: somebody else is at it, or it is done.
Claim = Callable[[int | None], Claimed | None]
Answer = dict[str, Any]  # one call of the Bot API, sent back in the webhook's own response

COLLISION_ATTEMPTS = 3
MAX_ATTEMPTS = 6
FIRST_RETRY_AFTER = timedelta(seconds=10)

# What somebody who is banned or suspended may still do: learn why, object, and leave.
OPEN_TO_KEPT_OUT = {
    appeals.statement,
    appeals.ask,
    settings_handlers.settings,
    settings_handlers.languages,
    settings_handlers.ask_delete,
    settings_handlers.delete,
    settings_handlers.dismiss,
    settings_handlers.came_or_went,
    signup.set_language,
    signup.legal,
    plus.check_out,
    plus.paid,
    plus.support,
    plus.terms,
}


def receive(payload: dict[str, Any]) -> Answer | None:
    """Handles one update as Telegram posted it; the answer to a tap, or None. One that came before changes nothing.

    An update whose handler raises is kept and tried again later. Raises OperationalError or InterfaceError when the
    database is away: then nothing happened, and Telegram shall post it again.
    """
    try:
        return _handle(payload, claim=lambda sender_id: _claim(payload["update_id"], sender_id))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 one poison update must not block its chat
        if "pre_checkout_query" in payload:
            return _refuse_checkout(payload["pre_checkout_query"], error)
        _keep_failed(payload, error)
        return None


def retry(update_pk: int) -> bool:
    """Handles a failed update once more; True when it is done now. Does nothing when another worker has it."""

    def claim(sender_id: int | None) -> Claimed | None:
        waiting = Update.objects.select_for_update(skip_locked=True).filter(pk=update_pk).exclude(status=Status.DONE)
        if not waiting.exists():
            return None
        Update.objects.filter(pk=update_pk).update(status=Status.DONE, payload="", retry_at=None)
        return Claimed(locked_member(sender_id) if sender_id else None)

    update = Update.objects.filter(pk=update_pk).exclude(status=Status.DONE).first()
    if update is None:
        return False
    try:
        _handle(orjson.loads(update.payload), claim)
    except Exception as error:  # noqa: BLE001 as above
        _postpone(update, error)
        return False
    return True


def retry_now(updates: QuerySet[Update]) -> int:
    """Tries parked and failed updates again at once; how many of them are done now."""
    return sum(
        retry(pk) for pk in updates.exclude(status=Status.DONE).order_by("update_id").values_list("pk", flat=True)
    )


def drop(updates: QuerySet[Update]) -> int:
    """Gives up on failed and parked updates; how many there were. Their payload is forgotten."""
    return updates.exclude(status=Status.DONE).update(status=Status.DONE, payload="", retry_at=None)


# ---- One update, one transaction


def _handle(payload: dict[str, Any], claim: Claim) -> Answer | None:
    update = read_update(payload)
    try:
        return _without_collisions(lambda: _transact(update, claim, _dispatch))
    except RuleError as error:
        refusal = error
    # The refusal has rolled everything back; what remains of the turn is its explanation.
    return _without_collisions(lambda: _transact(update, claim, lambda turn: _explain(turn, refusal)))


def _transact(update: telegram.Update, claim: Claim, act: Callable[[Turn], Reply]) -> Answer | None:
    with transaction.atomic():
        claimed = claim(update.effective_user.id if update.effective_user else None)
        if claimed is None:
            return None
        reply = _take_turn(update, claimed.member, act)
        enqueue(reply.outgoing)
    if update.pre_checkout_query:
        return _answer_checkout(update.pre_checkout_query.id, reply.toast)
    query = update.callback_query
    return _answer_tap(query.id, reply) if query else None


def _take_turn(update: telegram.Update, user: User | None, act: Callable[[Turn], Reply]) -> Reply:
    if update.message and update.message.refunded_payment:
        return plus.stars_back(update.message.refunded_payment)
    sender, chat = update.effective_user, update.effective_chat
    if sender is None or sender.is_bot:
        return Reply()
    if not update.pre_checkout_query and (chat is None or chat.type != chat.PRIVATE):
        return Reply()
    if user is None:
        return _greet_stranger(update, sender, act)
    record_activity(user, has_telegram_premium=bool(sender.is_premium))
    with override(user.language):
        return act(Turn(user, update))


def _greet_stranger(update: telegram.Update, sender: telegram.User, act: Callable[[Turn], Reply]) -> Reply:
    """Only /start makes a member, while new ones are taken in; all else of a stranger is answered and forgotten."""
    language = (sender.language_code or "").partition("-")[0]
    words = ((update.message.text if update.message else None) or "").split()
    wants_in = bool(words) and words[0] == "/start"
    if not wants_in or not flags.is_enabled("signup.open"):
        known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        if update.my_chat_member or update.edited_message:
            return Reply()
        with override(known):
            if update.pre_checkout_query or (update.message and update.message.successful_payment):
                return plus.from_stranger(update)
            return say_to_chat(
                sender.id, texts.account.signup_closed() if wants_in else texts.account.unknown_visitor()
            )
    newcomer = register(sender.id, language=language, source=words[1] if len(words) > 1 else "")
    Dialogue.objects.get_or_create(user=newcomer)
    user = locked_member(sender.id)
    assert user
    with override(user.language):
        return act(Turn(user, update))


def _dispatch(turn: Turn) -> Reply:
    found = find_route(turn.update)
    if found is None:
        return Reply()
    route, turn.args = found
    if turn.user.is_kept_out and route.handler not in OPEN_TO_KEPT_OUT:
        return _answer_kept_out(turn)
    if route.needs >= Needs.CONSENT and turn.user.consented_at is None:
        return toast(texts.account.must_consent()) + turn.say(texts.account.must_consent()) + signup.welcome(turn)
    if route.needs >= Needs.PROFILE and turn.user.profile.published_at is None:
        return turn.say(texts.meeting.finish_profile_first()) + signup.ask_again(turn)
    return route.handler(turn) + menu.follow(turn)


def _answer_kept_out(turn: Turn) -> Reply:
    if turn.update.edited_message:
        return Reply()
    if appeals.is_answer(turn):
        assert turn.message.text
        return appeals.take_words(turn, turn.message.text)
    return appeals.tell_kept_out(turn)


def _explain(turn: Turn, refusal: RuleError) -> Reply:
    text = texts.account.rule(refusal.code, refusal.params)
    # a toast is plain text
    is_answer = turn.update.callback_query or turn.update.pre_checkout_query
    return toast(unescape(text), alert=True) if is_answer else turn.say(text)


def _answer_tap(query_id: str, reply: Reply) -> Answer:
    answer: Answer = {"method": "answerCallbackQuery", "callback_query_id": query_id}
    if reply.toast:
        answer |= {"text": reply.toast, "show_alert": reply.alert}
    return answer


def _answer_checkout(query_id: str, objection: str) -> Answer:
    """Telegram takes the Stars, unless there is an objection, which the member reads."""
    answer: Answer = {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query_id, "ok": not objection}
    return answer | ({"error_message": objection} if objection else {})


def _claim(update_id: int, sender_id: int | None) -> Claimed | None:
    """Writes the update's row, locks its member and reads them, in one round trip; None when the row is there already.

    A twin that arrives meanwhile waits for the first.
    """
    claim = tell(_CLAIM, [bot_id(), update_id, sender_id], waits=True)
    user = member(sender_id) if sender_id else None
    return Claimed(user) if claim.fetchall() else None


# As `users.selectors.locked_member` locks; a row that was not written asks for no lock.
_CLAIM = """
    WITH claimed AS (
        INSERT INTO bot_update (bot_id, update_id, status, payload, error, attempts, received_at)
        VALUES (%s, %s, 'done', '', '', 1, now()) ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT (SELECT id FROM users_user WHERE telegram_id = %s FOR NO KEY UPDATE) FROM claimed
"""


def _without_collisions(transact: Callable[[], Answer | None]) -> Answer | None:
    """Tries again when PostgreSQL broke a deadlock or a conflict: the other transaction is through then."""
    for attempt in range(1, COLLISION_ATTEMPTS + 1):
        try:
            return transact()
        except DatabaseError as error:
            if attempt == COLLISION_ATTEMPTS or not _is_collision(error):
                raise
    raise AssertionError("unreachable")


def _is_collision(error: DatabaseError) -> bool:
    """Serialization conflict, deadlock, a reference to somebody who was erased a moment ago, an outdated plan."""
    return getattr(error.__cause__, "sqlstate", None) in ("40001", "40P01", "23503", *OUTDATED_PLAN)


# ---- What went wrong


def _keep_failed(payload: dict[str, Any], error: Exception) -> None:
    log.error("update_failed", update_id=payload["update_id"], error=_where(error))
    with transaction.atomic():
        if not _claim(payload["update_id"], None):
            return
        user = _sender_of(payload)
        Update.objects.filter(bot_id=bot_id(), update_id=payload["update_id"]).update(
            user=user,
            status=Status.FAILED,
            payload=orjson.dumps(without_exact_place(payload)).decode(),
            error=_where(error),
            retry_at=timezone.now() + FIRST_RETRY_AFTER,
        )
        if user:
            with override(user.language):
                key = f"apology:{bot_id()}:{payload['update_id']}"
                enqueue(say(user, texts.account.apology(), key=key).outgoing)


def _refuse_checkout(query: Any, error: Exception) -> Answer | None:
    """Not kept, for Telegram does not wait: the member may try again."""
    log.error("checkout_failed", error=_where(error))
    if not isinstance(query, dict) or not isinstance(query.get("id"), str):
        return None
    return _answer_checkout(query["id"], texts.account.checkout_failed())


def _postpone(update: Update, error: Exception) -> None:
    """Later, twice as late each time; after the last attempt a human must look."""
    log.error("update_failed_again", update_id=update.update_id, attempts=update.attempts + 1, error=_where(error))
    attempts = update.attempts + 1
    is_last = attempts >= MAX_ATTEMPTS
    Update.objects.filter(pk=update.pk).update(
        attempts=attempts,
        error=_where(error),
        status=Status.PARKED if is_last else Status.FAILED,
        retry_at=None if is_last else timezone.now() + FIRST_RETRY_AFTER * 2**attempts,
    )


def _sender_of(payload: dict[str, Any]) -> User | None:
    """The member it came from, found without the part that failed; None when it does not say, or is no member."""
    parts = [part for part in payload.values() if isinstance(part, dict)]
    sender = parts[0].get("from") if parts else None
    sender_id = sender.get("id") if isinstance(sender, dict) else None
    if type(sender_id) is not int or abs(sender_id) > BIGINT_MAX:
        return None
    return User.objects.filter(telegram_id=sender_id).first()


def _where(error: Exception) -> str:
    """The kind of error and the line that raised it. Not its words: they may hold what a member wrote."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{Path('apps')}/" in frame.filename] or frames
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno} ({ours[-1].name})" if ours else ""
    return f"{type(error).__name__}{place}"[:200]
