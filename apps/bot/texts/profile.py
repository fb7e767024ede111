"""Filling in the profile, how it looks to others, and whom a member wants to see."""

from collections.abc import Sequence
from html import unescape

from django.utils.html import escape, format_html, strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.bot.texts.labels import in_every_language
from apps.conversations.services import MAX_CAPTION, telegram_length
from apps.matching.learning.reasons import Reason
from apps.matching.selectors import Card
from apps.users.catalogue import INTERESTS
from apps.users.models import MAX_BIO, MAX_PHOTOS, Gender, Preferences, Profile

DISTANCE_BANDS_KM = (5, 10, 25, 50, 100, 250)


# ---- Filling in the profile


def ask_name() -> str:
    return _("What is your first name? This is how others will see you.")


def ask_birth_date() -> str:
    return _("When were you born? Write it as day.month.year, for example 24.08.1998. Others see only your age.")


def birth_date_unreadable() -> str:
    return _("I could not read this as a date. Write it as day.month.year, for example 24.08.1998.")


def ask_gender() -> str:
    return _("You are…")


def ask_seeking() -> str:
    return _("Whom do you want to meet? You can choose several.")


def ask_place() -> str:
    return _(
        "Where are you? Send the name of your city, or your location with the button below.\n\n"
        "🔒 I keep only the area of about 5 km² that you are in, never the exact point."
    )


def place_unknown() -> str:
    return _("I do not know this place. Try the nearest larger city, or send your location with the button below.")


def place_ambiguous() -> str:
    return _("There are several places of this name. Which one?")


def back_label() -> str:
    return _("‹ Back")


def back_labels() -> frozenset[str]:
    return in_every_language(back_label)


def share_location_label() -> str:
    return _("📍 Send my location")


def place_unchanged() -> str:
    return _("Your place stays as it was.")


def place_set(place: str) -> str:
    return format_html(_("📍 {place}"), place=place)


def unnamed_place() -> str:
    return _("Near you")


def ask_interests(chosen: int, most: int) -> str:
    return _("What do you like? Choose up to {most}. Chosen: {chosen}").format(most=most, chosen=chosen)


def ask_bio() -> str:
    return _("Tell a little about yourself, in up to {max} characters. Or skip this for now.").format(max=MAX_BIO)


def ask_photos(count: int) -> str:
    if not count:
        return _("Now your photos: send up to {max}. Your face on the first one works best.").format(max=MAX_PHOTOS)
    return ngettext(
        "You have {count} photo of {max}. Send more, or go on.",
        "You have {count} photos of {max}. Send more, or go on.",
        count,
    ).format(count=count, max=MAX_PHOTOS)


def photo_known() -> str:
    return _("You have this photo already.")


def send_as_photo() -> str:
    return _("Please send it as a photo, not as a file.")


def preview(profile: Profile, wishes: Preferences) -> str:
    return own_profile(profile, wishes, above=_("👀 This is how others will see you:"))


def published() -> str:
    return _("🎉 Your profile is online! Ready to look around?")


def prompt_expired() -> str:
    return _("⏳ I asked this a while ago, so I have not changed anything. Here is the question again:")


def prompt_gone() -> str:
    return _(
        "⏳ I asked this a while ago, so I have not changed anything. "
        "If you still want to, choose it again in /profile."
    )


def words_please() -> str:
    return _("Please answer with a text message.")


def use_the_buttons() -> str:
    return _("Please answer with the buttons.")


# ---- Profile and preferences


