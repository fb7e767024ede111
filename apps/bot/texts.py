"""Every text that a member reads. Called while the member's language is active; HTML-escaped here and nowhere else."""

from collections.abc import Callable, Sequence
from html import unescape

from django.utils.html import escape, format_html, strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from apps.conversations.services import MAX_CAPTION, telegram_length
from apps.matching.selectors import Card, Widening
from apps.users.catalogue import INTERESTS
from apps.users.models import MAX_BIO, MAX_PHOTOS, Gender, Language, Preferences, Profile

BRAND = "MeetsMatch"
DISTANCE_BANDS_KM = (5, 10, 25, 50, 100, 250)


# ---- Start and consent


def welcome() -> str:
    return format_html(
        _(
            "👋 <b>Welcome to {brand}!</b>\n\n"
            "Here you meet people you are looking for, who are looking for somebody like you. You see one card "
            "at a time; when two like each other, they can talk right here, "
            "and nobody sees your Telegram name or number.\n\n"
            "To begin, please read and accept the terms and the privacy notice. You must be 18 or older."
        ),
        brand=BRAND,
    )


def terms() -> str:
    return _(
        "📜 <b>Terms</b>\n\n"
        "• You are 18 or older and your profile is about you.\n"
        "• Be kind. No harassment, no hate, no threats.\n"
        "• No advertising, no scams, no asking for money.\n"
        "• No nudity in photos.\n"
        "• Anyone who breaks these rules can be warned, limited or banned. Every member can report and block others.\n"
        "• You can leave at any time: /settings, then “Delete my account”."
    )


def privacy() -> str:
    return _(
        "🔒 <b>Privacy notice</b>\n\n"
        "• Members see your first name, age, rough distance, interests, bio and photos. Nothing else.\n"
        "• Your Telegram name, number and id are never shown, unless you and a match both agree to it.\n"
        "• Your place is kept only as an area of about 5 km². Your exact position is never stored.\n"
        "• What you write to a match is stored encrypted and read by a moderator only when it is reported.\n"
        "• Delete your account and all of this is erased at once."
    )


def welcome_back(name: str) -> str:
    return format_html(_("👋 Good to see you, {name}!"), name=name)


def must_consent() -> str:
    return _("Please accept the terms and the privacy notice first.")


def unknown_visitor() -> str:
    return _("👋 Hello! Send /start to begin.")


def banned() -> str:
    return _("Your account is suspended because our rules were broken. You cannot use the service.")


def minor() -> str:
    return _(
        "Thank you for being honest. MeetsMatch is for people aged 18 and over, so we cannot let you in yet. "
        "We have erased everything you told us. Take care, and come back when you are 18. 💙"
    )


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


def back_labels() -> set[str]:
    return _in_every_language(back_label)


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
    profile: Profile, *, first_line_extra: str = "", shared: Sequence[str] = (), note: str = "", room: int = MAX_CAPTION
) -> str:
    """Name, age and what the member tells, with the bio cut to what fits into a caption with this much room.

    `shared` are the interests that the viewer has too.
    """
    lines = [f"<b>{escape(profile.name)}, {profile.age}</b>{escape(first_line_extra)}"]
    if shared:
        lines.append(format_html(_("✨ You both like: {interests}"), interests=interest_names(shared)))
    others = [slug for slug in profile.interests if slug not in shared]
    if others:
        lines.append(escape(interest_names(others)))
    above = len(lines)
    if note:
        lines.append(f"\n💌 <i>{escape(note)}</i>")
    if profile.bio:
        left = room - _shown_length("\n".join([*lines, "\n"]))
        lines.insert(above, f"\n{escape(_clip(profile.bio, left))}")
    return "\n".join(lines)


def card_caption(card: Card) -> str:
    return profile_caption(
        card.user.profile,
        first_line_extra=f" · {distance(card.distance_km)}",
        shared=card.shared_interests,
        note=card.note,
    )


def own_profile(profile: Profile, wishes: Preferences, *, above: str = "", below: str = "") -> str:
    """The profile as others see it, and below it whom the member will see."""
    around = "\n\n".join([above, preferences(wishes), below, ""])
    caption = profile_caption(profile, first_line_extra=f" · {profile.place}", room=MAX_CAPTION - _shown_length(around))
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


# ---- Browsing


def liked() -> str:
    return _("❤️ Liked")


def passed() -> str:
    return _("Passed")


def undone() -> str:
    return _("↩️ Taken back")


def nothing_to_undo() -> str:
    return _("There is nothing to take back.")


def card_out_of_date() -> str:
    return _("This card is out of date. Here is the next one.")


def blocked(name: str) -> str:
    return _("🚫 {name} is blocked. You will not see each other again.").format(name=name)


