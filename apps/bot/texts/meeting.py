"""The deck, likes and matches, conversations, reports."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.bot.texts.labels import in_every_language
from apps.bot.texts.profile import age_range, max_distance
from apps.matching.selectors import Widening
from apps.users.catalogue import INTERESTS

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


def photos_hidden() -> str:
    return _(
        "📷 Your photos were hidden by a moderator, so nobody sees you and you see nobody. "
        "Add a photo that keeps to the rules, and you are back."
    )


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
    around_name = (label.split("\0") for label in in_every_language(_nameless_leave_label))
    return any(text.startswith(before) and text.endswith(after) for before, after in around_name)


def _nameless_leave_label() -> str:
    return chat_leave_label("\0")


def chat_left(name: str) -> str:
    return format_html(_("You left the chat with {name}. Your match stays: open it again in /matches."), name=name)


def chat_actions(name: str) -> str:
    return format_html(_("What about {name}?"), name=name)


def cannot_relay() -> str:
    return _("I cannot pass this on. Text, photos, voice, videos, stickers, documents and animations work.")


def only_text_relayed() -> str:
    return _("Only text can be passed on at the moment. Please say it in words.")


def contact_not_relayed() -> str:
    return _(
        "I do not pass on contacts or places. To exchange contacts, use ⋯ and “Exchange contacts”: "
        "both of you must agree."
    )


def are_you_sure(name: str) -> str:
    return format_html(
        _("🤔 Are you sure? This could hurt {name}. It has not been sent; nobody has seen it."), name=name
    )


def sent_anyway() -> str:
    return _("📨 Sent.")


def not_sent() -> str:
    return _("👍 Not sent. Nobody has seen it.")


def unsent_gone() -> str:
    return _("This was answered already, or it was too long ago. Write it again if you like.")


def does_it_bother() -> str:
    return _("⚠️ Does this bother you? Tap the blurred part to see it.")


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


def ask_why_blocked(name: str) -> str:
    return format_html(
        _("Did {name} do something that others should be kept from? A report helps; {name} will not learn of it."),
        name=name,
    )


def how_to_report() -> str:
    return _(
        "🚩 To report a message, reply to it with /report. To report a person, "
        "use the button on their card or in the chat."
    )


def report_thanks() -> str:
    return _("🙏 Thank you. A moderator will look at it. If you like, write now in your own words what happened.")


def report_words_added() -> str:
    return _("🙏 Thank you, I added your words to the report.")


def person_gone() -> str:
    return _("This person is not here any more.")
