"""The deck: one card at a time, like, like with a note, pass, undo; and what a match looks like to both."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import override

from apps import flags
from apps.bot import keyboards, texts
from apps.bot.handlers import chat, signup, verify
from apps.bot.turn import Reply, Turn, say, send_photo, toast
from apps.matching.learning.reasons import Reason
from apps.matching.models import Match
from apps.matching.selectors import Card, can_see, card_of, is_listed, next_card, why_shown, widenings
from apps.matching.services import block as block_member
from apps.matching.services import record_impression, record_swipe, undo_last_swipe
from apps.notifications.models import Priority
from apps.users import services
from apps.users.models import Photo, User
from apps.users.restrictions import check_may_write


def browse(turn: Turn) -> Reply:
    """/browse"""
    left = signup.leave_question(turn)
    _remember_looking(turn)
    return left + show_next(turn)


def show_next(turn: Turn) -> Reply:
    """The next card, or why there is none."""
    if turn.user.photoless_at:
        return turn.screen(texts.meeting.photos_hidden(), keyboards.more_photos())
    if not is_listed(turn.user):
        return turn.screen(texts.meeting.paused(), keyboards.resume())
    card = next_card(turn.user)
    if card is None:
        return _empty_deck(turn)
    if card.placement:
        record_impression(turn.user, card.placement)
    return _show(turn, card)


def like(turn: Turn) -> Reply:
    turn.stop_waiting()
    return _swipe(turn, turn.target_id(), liked=True)


def pass_on(turn: Turn) -> Reply:
    turn.stop_waiting()
    return _swipe(turn, turn.target_id(), liked=False)


def ask_note(turn: Turn) -> Reply:
    target_id = turn.target_id()
    check_may_write(turn.user)
    if not (_may_write_note(turn) and can_see(turn.user, target_id)):
        return toast(texts.meeting.card_out_of_date()) + show_next(turn)
    turn.wait_for("note", target=target_id.hex)
    return turn.say(texts.meeting.ask_note(_member(target_id).profile.name), keyboards.cancel())


def take_note(turn: Turn, text: str) -> Reply:
    """The words that go with a like: the answer to `ask_note`."""
    target_id = UUID(turn.dialogue.data["target"])
    if not (_may_write_note(turn) and can_see(turn.user, target_id)):
        turn.stop_waiting()
        return turn.say(texts.meeting.card_out_of_date()) + show_next(turn)
    reply = _swipe(turn, target_id, liked=True, note=text)
    turn.stop_waiting()
    return reply


def undo(turn: Turn) -> Reply:
    """Takes the last swipe back and shows that card again, if it may still be seen."""
    swipe = undo_last_swipe(turn.user)
    if swipe is None:
        return toast(texts.meeting.nothing_to_undo())
    card = card_of(turn.user, swipe.target_id)
    return toast(texts.meeting.undone()) + (_show(turn, card) if card else show_next(turn))


def turn_photo(turn: Turn) -> Reply:
    card = card_of(turn.user, turn.target_id())
    if card is None:
        return toast(texts.meeting.card_out_of_date()) + show_next(turn)
    return _show(turn, card, photo_number=int(turn.args[1]))


def block(turn: Turn) -> Reply:
    """Block from a card or after a report: at once, without a question. It ends a match there may be."""
    target = User.objects.select_related("profile").filter(pk=turn.target_id(), telegram_id__isnull=False).first()
    if target is None or target == turn.user:
        return toast(texts.meeting.person_gone())
    ended = block_member(turn.user, target)
    answer = toast(texts.meeting.blocked(target.profile.name))
    return answer + (chat.show_ended(turn, ended) if ended else show_next(turn))


def widen_age(turn: Turn) -> Reply:
    youngest, oldest = map(int, turn.args)
    services.set_age_range(turn.user, youngest, oldest)
    return toast(texts.profile.saved()) + show_next(turn)


def widen_distance(turn: Turn) -> Reply:
    services.set_max_distance(turn.user, int(turn.args[0]) or None)
    return toast(texts.profile.saved()) + show_next(turn)


def _swipe(turn: Turn, target_id: UUID, *, liked: bool, note: str = "") -> Reply:
    if not can_see(turn.user, target_id):
        return toast(texts.meeting.card_out_of_date()) + show_next(turn)
    target = _member(target_id)
    outcome = record_swipe(turn.user, target, liked=liked, note=note)
    if outcome.match:
        return _matched(turn, outcome.match, target)
    if not liked:
        return toast(texts.meeting.passed()) + show_next(turn)
    answer = turn.say(texts.meeting.note_sent(target.profile.name)) if note else toast(texts.meeting.liked())
    # who has passed already would look for the card in vain
    told = _tell_of_like(target) if outcome.is_news and flags.is_enabled("bot.like_notice", target) else Reply()
    return answer + told + show_next(turn)


def _matched(turn: Turn, match: Match, partner: User) -> Reply:
    return _match_card(turn, turn.user, match, partner) + _match_card(None, partner, match, turn.user)


def _match_card(turn: Turn | None, reader: User, match: Match, partner: User) -> Reply:
    """In place of the card that was tapped, or as a new message to the one who liked first."""
    shared = [slug for slug in reader.profile.interests if slug in partner.profile.interests]
    with override(reader.language):
        caption = f"{texts.meeting.matched(partner.profile.name)}\n\n{texts.meeting.opener(shared)}"
        keyboard = keyboards.match(match, partner.profile.name)
        photo = Photo.objects.shown_of(partner).first()
        if photo is None:
            return say(reader, caption, keyboard, priority=Priority.ALERT)
        if turn:
            return turn.picture(photo, caption, keyboard)
        return send_photo(reader, photo, caption, keyboard, priority=Priority.ALERT)


def _tell_of_like(target: User) -> Reply:
    """That somebody likes them, not who; once until they look at their cards again."""
    looked = target.dialogue.browsed_at
    key = f"liked:{target.pk.hex}:{int(looked.timestamp()) if looked else 0}"
    with override(target.language):
        return say(target, texts.meeting.somebody_likes_you(), keyboards.browse(), priority=Priority.ALERT, key=key)


def _show(turn: Turn, card: Card, *, photo_number: int = 0) -> Reply:
    if card.likes_viewer:
        _remember_looking(turn)
    photos, number = card.photos, photo_number if photo_number < len(card.photos) else 0
    with_note = _may_write_note(turn)
    keyboard = keyboards.card(card.user, photo_number=number, photo_count=len(photos), with_note=with_note)
    badge = verify.has_badge(turn, card.user, photos[0])
    return turn.picture(photos[number], texts.profile.card_caption(card, _reasons(turn, card), badge), keyboard)


def _reasons(turn: Turn, card: Card) -> Sequence[Reason]:
    return why_shown(card) if flags.is_enabled("matching.explain_cards", turn.user) else ()


def _empty_deck(turn: Turn) -> Reply:
    found = widenings(turn.user)
    reasons = [texts.meeting.deck_empty_reason(widening) for widening in found] or [
        texts.meeting.deck_empty_no_reason()
    ]
    return turn.screen("\n\n".join([texts.meeting.deck_empty(), *reasons]), keyboards.empty_deck(found))


def _may_write_note(turn: Turn) -> bool:
    return flags.is_enabled("bot.notes", turn.user)


def _remember_looking(turn: Turn) -> None:
    turn.dialogue.browsed_at = timezone.now()
    turn.dialogue.save(update_fields=["browsed_at"])


def _member(user_id: Any) -> User:
    return User.objects.select_related("profile", "dialogue").get(pk=user_id)