def ask_note(name: str) -> str:
    return format_html(_("💌 Write a few words to {name}. They are shown with your like."), name=name)


def note_sent(name: str) -> str:
    return format_html(_("💌 {name} will see your words with your like."), name=name)


def deck_empty() -> str:
    return _("🌙 <b>You have seen everybody who fits right now.</b>")


def deck_empty_reason(widening: Widening) -> str:
    if widening.criterion == "age":
        return ngettext(
            "{count} person is outside your age range.", "{count} people are outside your age range.", widening.kept_out
        ).format(count=widening.kept_out)
    return ngettext(
        "{count} person is farther away than you want.",
        "{count} people are farther away than you want.",
        widening.kept_out,
    ).format(count=widening.kept_out)


def deck_empty_no_reason() -> str:
    return _("New people join every day: look in again later. I will tell you when somebody likes you.")


def widen(widening: Widening) -> str:
    if widening.age_range:
        return _("Age {range} (+{count})").format(range=age_range(*widening.age_range), count=widening.would_add)
    return _("Distance: {distance} (+{count})").format(distance=max_distance(widening.max_km), count=widening.would_add)


def paused() -> str:
    return _("⏸ You are paused: nobody sees you, and you see nobody. Your matches can still write to you.")


def finish_profile_first() -> str:
    return _("Let us finish your profile first.")


# ---- Likes and matches


def somebody_likes_you() -> str:
    return _("💘 Somebody likes you! Look through your cards to find out who.")


def matched(name: str) -> str:
    return format_html(_("🎉 <b>It’s a match!</b> You and {name} like each other."), name=name)


def opener(shared: Sequence[str]) -> str:
    known = [slug for slug in shared if slug in INTERESTS]
    if known:
        return format_html(_("💡 You both like {interest}: a good way to begin."), interest=str(INTERESTS[known[0]]))
    return _("💡 Ask what made them smile today: a good way to begin.")


def matches(count: int) -> str:
    if not count:
        return _("You have no matches yet. Every like brings you closer.")
    return ngettext("💞 You have {count} match.", "💞 You have {count} matches.", count).format(count=count)


# ---- Conversations


def chat_opened(name: str) -> str:
    return format_html(
        _(
            "💬 <b>You are talking to {name}.</b> What you write now goes to {name}, "
            "without your Telegram name or number."
        ),
        name=name,
    )


def chat_placeholder(name: str) -> str:
    return _("Message to {name}").format(name=name)


def chat_menu_label(name: str) -> str:
    return f"⋯ {name}"


def is_chat_menu_label(text: str) -> bool:
    """Whatever the name: the partner may have changed it since the keyboard was shown."""
    return text.startswith(chat_menu_label(""))


def chat_leave_label(name: str) -> str:
    return _("✖️ Leave the chat with {name}").format(name=name)


def is_chat_leave_label(text: str) -> bool:
    """Whatever the name and the language, as above."""
    around_name = (label.split("\0") for label in _in_every_language(lambda: chat_leave_label("\0")))
    return any(text.startswith(before) and text.endswith(after) for before, after in around_name)


def chat_left(name: str) -> str:
    return format_html(_("You left the chat with {name}. Your match stays: open it again in /matches."), name=name)


def chat_actions(name: str) -> str:
    return format_html(_("What about {name}?"), name=name)


def cannot_relay() -> str:
    return _("I cannot pass this on. Text, photos, voice, videos, stickers, documents and animations work.")


def contact_not_relayed() -> str:
    return _(
        "I do not pass on contacts or places. To exchange contacts, use ⋯ and “Exchange contacts”: "
        "both of you must agree."
    )


def partner_ended(name: str) -> str:
    return format_html(_("{name} has ended the match. You cannot write to each other any more."), name=name)


def you_ended(name: str) -> str:
    return format_html(_("You and {name} are no longer matched."), name=name)


def confirm_unmatch(name: str) -> str:
    return format_html(
        _("End the match with {name}? You will not see each other again. This cannot be undone."), name=name
    )


def nobody_to_write_to() -> str:
    return _("No chat is open, so this went to nobody. Open one of your matches first:")


def explain_contact(name: str) -> str:
    return format_html(
        _(
            "🤝 When you and {name} both agree, each of you sees the other’s Telegram @username. "
            "Until then nobody sees anything."
        ),
        name=name,
    )


def contact_waiting(name: str) -> str:
    return format_html(
        _("🤝 You agreed. As soon as {name} agrees too, you both see each other’s @username."), name=name
    )


def contact_asked(name: str) -> str:
    return format_html(
        _(
            "🤝 {name} would like to exchange Telegram contacts. "
            "When you agree, each of you sees the other’s @username."
        ),
        name=name,
    )


