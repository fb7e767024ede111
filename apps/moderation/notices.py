"""Writes into the outbox what members are to learn, each once, in their language."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import override

from apps.moderation import texts
from apps.moderation.models import Appeal, Case, Decision, Report
from apps.notifications.models import Priority
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import User
from apps.users.staff_settings import settings_of


def appeal_button(decision: Decision) -> dict[str, Any]:
    """As the bot's routes read it back."""
    return {"inline_keyboard": [[{"text": texts.appeal_label(), "callback_data": f"appeal:{decision.pk.hex}"}]]}


def send_statement(decision: Decision, member: User) -> None:
    with override(member.language):
        markup = {"reply_markup": appeal_button(decision)}
        _tell(member, lambda: texts.statement(decision), key=f"statement:{decision.pk}", **markup)


def send_taken_back(decision: Decision, member: User) -> None:
    _tell(member, texts.taken_back, key=f"taken-back:{decision.pk}")


def send_is_over(member: User, until: datetime) -> None:
    _tell(member, texts.is_over, key=f"restriction-over:{member.pk}:{int(until.timestamp())}")


def send_appeal_decided(appeal: Appeal) -> None:
    def text() -> str:
        is_overturned = appeal.status == Appeal.Status.OVERTURNED
        first = texts.appeal_overturned() if is_overturned else texts.appeal_upheld()
        signed = [texts.by(settings_of(appeal.decided_by_id).pseudonym)] if appeal.decided_by_id else []
        return "\n\n".join([first, *([texts.answer(appeal.answer)] if appeal.answer else []), *signed])

    _tell(appeal.member, text, key=f"appeal:{appeal.pk}")


def send_verified(member: User, attempt_id: UUID, until: datetime) -> None:
    _tell(member, lambda: texts.verified(until), key=f"verification:{attempt_id}")


def send_not_verified(member: User, attempt_id: UUID, reason: str) -> None:
    _tell(member, lambda: texts.not_verified(reason), key=f"verification:{attempt_id}")


def send_outcomes(case: Case) -> None:
    """To everybody whose report was decided with this case; once for each case, also when it is decided anew."""
    reports = Report.objects.filter(case=case, reporter__isnull=False).exclude(outcome=Report.Outcome.PENDING)
    for report in reports.select_related("reporter").order_by("reporter", "-created_at").distinct("reporter"):
        assert report.reporter
        is_upheld = report.outcome == Report.Outcome.UPHELD
        text = texts.report_upheld if is_upheld else texts.report_dismissed
        _tell(report.reporter, text, key=f"report-outcome:{case.pk}:{report.reporter_id}")


def _tell(member: User, text: Callable[[], str], *, key: str, **params: Any) -> None:
    assert member.telegram_id is not None
    with override(member.language):
        said = {"text": text(), "parse_mode": "HTML", **params}
    enqueue([Outgoing(member.telegram_id, "sendMessage", said, user=member, priority=Priority.ALERT, key=key)])
