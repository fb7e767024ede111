"""Planned changes: approved by a second person, made when they are due, or closed with the reason why not."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from apps.flags import services
from apps.flags.errors import ClosedError, FlagError, InvalidChangeError, NotAllowedError
from apps.flags.models import PlannedChange
from apps.flags.rollout.models import Request
from apps.flags.rollout.selectors import due

log = structlog.get_logger(__name__)
APPROVE = "flags.approve_plannedchange"
MAX_REMARK = 500


class Person(Protocol):
    """Somebody signed in, whose rights can be asked for."""

    pk: Any

    def has_perm(self, perm: str) -> bool: ...


def approve(key: UUID, *, by: Person) -> PlannedChange:
    """Makes the change if it is due; one that fits no more ends as failed. Raises NotAllowedError, ClosedError."""
    with transaction.atomic():
        planned = _locked(key)
        record_approval(planned, by=by)
        planned.save()
        if planned.due_at is None or planned.due_at <= timezone.now():
            _apply(planned)
        return planned


def refuse(key: UUID, *, by: Person, reason: str) -> PlannedChange:
    """Raises NotAllowedError, ClosedError, InvalidChangeError without a reason."""
    with transaction.atomic():
        planned = _locked(key)
        check_second_person(planned, by)
        if not reason.strip():
            raise InvalidChangeError("say why it is refused")
        _close(planned, PlannedChange.Status.REFUSED, remark=reason.strip(), by=by)
        return planned


def withdraw(key: UUID, *, by: Person) -> PlannedChange:
    """By who asked for it; what nobody signed in has asked for, by whoever may change flags.

    Raises NotAllowedError, ClosedError.
    """
    with transaction.atomic():
        planned = _locked(key)
        if not may_withdraw(planned, by):
            raise NotAllowedError("only who asked for it can withdraw it")
        _close(planned, PlannedChange.Status.WITHDRAWN, by=by)
        return planned


def may_withdraw(planned: PlannedChange, person: Person) -> bool:
    return person.has_perm("flags.change_flag") and planned.by_id in (None, person.pk)


def apply_due_changes() -> None:
    """Safe to run twice, and side by side: each is made under its lock, by whoever gets it, if it still waits."""
    for key in due(timezone.now()).values_list("pk", flat=True):
        with transaction.atomic():
            locked = due(timezone.now()).select_for_update(skip_locked=True, of=("self",))
            planned = locked.select_related("by", "approved_by").filter(pk=key).first()
            if planned:
                _apply(planned)


def _locked(key: UUID) -> PlannedChange:
    planned = PlannedChange.objects.select_for_update(of=("self",)).select_related("by", "approved_by").get(pk=key)
    if planned.status != PlannedChange.Status.WAITING:
        raise ClosedError(f"it is closed already: {planned.get_status_display().lower()}")
    return planned


def _apply(planned: PlannedChange) -> None:
    try:
        revision = services.change(
            planned.flag,
            by=planned.by,
            reason=reason_with_origin(planned, planned.reason, due_at=planned.due_at),
            expected_version=planned.seen_version,
            approval=planned,
            **planned.fields,
        )
    except FlagError as error:
        log.warning("planned_change_failed", flag=planned.flag, planned_change=str(planned.pk))
        _close(planned, PlannedChange.Status.FAILED, remark=str(error))
        return
    planned.revision = revision.sequence if revision else None
    _close(planned, PlannedChange.Status.APPLIED)


def _close(planned: PlannedChange, status: PlannedChange.Status, *, remark: str = "", by: Person | None = None) -> None:
    planned.status, planned.remark, planned.closed_at = status, remark[:MAX_REMARK], timezone.now()
    planned.closed_by_id = by.pk if by else None
    planned.save()


# ---- The second person, of planned changes and of ramps


def record_approval(request: Request, *, by: Person) -> None:
    """Sets who and when; the caller saves. Raises NotAllowedError, ClosedError when there is nothing to approve."""
    check_second_person(request, by)
    if not request.waits_for_approval:
        raise ClosedError("it does not wait for anybody’s approval")
    request.approved_by_id, request.approved_at = by.pk, timezone.now()


def check_second_person(request: Request, person: Person) -> None:
    """Superusers have every right, but are no second person for what they want themselves. Raises NotAllowedError."""
    if not person.has_perm(APPROVE):
        raise NotAllowedError("this needs somebody with the right to approve changes of flags")
    if request.by_id == person.pk:
        raise NotAllowedError("you asked for this yourself: a second person has to decide")


def reason_with_origin(request: Request, reason: str, *, due_at: datetime | None = None) -> str:
    """With what the history must tell besides: for when it was planned, and who approved it."""
    origin = [f"planned for {due_at:%Y-%m-%d %H:%M} UTC"] if due_at else []
    if request.approved_by:
        origin.append(f"approved by {request.approved_by}")
    suffix = f" ({', '.join(origin)})" if origin else ""
    return reason[: services.MAX_REASON - len(suffix)] + suffix
