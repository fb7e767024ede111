"""Filling in the profile, step by step. The same steps serve signing up and changing things later:

until the profile is published each step leads on to the next, afterwards back to the overview.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import telegram
from django.utils.translation import override

from apps.bot import keyboards, texts
from apps.bot.handlers import verify
from apps.bot.turn import Reply, Turn, say_to_chat, send, send_photo, toast
from apps.conversations.selectors import open_conversation_of
from apps.core.errors import RuleError
from apps.users import gazetteer, services
from apps.users.models import MAX_AGE, MIN_AGE, Photo

CONSENT_VERSION = "2026-11-26"
AGES_AROUND_ONES_OWN = 10
_DATE = re.compile(r"^\s*(\d{1,2})[.\-/ ](\d{1,2})[.\-/ ](\d{4})\s*$")
_ISO_DATE = re.compile(r"^\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*$")
_AGES = re.compile(r"^\D*(\d{1,3})\D+(\d{1,3})\D*$")


# ---- Moving between the steps


@dataclass(frozen=True)
class Step:
    """One question. `take_text` is None where only buttons answer it."""

    ask: Callable[[Turn], Reply]
    take_text: Callable[[Turn, str], Reply] | None = None


def ask(turn: Turn, step: str) -> Reply:
    """Asks this question and waits for its answer."""
    turn.wait_for(step)
    return STEPS[step].ask(turn)


def ask_again(turn: Turn) -> Reply:
    """The question where the member left off while signing up."""
    return ask(turn, turn.dialogue.step if turn.dialogue.step in SIGNUP else SIGNUP[0])


def take_text(turn: Turn, text: str) -> Reply:
    """The answer in words to the question that was asked."""
    take = STEPS[turn.dialogue.step].take_text
    return take(turn, text) if take else turn.say(texts.profile.use_the_buttons()) + ask(turn, turn.dialogue.step)


def _after(turn: Turn, step: str) -> Reply:
    if turn.user.profile.published_at is None:
        return ask(turn, SIGNUP[SIGNUP.index(step) + 1])
    turn.stop_waiting()
    overview = preferences if step in ("seeking", "age_range") else profile
    return toast(texts.profile.saved()) + overview(turn)


def back(turn: Turn) -> Reply:
    step = turn.args[0]
    return leave_place(turn) if step == "place" else _back(turn, step)


def _back(turn: Turn, step: str) -> Reply:
    if turn.user.profile.published_at:
        turn.stop_waiting()
        return preferences(turn) if step == "seeking" else profile(turn)
    position = SIGNUP.index(step)
    return ask(turn, SIGNUP[position - 1]) if position else welcome(turn)


def done(turn: Turn) -> Reply:
    """The Go-on button of a step with chips or photos."""
    step = turn.args[0]
    if step == "seeking" and not turn.user.preferences.genders:
        raise RuleError("seeking_nobody")
    return _after(turn, step)


def edit(turn: Turn) -> Reply:
    return leave_question(turn) + ask(turn, turn.args[0])


def leave_question(turn: Turn) -> Reply:
    """The member turned to something else: an unanswered question for the place leaves no button behind."""
    is_place = turn.dialogue.step == "place" and turn.user.profile.published_at is not None
    turn.stop_waiting()
    return _keyboard_as_before(turn, texts.profile.place_unchanged()) if is_place else Reply()


# ---- Start


def start(turn: Turn) -> Reply:
    """/start: the welcome, the question where they left off, or a hello to a published member."""
    if turn.user.consented_at is None:
        return welcome(turn)
    if turn.user.profile.published_at is None:
        return turn.say(texts.meeting.finish_profile_first()) + ask_again(turn)
    return leave_question(turn) + turn.say(texts.account.welcome_back(turn.user.profile.name), keyboards.browse())


def welcome(turn: Turn) -> Reply:
    return turn.screen(texts.account.welcome(), keyboards.consent())


def legal(turn: Turn) -> Reply:
    return turn.say(texts.account.terms() if turn.args[0] == "terms" else texts.account.privacy())


def consent(turn: Turn) -> Reply:
    if turn.user.consented_at is None or turn.user.consent_version != CONSENT_VERSION:
        services.record_consent(turn.user, version=CONSENT_VERSION)
    if turn.user.profile.published_at:
        return start(turn)
    return ask_again(turn)


def set_language(turn: Turn) -> Reply:
    services.set_language(turn.user, turn.args[0])
    with override(turn.user.language):
        if turn.user.consented_at is None:
            return welcome(turn)
        said = toast(texts.account.language_set())
        is_online = turn.user.profile.published_at is not None
        return said + (turn.screen(texts.account.language_set()) if is_online else ask_again(turn))


# ---- The questions


def _ask_name(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_name(), keyboards.back("name"))


def _take_name(turn: Turn, text: str) -> Reply:
    services.set_name(turn.user, text)
    return _after(turn, "name")


def _ask_birth_date(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_birth_date(), keyboards.back("birth_date"))


def _take_birth_date(turn: Turn, text: str) -> Reply:
    birth_date = _read_date(text)
    if birth_date is None:
        return turn.say(texts.profile.birth_date_unreadable(), keyboards.back("birth_date"))
    if services.is_minor(birth_date):
        assert turn.user.telegram_id is not None
        chat_id = turn.user.telegram_id
        services.erase(turn.user)
        return say_to_chat(chat_id, texts.account.minor())
    services.set_birth_date(turn.user, birth_date)
    age = min(turn.user.profile.age, MAX_AGE)
    services.set_age_range(
        turn.user, max(MIN_AGE, age - AGES_AROUND_ONES_OWN), min(MAX_AGE, age + AGES_AROUND_ONES_OWN)
    )
    return _after(turn, "birth_date")


def _ask_gender(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_gender(), keyboards.genders(turn.user.profile.gender, step="gender"))


def set_gender(turn: Turn) -> Reply:
    services.set_gender(turn.user, turn.args[0])
    return _after(turn, "gender")


def _ask_seeking(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_seeking(), keyboards.seeking(turn.user.preferences.genders, step="seeking"))


def toggle_seeking(turn: Turn) -> Reply:
    services.toggle_sought_gender(turn.user, turn.args[0])
    return preferences(turn) if turn.user.profile.published_at else _ask_seeking(turn)


def _ask_place(turn: Turn) -> Reply:
    return send(turn.user, "sendMessage", {"text": texts.profile.ask_place(), **keyboards.location()})


def _take_place(turn: Turn, text: str) -> Reply:
    found = gazetteer.find(text)
    if not found:
        return turn.say(texts.profile.place_unknown())
    if len(found) > 1:
        return turn.say(texts.profile.place_ambiguous(), keyboards.places(found, turn.user.language, step="place"))
    return _set_place(turn, found[0])


def leave_place(turn: Turn) -> Reply:
    """Back from the question for the place; the button below the input field may be tapped much later, too."""
    before = turn.delete_tapped() + _keyboard_as_before(turn, texts.profile.place_unchanged())
    return before + _back(turn, "place") if turn.dialogue.step == "place" else before


def choose_place(turn: Turn) -> Reply:
    place = gazetteer.by_id(int(turn.args[0]))
    if place is None:
        raise RuleError("place_unknown")
    return _set_place(turn, place)


def take_location(turn: Turn) -> Reply:
    """A shared location answers the question for the place, and only that."""
    is_online = turn.user.profile.published_at is not None
    if turn.dialogue.step != "place" or (is_online and turn.is_prompt_expired):
        return _keyboard_as_before(turn, texts.meeting.contact_not_relayed()) if is_online else ask_again(turn)
    location = turn.message.location
    assert location is not None
    nearest = gazetteer.nearest(location.latitude, location.longitude)
    name = gazetteer.label(nearest, turn.user.language) if nearest else texts.profile.unnamed_place()
    services.set_place(
        turn.user,
        latitude=location.latitude,
        longitude=location.longitude,
        place=name,
        country=nearest.country_code if nearest else "",
    )
    return _keyboard_as_before(turn, texts.profile.place_set(name)) + _after(turn, "place")


def _set_place(turn: Turn, place: gazetteer.Place) -> Reply:
    name = gazetteer.label(place, turn.user.language)
    services.set_place(
        turn.user, latitude=place.latitude, longitude=place.longitude, place=name, country=place.country_code
    )
    return turn.delete_tapped() + _keyboard_as_before(turn, texts.profile.place_set(name)) + _after(turn, "place")


def _keyboard_as_before(turn: Turn, text: str) -> Reply:
    """Takes the location button away again; the open chat's keyboard comes back."""
    conversation = open_conversation_of(turn.user)
    below: dict[str, Any] = {"reply_markup": {"remove_keyboard": True}}
    if conversation:
        below = keyboards.chat(conversation.match.partner_of(turn.user).profile.name)
    return send(turn.user, "sendMessage", {"text": text, "parse_mode": "HTML", **below})


