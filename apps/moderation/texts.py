"""What members read about decisions: HTML, in the language that is active."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.moderation.models import Decision, PolicyText, Verification
from apps.users.staff_settings import settings_of

Action = Decision.Action


def statement(decision: Decision) -> str:
    """The statement of reasons: what, until when, on what ground, by which rule, by whom, and what can be done."""
    language = get_language()
    lines = [_("⚖️ <b>A decision about your account</b>"), measure(decision)]
    if decision.template and (ground := decision.template.text_in(language)):
        lines.append(format_html(_("<b>Why:</b> {ground}"), ground=ground.text))
    if decision.words:
        lines.append(format_html(_("<b>The moderator writes:</b> {words}"), words=decision.words))
    if decision.policy and isinstance(rule := decision.policy.text_in(language), PolicyText):
        lines.append(
            format_html(
                _("<b>By which rule:</b> clause {clause} of the terms, “{title}”: {text}"),
                clause=decision.policy.clause,
                title=rule.title,
                text=rule.text,
            )
        )
    lines += [_how(decision), *_signed(decision.by_id), _what_can_be_done()]
    return "\n\n".join(lines)


def measure(decision: Decision) -> str:
    until = moment(decision.until) if decision.until else ""
    return {
        Action.WARN: _("This is a warning. Nothing changes for now."),
        Action.HIDE_PHOTO: _("A photo of your profile is not shown to anybody any more."),
        Action.EDIT_BIO: _("The words of your profile were taken out. You can write new ones."),
        Action.LIMIT: _("Until {until} you can look at people but not write to anybody.").format(until=until),
        Action.SUSPEND: _("Your account is suspended until {until}: nobody sees you, and you cannot use it.").format(
            until=until
        ),
        Action.BAN: _("Your account is banned: nobody sees you, and you cannot use it."),
    }[Action(decision.action)]


def _how(decision: Decision) -> str:
    if decision.is_automatic:
        return _("It was found and decided automatically. It holds everywhere.")
    if decision.case.findings.exists():
        return _(
            "It was noticed automatically. A moderator looked at it and decided; nothing was decided automatically. "
            "It holds everywhere on MeetsMatch."
        )
    return _(
        "It followed a report by a member. A moderator looked at it and decided; nothing was decided automatically. "
        "It holds everywhere on MeetsMatch."
    )


def _what_can_be_done() -> str:
    return _(
        "If you think that this is wrong, appeal within six months: tap below and say why. Another moderator "
        "will look at it, free of charge. You may also turn to a certified body for out-of-court settlement, or to a "
        "court."
    )


def _signed(person_id: UUID | None) -> list[str]:
    """By the pseudonym of who decided; nothing for what was decided automatically."""
    return [by(settings_of(person_id).pseudonym)] if person_id else []


def by(pseudonym: str) -> str:
    return format_html(_("<b>Decided by:</b> moderator “{name}”"), name=pseudonym)


def appeal_label() -> str:
    return _("✋ Appeal")


def taken_back() -> str:
    return _("⚖️ The decision about your account has been taken back. Everything is as it was before.")


def is_over() -> str:
    return _("✅ The time is over: you can use your account again as before.")


def appeal_upheld() -> str:
    return _("⚖️ Another moderator has looked at your appeal. The decision stays.")


def appeal_overturned() -> str:
    return _("⚖️ Another moderator has looked at your appeal and agrees with you. Everything is as it was before.")


def answer(words: str) -> str:
    return format_html(_("<b>The moderator writes:</b> {words}"), words=words)


def verified(until: datetime) -> str:
    return _("✅ Your photos are verified until {until}. Others see it on your card.").format(until=moment(until))


def not_verified(reason: str) -> str:
    why = {
        Verification.Reason.GESTURE: _("The gesture on it is not the one that was asked for."),
        Verification.Reason.PERSON: _("It does not show the person on your photos."),
        Verification.Reason.UNCLEAR: _("Your face cannot be seen well enough."),
        Verification.Reason.NOT_LIVE: _("It was not taken just now with a camera."),
    }[Verification.Reason(reason)]
    return _("🤳 A moderator looked at your selfie and could not verify your photos. {why} Try again: /verify").format(
        why=why
    )


def report_upheld() -> str:
    """Discreet: whoever sees the phone learns no name."""
    return _("🙏 About a report of yours: we have looked at it and done something about it. Thank you for your help.")


def report_dismissed() -> str:
    return _(
        "🙏 About a report of yours: we have looked at it and found nothing against the rules. Thank you all the same. "
        "You can block anybody whom you do not want to meet again."
    )


def moment(at: datetime) -> str:
    """With the zone, as in “Nov. 25, 2026, 9 p.m. UTC”."""
    return f"{date_format(timezone.localtime(at), 'DATETIME_FORMAT')} {timezone.localtime(at):%Z}"