def contact_shown(name: str, username: str) -> str:
    return format_html(_("🤝 You both agreed. {name} on Telegram: @{username}"), name=name, username=username)


# ---- Reports


def ask_report_reason(name: str) -> str:
    return format_html(_("🚩 What is wrong with {name}? {name} will not learn who reported."), name=name)


def report_thanks() -> str:
    return _("🙏 Thank you. A moderator will look at it. If you like, write now in your own words what happened.")


def report_words_added() -> str:
    return _("🙏 Thank you, I added your words to the report.")


def person_gone() -> str:
    return _("This person is not here any more.")


# ---- Settings


def settings() -> str:
    return _("⚙️ <b>Settings</b>")


def language_set() -> str:
    return _("I speak English now.")


def ask_language() -> str:
    return _("Which language shall I speak?")


def pause_on() -> str:
    return _("⏸ You are paused. Nobody sees you until you go on.")


def pause_off() -> str:
    return _("▶️ Welcome back! Others can see you again.")


def confirm_delete() -> str:
    return _(
        "🗑 <b>Delete your account?</b>\n\n"
        "Your profile, photos, likes, matches and messages are erased at once, for good. "
        "If you only need a break, pause instead."
    )


def deleted() -> str:
    return _("Everything about you is erased. Thank you for having been here. If you ever want to return: /start")


def help_text() -> str:
    return _(
        "ℹ️ <b>How it works</b>\n\n"
        "/browse – see people, one card at a time\n"
        "/matches – your matches and chats\n"
        "/profile – your profile\n"
        "/preferences – whom you want to see\n"
        "/settings – pause, language, delete account\n\n"
        "❤️ like · 💌 like with a few words · ✖️ pass · ↩️ take the last one back\n"
        "When two like each other, it is a match and you can talk here. To answer a particular person, "
        "reply to their message. Report or block anybody with the buttons on their card or in the chat."
    )


def unknown_command() -> str:
    return _("I do not know this command. /help shows what I can do.")


def unknown_tap() -> str:
    return _("This button does not work any more. /help shows what I can do.")


def apology() -> str:
    return _(
        "😔 Something went wrong on our side. We have kept what you sent and will try it again; "
        "there is nothing you need to do."
    )


COMMANDS = ("browse", "matches", "profile", "preferences", "settings", "help")


def command_description(command: str) -> str:
    return {
        "browse": _("See people"),
        "matches": _("Your matches and chats"),
        "profile": _("Your profile"),
        "preferences": _("Whom you want to see"),
        "settings": _("Pause, language, delete account"),
        "help": _("How it works"),
    }[command]


def bot_description() -> str:
    return _("Meet people who are looking for somebody like you. If you both like each other, you talk right here.")


# ---- What a rule says when it refuses


def rule(code: str, params: dict[str, object]) -> str:
    """The explanation of a RuleError: what is wrong and what would be right."""
    explanations = {
        "name_empty": _("Please send your first name in letters."),
        "name_too_long": _("This name is too long: {max} characters at most."),
        "name_contact": _("Only your name, please, without links or numbers."),
        "birth_date_impossible": _("This date cannot be right. Write it as day.month.year, for example 24.08.1998."),
        "place_unknown": place_unknown(),
        "place_too_soon": _(
            "You changed your place a short while ago. To protect everybody’s privacy, "
            "this is possible once in {hours} hours."
        ),
        "interest_unknown": unknown_tap(),
        "interests_too_many": _("You can choose up to {max}. Take one away first."),
        "bio_too_long": _("This has {length} characters; up to {max} are possible. Please shorten it."),
        "profile_incomplete": _("Something is still missing in your profile. Please go through it with Back."),
        "photos_too_many": _("You can have up to {max} photos. Take one away first."),
        "photo_last": _("One photo must stay. Add another one before you remove it."),
        "seeking_nobody": _("Choose at least one."),
        "age_range_impossible": _("Ages from {min} to {max} are possible, the lower one first."),
        "distance_impossible": unknown_tap(),
        "note_too_long": _("This has {length} characters; up to {max} are possible. Please shorten it."),
        "match_gone": _("This match has ended."),
        "person_gone": person_gone(),
        "undo_matched": _("You two have matched. To part, end the match in the chat."),
        "partner_unreachable": _("{name} cannot be reached right now. Your message was not delivered."),
        "username_missing": _("You have no Telegram @username. Set one in Telegram’s settings, then try again."),
    }
    return escape(explanations[code].format(**params))


def _in_every_language(label: Callable[[], str]) -> set[str]:
    """A label as it may stand on a keyboard that is older than a change of language."""
    labels = set()
    for language in Language.values:
        with override(language):
            labels.add(label())
    return labels