def _ask_interests(turn: Turn) -> Reply:
    return _interests_page(turn, 0)


def interests_page(turn: Turn) -> Reply:
    return _interests_page(turn, int(turn.args[0]))


def toggle_interest(turn: Turn) -> Reply:
    services.toggle_interest(turn.user, turn.args[0])
    return _interests_page(turn, int(turn.args[1]))


def _interests_page(turn: Turn, page: int) -> Reply:
    chosen = turn.user.profile.interests
    text = texts.profile.ask_interests(len(chosen), services.MAX_INTERESTS)
    return turn.screen(text, keyboards.interests(chosen, page, step="interests"))


def _ask_bio(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_bio(), keyboards.bio(step="bio", has_bio=bool(turn.user.profile.bio)))


def _take_bio(turn: Turn, text: str) -> Reply:
    services.set_bio(turn.user, text)
    return _after(turn, "bio")


def clear_bio(turn: Turn) -> Reply:
    services.set_bio(turn.user, "")
    return _after(turn, "bio")


def _ask_photos(turn: Turn) -> Reply:
    own = list(Photo.objects.filter(user=turn.user))
    return turn.screen(texts.profile.ask_photos(len(own)), keyboards.photos(own, step="photos"))


def take_photo(turn: Turn, picture: telegram.PhotoSize) -> Reply:
    """A photo sent while photos were asked for."""
    added = services.add_photo(turn.user, file_id=picture.file_id, file_unique_id=picture.file_unique_id)
    known = Reply() if added else turn.say(texts.profile.photo_known())
    return known + ask(turn, "photos")


