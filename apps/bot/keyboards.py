"""Inline keyboards, and the callback data that routes.py reads back. Called while the member's language is active."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from apps.bot import texts
from apps.bot.turn import Keyboard
from apps.matching.models import Match
from apps.matching.selectors import Widening
from apps.moderation.models import Decision, Report
from apps.moderation.texts import appeal_label
from apps.payments.texts import buy_label
from apps.users.catalogue import INTERESTS, PAGE_SIZE
from apps.users.gazetteer import Place
from apps.users.gazetteer import label as place_label
from apps.users.models import Gender, Language, Photo, User

DISTANCES_KM = (5, 10, 25, 50, 100, 250)
ANYWHERE = 0  # in callback data
MATCHES_PER_PAGE = 8
T = TypeVar("T")


def in_rows(items: Iterable[T], width: int) -> list[list[T]]:
    every = list(items)
    return [every[start : start + width] for start in range(0, len(every), width)]


def _ticked(label: object, chosen: bool) -> str:
    return f"✅ {label}" if chosen else str(label)


def _back(step: str) -> tuple[str, str]:
    return (texts.profile.back_label(), f"back:{step}")


# ---- Start and profile


def consent() -> Keyboard:
    return [
        [(_("📜 Terms"), "legal:terms"), (_("🔒 Privacy"), "legal:privacy")],
        [(_("✅ I accept and am 18 or older"), "consent")],
        *languages(),
    ]


def languages() -> Keyboard:
    return [[(label, f"language:{code}") for code, label in Language.choices]]


def back(step: str) -> Keyboard:
    return [[_back(step)]]


def genders(chosen: str, *, step: str) -> Keyboard:
    return [*[[(_ticked(label, value == chosen), f"gender:{value}")] for value, label in Gender.choices], [_back(step)]]


def seeking(chosen: Sequence[str], *, step: str) -> Keyboard:
    chips = [
        [(_ticked(texts.profile.gender_plural(value), value in chosen), f"seek:{value}")] for value in Gender.values
    ]
    return [*chips, [_back(step), (_("Go on ›"), "done:seeking")]]


def _sought_genders(chosen: Sequence[str]) -> list[list[tuple[str, str]]]:
    return [[(_ticked(texts.profile.gender_plural(each), each in chosen), f"seek:{each}")] for each in Gender.values]


def location() -> dict[str, Any]:
    """Below the input field: only there can Telegram offer a button that sends the location."""
    rows = [
        [{"text": texts.profile.share_location_label(), "request_location": True}],
        [{"text": texts.profile.back_label()}],
    ]
    return {"reply_markup": {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}}


def places(found: Sequence[Place], language: str, *, step: str) -> Keyboard:
    return [*[[(place_label(place, language), f"place:{place.geoname_id}")] for place in found], [_back(step)]]


def interests(chosen: Sequence[str], page: int, *, step: str) -> Keyboard:
    pages = in_rows(INTERESTS.values(), PAGE_SIZE)
    page %= len(pages)
    chips = [(_ticked(each, each.slug in chosen), f"interest:{each.slug}:{page}") for each in pages[page]]
    turn = [("‹", f"interests:{(page - 1) % len(pages)}"), (f"{page + 1}/{len(pages)}", f"interests:{page}")]
    turn.append(("›", f"interests:{(page + 1) % len(pages)}"))
    return [*in_rows(chips, 2), turn, [_back(step), (_("Go on ›"), "done:interests")]]


def bio(*, step: str, has_bio: bool) -> Keyboard:
    skip = (_("Remove my text"), "bio:clear") if has_bio else (_("Skip ›"), "done:bio")
    return [[_back(step), skip]]


def photos(own: Sequence[Photo], *, step: str) -> Keyboard:
    remove = [(_("🗑 Photo {number}").format(number=photo.position + 1), f"unphoto:{photo.pk.hex}") for photo in own]
    done = [(_("Go on ›"), "done:photos")] if own else []
    return [*in_rows(remove, 3), [_back(step), *done]]


def preview(*, step: str) -> Keyboard:
    return [[(_("🎉 Publish"), "publish")], [_back(step)]]


def browse() -> Keyboard:
    return [[(_("👀 See people"), "browse")]]


def profile(*, with_verification: bool) -> Keyboard:
    verify = [[(_("✅ Verify my photos"), "verify")]] if with_verification else []
    return [
        [(_("Name"), "edit:name"), (_("Place"), "edit:place"), (_("Gender"), "edit:gender")],
        [(_("Interests"), "edit:interests"), (_("About me"), "edit:bio"), (_("Photos"), "edit:photos")],
        *verify,
        [(_("🎯 Whom you want to see"), "preferences")],
    ]


def preferences(sought: Sequence[str]) -> Keyboard:
    return [
        [chip for (chip,) in _sought_genders(sought)],
        [(_("Age"), "edit:age_range"), (_("Distance"), "distances")],
        [(_("👀 See people"), "browse")],
    ]


def distances(km: int | None) -> Keyboard:
    chips = [(_ticked(texts.profile.max_distance(each), each == km), f"distance:{each}") for each in DISTANCES_KM]
    return [
        *in_rows(chips, 2),
        [(_ticked(texts.profile.max_distance(None), km is None), f"distance:{ANYWHERE}")],
        [_to_preferences()],
    ]


def to_preferences() -> Keyboard:
    return [[_to_preferences()]]


def _to_preferences() -> tuple[str, str]:
    return (texts.profile.back_label(), "preferences")


# ---- Browsing


def card(target: User, *, photo_number: int, photo_count: int, with_note: bool) -> Keyboard:
    them = target.pk.hex
    note = [("💌", f"note:{them}")] if with_note else []
    extra = [(_("↩️ Undo"), "undo")]
    if photo_count > 1:
        extra.append((f"🖼 {photo_number + 1}/{photo_count}", f"photo:{them}:{(photo_number + 1) % photo_count}"))
    return [
        [("✖️", f"pass:{them}"), *note, ("❤️", f"like:{them}")],
        extra,
        [(_("🚩 Report"), f"report:{them}"), (_("🚫 Block"), f"block:{them}")],
    ]


def cancel() -> Keyboard:
    return [[_cancel()]]


def _cancel() -> tuple[str, str]:
    return (_("Cancel"), "dismiss")


def empty_deck(widenings: Sequence[Widening]) -> Keyboard:
    steps = [[(texts.meeting.widen(widening), _widen_data(widening))] for widening in widenings]
    return [*steps, [(_("↩️ Undo"), "undo"), (_("🎯 Preferences"), "preferences")]]


def _widen_data(widening: Widening) -> str:
    if widening.age_range:
        return "widen_age:{}:{}".format(*widening.age_range)
    return f"widen_distance:{widening.max_km or ANYWHERE}"


def resume() -> Keyboard:
    return [[(_("▶️ Go on"), "pause:off")]]


# ---- Matches and conversations


def match(match: Match, name: str) -> Keyboard:
    return [[(_("💬 Write to {name}").format(name=name), f"chat:{match.pk.hex}")], [(_("👀 See people"), "browse")]]


def matches(own: Sequence[Match], viewer: User, *, page: int, has_more: bool) -> Keyboard:
    rows: list[Sequence[tuple[str, str]]] = []
    for each in own:
        profile = each.partner_of(viewer).profile
        rows.append([(f"💬 {profile.name}, {profile.age}", f"chat:{each.pk.hex}")])
    turn = [("‹", f"matches:{page - 1}")] if page else []
    if has_more:
        turn.append(("›", f"matches:{page + 1}"))
    return [*rows, turn] if turn else rows or browse()


def answer(match: Match, name: str) -> Keyboard:
    return [[(_("💬 Answer {name}").format(name=name), f"chat:{match.pk.hex}")]]


def are_you_sure(key: UUID) -> Keyboard:
    return [[(_("📨 Send anyway"), f"send_anyway:{key.hex}"), (_("🙅 Don’t send"), f"dont_send:{key.hex}")]]


def bothers(key: UUID) -> Keyboard:
    return [[(_("🚩 Yes, report it"), f"bothers:{key.hex}")]]


def chat(name: str) -> dict[str, Any]:
    """The keyboard below the input field: it always shows whom the member is talking to."""
    row = [{"text": texts.meeting.chat_menu_label(name)}, {"text": texts.meeting.chat_leave_label(name)}]
    return {
        "reply_markup": {
            "keyboard": [row],
            "is_persistent": True,
            "resize_keyboard": True,
            "input_field_placeholder": texts.meeting.chat_placeholder(name)[:64],
        }
    }


def chat_actions(match: Match, *, with_contact: bool) -> Keyboard:
    this = match.pk.hex
    contact = [(_("🤝 Exchange contacts"), f"contact:{this}")] if with_contact else []
    return [
        [(_("👤 Profile"), f"partner:{this}:0"), *contact],
        [(_("💔 End the match"), f"unmatch:{this}")],
        [(_("🚩 Report"), f"report_chat:{this}"), (_("🚫 Block"), f"block_chat:{this}")],
    ]


def partner(match: Match, *, photo_number: int, photo_count: int) -> Keyboard:
    if photo_count < 2:
        return []
    following = (photo_number + 1) % photo_count
    return [[(f"🖼 {photo_number + 1}/{photo_count}", f"partner:{match.pk.hex}:{following}")]]


def contact(match: Match) -> Keyboard:
    return [[(_("🤝 I agree"), f"contact_yes:{match.pk.hex}"), (_("Not now"), "dismiss")]]


def confirm_unmatch(match: Match) -> Keyboard:
    return [[(_("💔 End it"), f"unmatch_yes:{match.pk.hex}"), (_("Keep it"), "dismiss")]]


# ---- Reports and settings


def report_reasons(prefix: str, about: str) -> Keyboard:
    chips = [(str(label), f"{prefix}:{value}:{about}") for value, label in Report.Reason.choices]
    return [*in_rows(chips, 2), [_cancel()]]


def reported(target: User) -> Keyboard:
    return [[(_("🚫 Block"), f"block:{target.pk.hex}")], [(_("👀 See people"), "browse")]]


def why_blocked(target: User) -> Keyboard:
    return [[(_("🚩 Report"), f"report:{target.pk.hex}"), (_("No, thanks"), "dismiss")]]


def kept_out() -> Keyboard:
    return [[(_("⚖️ Why, and how to appeal"), "statement")], [(_("🗑 Delete my account"), "delete")]]


def appeal(decision: Decision) -> Keyboard:
    return [[(appeal_label(), f"appeal:{decision.pk.hex}")]]


def more_photos() -> Keyboard:
    return [[(_("📷 Photos"), "edit:photos")]]


def settings(*, paused: bool, news: bool) -> Keyboard:
    pause = (_("▶️ Go on"), "pause:off") if paused else (_("⏸ Pause"), "pause:on")
    switch = (_("🔕 No news, please"), "news:off") if news else (_("🔔 Send me news"), "news:on")
    return [[pause, (_("🌐 Language"), "languages")], [switch], [(_("🗑 Delete my account"), "delete")]]


def buy_plus(stars: int) -> Keyboard:
    return [[(buy_label(stars), "plus:buy")]]


def confirm_delete() -> Keyboard:
    return [[(_("🗑 Delete everything"), "delete_yes")], [(_("Keep my account"), "dismiss")]]
