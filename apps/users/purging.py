"""Tells the edge which profiles have changed: the outbox of purges, kept by the database's own triggers.

Whatever changes what others may see of a member, a service, an admin's page or a line of SQL, counts up the profile's
version in the same transaction. A version that is not sent yet is what is due. So no purge is lost, and none is sent
before its commit; one that is sent twice does no harm.
"""

import threading
from collections.abc import Mapping
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.db.models import Exists, F, OuterRef

from apps.core.errors import GatewayError
from apps.core.gateways.edge import MAX_PURGES, Edge
from apps.users.models import ProfileVersion, User

log = structlog.get_logger(__name__)
SWEEP_SECS = 0.25
# There is nobody to tell; only what has gone is forgotten.
SWEEP_WITHOUT_EDGE_SECS = 30.0
RETRY_SECS = 1.0


def publish(edge: Edge | None) -> int:
    """Sends the purges that are due, one batch; how many they were. Raises GatewayError, and they stay due.

    Without an edge they count as sent: one that is set up later has nothing cached yet.
    """
    due = ProfileVersion.objects.filter(sent__lt=F("number")).values_list("user_id", "number")[:MAX_PURGES]
    versions = dict(due)
    if versions:
        if edge:
            edge.purge(versions)
        _record_sent(versions)
    return len(versions)


def _record_sent(versions: Mapping[UUID, int]) -> None:
    """What changed again meanwhile stays due. Of members who were erased nothing is left after this."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE users_profileversion AS version SET sent = greatest(sent, done.number)"
                " FROM unnest(%s::uuid[], %s::bigint[]) AS done (user_id, number) WHERE version.user_id = done.user_id",
                [list(versions), list(versions.values())],
            )
        erased = ~Exists(User.objects.filter(pk=OuterRef("pk")))
        ProfileVersion.objects.filter(erased, pk__in=list(versions), sent__gte=F("number")).delete()


class Publisher(threading.Thread):
    """Sends what is due, four times a second, until it is stopped. Any number may run."""

    def __init__(self, edge: Edge | None) -> None:
        super().__init__(name="purges", daemon=True)
        self._edge = edge
        self._stopping = threading.Event()
        self._is_failing = False

    def run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self._round())

    def stop(self) -> None:
        """Nothing more is sent; what is due stays due."""
        self._stopping.set()

    def _round(self) -> float:
        """How long to wait for the next one."""
        try:
            count = publish(self._edge)
        except (GatewayError, DatabaseError, InterfaceError) as error:
            if not self._is_failing:
                reason = str(error) if isinstance(error, GatewayError) else type(error).__name__
                log.error("purges_not_sent", reason=reason)
            self._is_failing = True
            close_old_connections()
            return RETRY_SECS
        self._is_failing = False
        if count == MAX_PURGES:
            return 0
        return SWEEP_SECS if self._edge else SWEEP_WITHOUT_EDGE_SECS