def remove_photo(turn: Turn) -> Reply:
    services.remove_photo(turn.user, turn.target_id())
    return ask(turn, "photos")


def _ask_preview(turn: Turn) -> Reply:
    missing = services.missing_parts(turn.user)
    if missing:
        return turn.say(texts.meeting.finish_profile_first()) + ask(turn, missing[0])
    first = Photo.objects.filter(user=turn.user)[0]
    caption = texts.profile.preview(turn.user.profile, turn.user.preferences)
    return turn.delete_tapped() + send_photo(turn.user, first, caption, keyboards.preview(step="preview"))


def publish(turn: Turn) -> Reply:
    missing = services.missing_parts(turn.user)
    if missing:
        return turn.say(texts.meeting.finish_profile_first()) + ask(turn, missing[0])
    services.publish(turn.user)
    turn.stop_waiting()
    return turn.screen(texts.profile.published(), keyboards.browse())


def _ask_age_range(turn: Turn) -> Reply:
    return turn.screen(texts.profile.ask_age_range(), keyboards.to_preferences())


def _take_age_range(turn: Turn, text: str) -> Reply:
    ages = _AGES.match(text)
    if ages is None:
        return turn.say(texts.profile.age_range_unreadable(), keyboards.to_preferences())
    services.set_age_range(turn.user, int(ages[1]), int(ages[2]))
    return _after(turn, "age_range")


# ---- The overviews


def profile(turn: Turn) -> Reply:
    """/profile: how others see the member, and what can be changed."""
    left = leave_question(turn)
    first = Photo.objects.shown_of(turn.user).first() or Photo.objects.filter(user=turn.user).first()
    assert first is not None, "a published profile has a photo"
    caption = texts.profile.own_profile(
        turn.user.profile,
        turn.user.preferences,
        below=texts.profile.what_to_change(),
        is_verified=verify.has_badge(turn, turn.user, first),
    )
    return left + turn.picture(first, caption, keyboards.profile(with_verification=verify.is_open(turn)))


def preferences(turn: Turn) -> Reply:
    """/preferences"""
    left = leave_question(turn)
    text = f"{texts.profile.preferences(turn.user.preferences)}\n\n{texts.profile.preferences_work_both_ways()}"
    return left + turn.screen(text, keyboards.preferences(turn.user.preferences.genders))


def distances(turn: Turn) -> Reply:
    turn.stop_waiting()
    return turn.screen(texts.profile.ask_distance(), keyboards.distances(turn.user.preferences.max_distance_km))


def set_distance(turn: Turn) -> Reply:
    services.set_max_distance(turn.user, int(turn.args[0]) or None)
    return toast(texts.profile.saved()) + preferences(turn)


def _read_date(text: str) -> date | None:
    if found := _ISO_DATE.match(text):
        year, month, day = map(int, found.groups())
    elif found := _DATE.match(text):
        day, month, year = map(int, found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


STEPS: dict[str, Step] = {
    "name": Step(_ask_name, _take_name),
    "birth_date": Step(_ask_birth_date, _take_birth_date),
    "gender": Step(_ask_gender),
    "seeking": Step(_ask_seeking),
    "place": Step(_ask_place, _take_place),
    "interests": Step(_ask_interests),
    "bio": Step(_ask_bio, _take_bio),
    "photos": Step(_ask_photos),
    "preview": Step(_ask_preview),
    "age_range": Step(_ask_age_range, _take_age_range),
}
SIGNUP = ("name", "birth_date", "gender", "seeking", "place", "interests", "bio", "photos", "preview")