def profile_caption(
    profile: Profile,
    *,
    first_line_extra: str = "",
    shared: Sequence[str] = (),
    because: str = "",
    note: str = "",
    room: int = MAX_CAPTION,
    is_verified: bool = False,
) -> str:
    """Name, age and what the member tells, with the bio cut to what fits into a caption with this much room.

    `shared` are the interests that the viewer has too, `because` is why the viewer sees the profile.
    """
    lines = [f"<b>{escape(profile.name)}, {profile.age}</b>{escape(first_line_extra)}"]
    if is_verified:
        lines.append(_("✅ Photos verified"))
    if shared:
        lines.append(format_html(_("✨ You both like: {interests}"), interests=interest_names(shared)))
    others = [slug for slug in profile.interests if slug not in shared]
    if others:
        lines.append(escape(interest_names(others)))
    if because:
        lines.append(because)
    above = len(lines)
    if note:
        lines.append(f"\n💌 <i>{escape(note)}</i>")
    if profile.bio:
        left = room - _shown_length("\n".join([*lines, "\n"]))
        lines.insert(above, f"\n{escape(_clip(profile.bio, left))}")
    return "\n".join(lines)


def card_caption(card: Card, reasons: Sequence[Reason] = (), is_verified: bool = False) -> str:
    return profile_caption(
        card.user.profile,
        first_line_extra=f" · {distance(card.distance_km)}",
        shared=card.shared_interests,
        because=_why_shown(reasons),
        note=card.note,
        is_verified=is_verified,
    )


def _why_shown(reasons: Sequence[Reason]) -> str:
    words = {
        Reason.INTERESTS: _("you like the same things"),
        Reason.NEAR: _("you are near each other"),
        Reason.LANGUAGE: _("you speak the same language"),
        Reason.AGE: _("you are of about the same age"),
    }
    return (
        _("💡 Why this card: {reasons}").format(reasons=", ".join(words[each] for each in reasons)) if reasons else ""
    )


def own_profile(
    profile: Profile, wishes: Preferences, *, above: str = "", below: str = "", is_verified: bool = False
) -> str:
    """The profile as others see it, and below it whom the member will see."""
    around = "\n\n".join([above, preferences(wishes), below, ""])
    room = MAX_CAPTION - _shown_length(around)
    extra = f" · {profile.place}"
    caption = profile_caption(profile, first_line_extra=extra, room=room, is_verified=is_verified)
    return "\n\n".join(part for part in (above, caption, preferences(wishes), below) if part)


def interest_names(slugs: Sequence[str]) -> str:
    return ", ".join(str(INTERESTS[slug]) for slug in slugs if slug in INTERESTS)


def distance(km: float) -> str:
    """Rough on purpose: exact numbers from several places would tell where somebody lives."""
    for band in DISTANCE_BANDS_KM:
        if km < band:
            return _("less than {km} km away").format(km=band)
    return _("more than {km} km away").format(km=DISTANCE_BANDS_KM[-1])


def _shown_length(markup: str) -> int:
    return telegram_length(unescape(strip_tags(markup)))


def _clip(text: str, length: int) -> str:
    """At most this many characters as Telegram counts them; a cut is marked."""
    if telegram_length(text) <= length:
        return text
    return text.encode("utf-16-le")[: 2 * (length - 1)].decode("utf-16-le", "ignore").rstrip() + "…"


def what_to_change() -> str:
    return _("What do you want to change?")


def preferences(preferences: Preferences) -> str:
    return _("🎯 <b>Whom you want to see</b>\n\n{genders}\nAge: {age}\nDistance: {distance}").format(
        genders=", ".join(gender_plural(gender) for gender in preferences.genders) or "…",
        age=age_range(preferences.age_min, preferences.age_max),
        distance=max_distance(preferences.max_distance_km),
    )


def preferences_work_both_ways() -> str:
    return _("You only see people who are also looking for somebody like you.")


def gender_plural(gender: str) -> str:
    return {
        Gender.WOMAN.value: _("Women"),
        Gender.MAN.value: _("Men"),
        Gender.NONBINARY.value: _("Non-binary people"),
    }[gender]


def age_range(youngest: int, oldest: int) -> str:
    return f"{youngest}–{oldest}"


def max_distance(km: int | None) -> str:
    return _("anywhere") if km is None else _("up to {km} km").format(km=km)


def ask_age_range() -> str:
    return _("From which age to which? Send two numbers, for example 25-35.")


def age_range_unreadable() -> str:
    return _("Send two numbers, for example 25-35.")


def ask_distance() -> str:
    return _("How far away may people be?")


def saved() -> str:
    return _("Saved")
