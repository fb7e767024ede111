"""Starting and stopping faults, and which of them there are."""

import time
from datetime import timedelta

import structlog
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now

from apps.core.errors import MeetsMatchError
from apps.core.resilience import faults
from apps.core.resilience.faults import OF_A_PROCESS, PROCESS, Active, Kind
from apps.core.resilience.models import LONGEST, Fault
from apps.core.resilience.policies import DEPENDENCIES

log = structlog.get_logger(__name__)
TARGETS = (*DEPENDENCIES, PROCESS)
PROCESSES = ("web", "sender", "worker", "beat")
# More than this is no test of a process but of its machine.
MOST_MEBIBYTES, MOST_MILLISECONDS = 1024, 30_000


class FaultError(MeetsMatchError):
    """This fault cannot be injected; the message says why."""


def start_fault(
    dependency: str,
    kind: str,
    *,
    secs: float,
    by: AbstractBaseUser | None,
    reason: str,
    rate: float = 1.0,
    amount: int = 0,
    process: str = "",
) -> Fault:
    """A fault that strikes within a second and ends by itself after `secs`. Raises FaultError."""
    _check(dependency, kind, secs=secs, reason=reason, rate=rate, amount=amount, process=process)
    with transaction.atomic():
        fault = Fault.objects.create(
            dependency=dependency,
            kind=kind,
            rate=rate,
            amount=amount,
            process=process,
            reason=reason.strip()[:200],
            by_id=by.pk if by else None,
            ends_at=Now() + timedelta(seconds=secs),
        )
        _write_down(by, fault, ADDITION, f"Started: {fault.reason}")
    log.warning("fault_started", fault=str(fault.pk), dependency=dependency, kind=kind, secs=secs, rate=rate)
    fault.refresh_from_db()
    return fault


def stop_faults(wanted: QuerySet[Fault], *, by: AbstractBaseUser | None) -> list[Fault]:
    """Those of them that had not ended, ended now. Always allowed, and safe to call twice."""
    with transaction.atomic():
        running = list(unended(wanted).select_for_update(of=("self",)))
        Fault.objects.filter(pk__in=[fault.pk for fault in running]).update(stopped_at=Now(), stopped_by=by)
        for fault in running:
            _write_down(by, fault, CHANGE, "Stopped")
    for fault in running:
        log.warning("fault_stopped", fault=str(fault.pk))
    return running


def unended(wanted: QuerySet[Fault] | None = None) -> QuerySet[Fault]:
    rows = Fault.objects.all() if wanted is None else wanted
    return rows.filter(ends_at__gt=Now(), stopped_at__isnull=True)


def faults_now(process: str) -> list[Active]:
    """What strikes processes of this kind, with its end by this process's own clock that cannot jump."""
    now = time.monotonic()
    left = ExpressionWrapper(F("ends_at") - Now(), DurationField())
    rows = unended().filter(Q(process="") | Q(process=process)).annotate(left=left)
    return [
        Active(row.pk, row.dependency, row.kind, row.rate, row.amount, ends=now + row.left.total_seconds())
        for row in rows
    ]


def _write_down(by: AbstractBaseUser | None, fault: Fault, flag: int, did: str) -> None:
    """The line in the audit log, under a name; without one the row itself, which nobody can change, is the record."""
    if by is not None:
        LogEntry.objects.create(
            user_id=by.pk,
            content_type=ContentType.objects.get_for_model(Fault),
            object_id=str(fault.pk),
            object_repr=str(fault),
            action_flag=flag,
            change_message=did,
        )


def _check(dependency: str, kind: str, *, secs: float, reason: str, rate: float, amount: int, process: str) -> None:
    limits = {
        f"there is no dependency {dependency}: {', '.join(TARGETS)}": dependency not in TARGETS,
        f"there is no kind {kind}: {', '.join(Kind.values)}": kind not in Kind.values,
        f"{kind} is no fault of {dependency}": (dependency == PROCESS) != (kind in OF_A_PROCESS),
        "only the media store can be full": kind == Kind.FULL and dependency != "media",
        f"there is no process {process}: {', '.join(PROCESSES)}": bool(process) and process not in PROCESSES,
        "the rate is a share, more than 0 and at most 1": not 0 < rate <= 1,
        f"it lasts from 1 to {LONGEST.total_seconds():.0f} seconds": not 1 <= secs <= LONGEST.total_seconds(),
        f"at most {MOST_MEBIBYTES} MiB": kind == Kind.MEMORY and not 0 < amount <= MOST_MEBIBYTES,
        f"at most {MOST_MILLISECONDS} ms": kind == Kind.SLOW and not 0 < amount <= MOST_MILLISECONDS,
        "a fault needs a reason": not reason.strip(),
        "faults are off here: the setting FAULT_INJECTION and the flag core.fault_injection must both be on": (
            not faults.are_allowed()
        ),
    }
    for problem, is_so in limits.items():
        if is_so:
            raise FaultError(problem)
