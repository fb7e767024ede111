"""Keeps a failing check from stopping anything, and writes its failure down where moderators see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from traceback import extract_tb

import structlog
from django.db import DatabaseError
from django.db.models import F, Q
from django.utils import timezone

from apps.moderation.models import Check

log = structlog.get_logger(__name__)
# That it works is written down no more often than this.
GRAIN = timedelta(minutes=1)


@contextmanager
def watched(name: str) -> Iterator[None]:
    """Whatever is raised inside ends here. The database's own errors do not: the task tries again."""
    try:
        yield
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 a model may raise anything, and must stop nothing
        failed(name, error)
    else:
        _worked(name)


def failed(name: str, error: Exception) -> None:
    """Writes down that a check has failed."""
    where = _where(error)
    log.error("check_failed", check=name, error=where)
    Check.objects.get_or_create(name=name)
    Check.objects.filter(name=name).update(failures=F("failures") + 1, failed_at=timezone.now(), error=where)


def _worked(name: str) -> None:
    now = timezone.now()
    old = Q(worked_at=None) | Q(worked_at__lt=now - GRAIN) | Q(failures__gt=0)
    if not Check.objects.filter(old, name=name).update(worked_at=now, failures=0):
        Check.objects.get_or_create(name=name, defaults={"worked_at": now})


def _where(error: Exception) -> str:
    """The kind of error and the line that raised it; not its words, which may hold what somebody wrote."""
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} ({frames[-1].name})" if frames else ""
    return f"{type(error).__name__}{place}"[:200]
