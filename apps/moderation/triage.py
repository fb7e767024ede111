"""What comes first: severity, the clock that runs on it, reporters' accuracy, and the priority made of them.

Everything here is arithmetic on what the caller has read; nothing asks the database.

The priority of a case at a moment is, in hours,

    base(severity) + 12 · log2(1 + Σ accuracy of its reporters) + its age

with the base from `BASE_HOURS`. An accuracy is (upheld + 1) / (decided + 2), Laplace's rule of succession: a half for
whoever never reported, nearly one for whoever is always right. So the first report of somebody unknown weighs 7 hours,
and a doubling of the reporters' weight 12 more. Since every case ages alike, the order of two cases never changes by
time alone: stored is the part that stands still, with the moment of opening in place of the age, and an index on it is
the queue.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import log2

from django.db import models
from django.utils.translation import gettext_lazy as _


class Severity(models.IntegerChoices):
    LOW = 1, _("Low")
    MEDIUM = 2, _("Medium")
    HIGH = 3, _("High")
    CRITICAL = 4, _("Critical")


SEVERITY_OF_REASON = {
    "underage": Severity.CRITICAL,
    "harassment": Severity.HIGH,
    "photo": Severity.HIGH,
    "spam": Severity.MEDIUM,
    "fake": Severity.MEDIUM,
    "other": Severity.LOW,
}
BASE_HOURS = {Severity.LOW: 0.0, Severity.MEDIUM: 24.0, Severity.HIGH: 72.0, Severity.CRITICAL: 240.0}
HOURS_PER_DOUBLING = 12.0
# By when a case of this severity is to be decided.
DUE_WITHIN = {
    Severity.LOW: timedelta(hours=72),
    Severity.MEDIUM: timedelta(hours=24),
    Severity.HIGH: timedelta(hours=8),
    Severity.CRITICAL: timedelta(hours=1),
}
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def severity_of(reason: str) -> Severity:
    return SEVERITY_OF_REASON.get(reason, Severity.LOW)


def accuracy(*, upheld: int, decided: int) -> float:
    """How far a reporter's word has held so far, between 0 and 1; a half for somebody unknown."""
    return (upheld + 1) / (decided + 2)


def stored_priority(severity: int, accuracies: Iterable[float], opened_at: datetime) -> float:
    """The part of the priority that stands still: higher comes first."""
    weight = HOURS_PER_DOUBLING * log2(1 + sum(accuracies))
    return BASE_HOURS[Severity(severity)] + weight - (opened_at - _EPOCH) / timedelta(hours=1)


def priority_at(stored: float, moment: datetime) -> float:
    """The priority as people read it: with the age in it, in hours."""
    return stored + (moment - _EPOCH) / timedelta(hours=1)
