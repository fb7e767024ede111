"""What is written down about the members of studies: that they were exposed, and what they did next.

Without models, which this app's own __init__ cannot import: code asks for flags before Django has its registry.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.contrib.auth import get_user_model
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.flags import live

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from apps.flags.experiments.models import Metric

log = structlog.get_logger(__name__)

# About 20 MB. A member who has been forgotten costs one INSERT that changes nothing.
MAX_REMEMBERED = 100_000

Key = tuple[UUID, UUID]  # study and member
_remembered: OrderedDict[Key, None] = OrderedDict()


# ---- Exposures


def expose(study: UUID, variant: str, member: UUID) -> None:
    """Writes the member's first exposure, in the caller's transaction; nothing when this process has done so before.

    Who asks for a flag wants an answer and no error. So it is written inside a savepoint, and what goes wrong there is
    logged and no more; only when the database has taken the caller's transaction along does the error come through,
    for it is the true reason of all that fails next. In a transaction that is broken already nothing is written. Of a
    member who is not saved, or is just being erased, nothing is written either, and nobody waits for that.
    """
    key = (study, member)
    if key in _remembered or connection.needs_rollback or _is_pending(key):
        return
    try:
        with transaction.atomic():
            _insert(study, variant, member)
            transaction.on_commit(_Remember(key))
    except (DatabaseError, SynchronousOnlyOperation) as error:
        if connection.needs_rollback:
            raise
        log.warning("exposure_not_logged", study=str(study), error=type(error).__name__)


def forget() -> None:
    """As after the start of the process."""
    _remembered.clear()


class _Remember:
    """What Django does once the exposure is committed, and forgets when it is rolled back."""

    def __init__(self, key: Key) -> None:
        self.key = key

    def __call__(self) -> None:
        _remembered[self.key] = None
        if len(_remembered) > MAX_REMEMBERED:
            _remembered.popitem(last=False)


def _is_pending(key: Key) -> bool:
    """Written by the open transaction, and not by a savepoint that was rolled back: Django drops that one's hooks."""
    return any(isinstance(hook, _Remember) and hook.key == key for _, hook, *_ in connection.run_on_commit)


def _insert(study: UUID, variant: str, member: UUID) -> None:
    # the lock is what the foreign key takes anyway, and keeps it from failing when the caller commits
    members = connection.ops.quote_name(get_user_model()._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO flags_exposure (study, variant, member_id, at)
            SELECT %s, %s, id, %s FROM {members} WHERE id = %s FOR KEY SHARE SKIP LOCKED
            ON CONFLICT DO NOTHING
            """,  # noqa: S608 the name of a table of our own
            [study, variant, timezone.now(), member],
        )


# ---- Outcomes


def is_recording() -> bool:
    """Whether any study runs, for those who would have to look something up before they can `record`."""
    return bool(live.current().running)


def record(metric: "Metric", *members: "AbstractBaseUser | UUID") -> None:
    """They have done this: counts in each running study in which they were exposed before, the first time only.

    In the caller's transaction: one statement, and none while no study runs. Two at once write in the same order, so
    that none waits for the other in a circle. Safe to call twice.
    """
    studies = live.current().running
    if not studies:
        return
    ids = [member if isinstance(member, UUID) else member.pk for member in members]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO flags_outcome (exposure_id, metric, at)
            SELECT id, %s, %s FROM flags_exposure WHERE study = ANY(%s) AND member_id = ANY(%s) ORDER BY id
            ON CONFLICT DO NOTHING
            """,
            [metric, timezone.now(), list(studies), ids],
        )
