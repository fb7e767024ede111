"""Coming and going: the welcome, consent, settings, help, and what a rule says when it refuses."""

from datetime import datetime

from django.utils.html import escape, format_html
from django.utils.translation import gettext as _

from apps.bot.texts.meeting import person_gone
from apps.bot.texts.profile import place_unknown
from apps.moderation.texts import moment
from apps.moderation.verification.models import Gesture

BRAND = "MeetsMatch"


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
        "• Plus costs Telegram Stars, once for the days that its invoice says; nothing renews by itself. It ends with "
        "your account. How to get Stars back: /paysupport\n"
        "• You can leave at any time: /settings, then “Delete my account”."
    )


def privacy() -> str:
    return _(
        "🔒 <b>Privacy notice</b>\n\n"
        "• Members see your first name, age, rough distance, interests, bio and photos. Nothing else.\n"
        "• Your Telegram name, number and id are never shown, unless you and a match both agree to it.\n"
        "• Your place is kept only as an area of about 5 km². Your exact position is never stored.\n"
        "• Programs work out whom to show you, and you to whom: from profiles, likes and passes, and how often "
        "somebody answers. No other member sees what they make of you.\n"
        "• What you write to a match is stored encrypted. Programs look for scams and insults in it; a moderator reads "
        "it only when somebody reports it or a program has found something.\n"
        "• A selfie that you send to be verified is seen by moderators alone, and let go a week later.\n"
        "• Delete your account and all of this is erased at once. Only of somebody who is banned we keep a "
        "fingerprint, by which we know them when they come back and which tells nothing else about them.\n"
        "• Of what you pay we keep how many Stars, when, what for, and Telegram’s number of the payment. When you "
        "delete your account this stays in our books, but nothing in them says any more that it was you."
    )


def welcome_back(name: str) -> str:
    return format_html(_("👋 Good to see you, {name}!"), name=name)


def must_consent() -> str:
    return _("Please accept the terms and the privacy notice first.")


def unknown_visitor() -> str:
    return _("👋 Hello! Send /start to begin.")


def signup_closed() -> str:
    return _("We are not taking in new members right now. Please try again in a few days.")


def banned() -> str:
    return _("Your account is suspended because our rules were broken. You cannot use the service.")


def no_statement() -> str:
    return _("There is no decision about you that is in effect.")


def ask_appeal() -> str:
    return _("✋ Write in one message why you think that the decision is wrong. Another moderator will read it.")


def appeal_filed() -> str:
    return _("✋ Thank you. Your appeal is with another moderator; you will read the answer here within seven days.")


def ask_selfie(gesture: Gesture) -> str:
    return format_html(
        _(
            "🤳 <b>Show that your photos are of you</b>\n\n"
            "Take a selfie now, with this gesture: <b>{gesture}</b>. Send it here as a photo.\n\n"
            "A moderator compares it with your photos. No other member sees it, and we let go of it a week later."
        ),
        gesture=gesture.label,
    )


def selfie_taken() -> str:
    return _("🤳 Thank you! A moderator will look at it; you will read the answer here.")


def minor() -> str:
    return _(
        "Thank you for being honest. MeetsMatch is for people aged 18 and over, so we cannot let you in yet. "
        "We have erased everything you told us. Take care, and come back when you are 18. 💙"
    )


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


def news_on() -> str:
    return _("🔔 I will send you news from MeetsMatch now and then.")


def news_off() -> str:
    return _("🔕 No more news. Matches and messages still reach you.")


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
        "/settings – pause, language, delete account\n"
        "/report – report a message: reply to it with this\n\n"
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
        "plus": _("MeetsMatch Plus"),
        "help": _("How it works"),
    }[command]


def bot_description() -> str:
    return _("Meet people who are looking for somebody like you. If you both like each other, you talk right here.")


# ---- What a rule says when it refuses


def rule(code: str, params: dict[str, object]) -> str:
    """The explanation of a RuleError: what is wrong and what would be right."""
    if isinstance(until := params.get("until"), datetime):
        params = {**params, "until": moment(until)}
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
        **_about_likes_and_plus(),
        "match_gone": _("This match has ended."),
        "person_gone": person_gone(),
        "undo_matched": _("You two have matched. To part, end the match in the chat."),
        "partner_unreachable": _("{name} cannot be reached right now. Your message was not delivered."),
        "contact_exchange_off": _("Contacts cannot be exchanged at the moment."),
        "limited": _("Until {until} you can look at people but not write, as a moderator decided."),
        "appeal_gone": _("This decision cannot be appealed against any more."),
        "appeal_twice": _("You have appealed against this decision already."),
        "appeal_empty": _("Please say in your own words why the decision is wrong."),
        **_about_verification(),
        "username_missing": _("You have no Telegram @username. Set one in Telegram’s settings, then try again."),
    }
    return escape(explanations[code].format(**params))


def _about_likes_and_plus() -> dict[str, str]:
    return {
        "likes_used_up": _(
            "You have given {max} likes within 24 hours. You can like again from {until} on; passing is possible."
        ),
        "plus_off_sale": _("Plus is not on sale at the moment. You have paid nothing."),
        "plus_changed": _("This offer is out of date. You have paid nothing; the current one: /plus"),
        "plus_kept_out": _("Your account is suspended, so Plus would be of no use to you. You have paid nothing."),
    }


def checkout_failed() -> str:
    return _("Something went wrong on our side. You have paid nothing; please try again in a moment.")


def _about_verification() -> dict[str, str]:
    return {
        "verify_off": _("Photos cannot be verified at the moment."),
        "verify_no_photo": _("Add a photo first: /profile"),
        "verify_done": _("Your photos are verified until {until}."),
        "verify_waiting": _("Your selfie is with a moderator. You will read the answer here."),
        "verify_too_often": _("You have tried this several times lately. You can try again from {until} on."),
        "selfie_reused": _("You have sent this photo before. Please take a new selfie with the gesture."),
        "selfie_forwarded": _("Please take the selfie now, and send it yourself."),
    }
