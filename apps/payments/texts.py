"""What members read of Plus and of payments, and what staff are told. Called while the reader's language is active."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.payments.models import Purchase
from apps.payments.selectors import Offer, has_plus
from apps.users.models import User


def title() -> str:
    """At most 32 characters, as Telegram takes it."""
    return _("MeetsMatch Plus")


def description(on_offer: Offer) -> str:
    """Under the title of an invoice: at most 255 characters."""
    return ngettext(
        "{days} day of Plus, for one payment. Nothing renews by itself.",
        "{days} days of Plus, for one payment. Nothing renews by itself.",
        on_offer.days,
    ).format(days=on_offer.days)


def screen(user: User, on_offer: Offer | None, *, likes: int, likes_without: int, waiting: int | None) -> str:
    """/plus. `waiting`: how many like the member and wait for an answer; None for who has no Plus."""
    parts = [_("⭐ <b>MeetsMatch Plus</b>")]
    if has_plus(user):
        parts.append(_has_it(user))
    if waiting is not None:
        parts.append(_who_waits(waiting))
    if on_offer is None and not has_plus(user):
        parts.append(_("Plus is not on sale at the moment."))
    else:
        parts.append(_what_it_gives(likes, likes_without))
    if on_offer:
        parts.append(_what_it_costs(on_offer))
    return "\n\n".join(parts)


def _has_it(user: User) -> str:
    assert user.plus_until is not None, "a member with Plus"
    return _("✅ You have it until {until}.").format(until=moment(user.plus_until))


def _who_waits(waiting: int) -> str:
    if not waiting:
        return _("❤️ Nobody waits for your answer at the moment.")
    return ngettext(
        "❤️ {count} person likes you and waits for your answer. You find them among your cards: /browse",
        "❤️ {count} people like you and wait for your answer. You find them among your cards: /browse",
        waiting,
    ).format(count=waiting)


def _what_it_gives(likes: int, likes_without: int) -> str:
    return _(
        "What it gives you:\n"
        "• {likes} likes within 24 hours; without it {likes_without}\n"
        "• You see here how many people like you and wait for your answer\n"
        "Nothing else changes. You are shown to others just as before."
    ).format(likes=likes, likes_without=likes_without)


def _what_it_costs(on_offer: Offer) -> str:
    days = ngettext("{days} day", "{days} days", on_offer.days).format(days=on_offer.days)
    return _(
        "{stars} Telegram Stars for {days}. It is one payment: nothing renews by itself. Who buys again adds to the "
        "days they have.\n\n"
        "Stars back, or help with a payment: /paysupport · Terms: /terms"
    ).format(stars=on_offer.stars, days=days)


def buy_label(stars: int) -> str:
    return _("⭐ Buy for {stars} Stars").format(stars=stars)


def thanks(user: User) -> str:
    if user.is_kept_out:
        return _(
            "⭐ Your payment has arrived, but your account is suspended and you cannot use what you paid for. "
            "Ask for your Stars back: /paysupport"
        )
    if not has_plus(user):
        return _("⭐ Your payment has arrived, but we cannot tell what it was for. Please write to us: /paysupport")
    assert user.plus_until is not None, "a member with Plus"
    return _("⭐ Thank you! You have Plus until {until}. Then it ends by itself. What you have: /plus").format(
        until=moment(user.plus_until)
    )


def ends_with_account(user: User) -> str:
    assert user.plus_until is not None, "a member with Plus"
    return _(
        "⭐ Your Plus, which lasts until {until}, ends with your account. "
        "If you want Stars back, ask first: /paysupport"
    ).format(until=moment(user.plus_until))


def no_account() -> str:
    return _("You have no account here, so there is nothing that you could pay for.")


def paid_without_account() -> str:
    return _("Your payment arrived after your account was gone, so we are sending your Stars back.")


def refunded(stars: int, user: User) -> str:
    sent = ngettext("⭐ We have sent you {stars} Star back.", "⭐ We have sent you {stars} Stars back.", stars)
    if not has_plus(user):
        return sent.format(stars=stars) + " " + _("Your Plus has ended.")
    assert user.plus_until is not None, "a member with Plus"
    until = moment(user.plus_until)
    return sent.format(stars=stars) + " " + _("You still have Plus until {until}.").format(until=until)


def commands() -> str:
    """Lines for /help."""
    return "/plus – {plus}\n/paysupport – {support}\n/terms – {terms}".format(
        plus=_("MeetsMatch Plus"), support=_("Help with a payment"), terms=_("Terms")
    )


def support(purchases: Sequence[Purchase]) -> str:
    help_text = format_html(
        _(
            "🛟 <b>Help with a payment</b>\n\n"
            "Write to {contact}: say what went wrong and give the number of the payment. You can have your Stars back "
            "for what you did not get; if you have changed your mind, ask as well. Telegram’s own support cannot help "
            "with payments to us."
        ),
        contact=settings.SUPPORT_CONTACT or "–",
    )
    if not purchases:
        return f"{help_text}\n\n" + _("You have not paid for anything here.")
    return f"{help_text}\n\n" + "\n".join(_line(each) for each in purchases)


def _line(purchase: Purchase) -> str:
    day = date_format(timezone.localtime(purchase.bought_at), "SHORT_DATE_FORMAT")
    line = _("• {number} · {day} · {stars} Stars").format(number=purchase.number, day=day, stars=purchase.stars)
    return line + (" · " + _("sent back") if purchase.refunded_at else "")


def moment(at: datetime) -> str:
    """With the zone, as in “Nov. 25, 2026, 9 p.m. UTC”."""
    return f"{date_format(timezone.localtime(at), 'DATETIME_FORMAT')} {timezone.localtime(at):%Z}"


# ---- For staff


def reason_missing() -> str:
    return _("Say why the Stars go back.")


def buyer_gone() -> str:
    return _("Whoever paid has erased their account. The runbook says how their Stars can be sent back.")


def returned_already() -> str:
    return _("The Stars are back with the member already.")
