"""Whom a broadcast is for, and how far it has come."""

import json
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.flags.headcount import fitting
from apps.flags.state import State
from apps.notifications.broadcasts.models import Broadcast, NewsOptOut
from apps.notifications.models import Delivery
from apps.users.models import Member

Status = Delivery.Status


@dataclass(frozen=True)
class Progress:
    """`waiting` are made and not sent yet. Delivered, blocked and failed are what became of the others."""

    delivered: int = 0
    blocked: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def done(self) -> int:
        return self.delivered + self.blocked + self.failed


def audience(broadcast: Broadcast) -> QuerySet[Member]:
    """Listed members of the segment who want news. Raises InvalidChangeError when the segment cannot be read."""
    rules = State.read({"segment": broadcast.segment}).segment
    members: QuerySet[Member] = fitting(rules).exclude(Exists(NewsOptOut.objects.filter(user=OuterRef("pk"))))
    return members


def headcount(broadcast: Broadcast) -> int:
    return audience(broadcast).count()


def wants_news(user_id: UUID) -> bool:
    return not NewsOptOut.objects.filter(user=user_id).exists()


def progress(broadcast: Broadcast) -> Progress:
    """One query. Blocked: those who have blocked the bot, or left Telegram, since it began."""
    if broadcast.results:
        return Progress(**broadcast.results)
    is_blocked = Q(status=Status.FAILED, user__unreachable_at__isnull=False)
    counts = Delivery.objects.filter(broadcast=broadcast).aggregate(
        delivered=Count("pk", filter=Q(status=Status.SENT)),
        blocked=Count("pk", filter=is_blocked),
        failed=Count("pk", filter=Q(status=Status.FAILED) & ~is_blocked),
        waiting=Count("pk", filter=Q(status__in=[Status.PENDING, Status.IN_FLIGHT])),
    )
    return Progress(**counts)


def fingerprint(broadcast: Broadcast) -> str:
    """Of all that members would notice: who confirms a start says by it what they have seen."""
    texts = (broadcast.text_en, broadcast.text_es, broadcast.text_ru)
    seen = json.dumps([*texts, broadcast.segment, broadcast.per_minute, str(broadcast.starts_at)], sort_keys=True)
    return sha256(seen.encode()).hexdigest()[:16]
