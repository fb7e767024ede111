"""Retention of the outbox, and broadcasts that are under way."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.notifications.broadcasts.services import advance
from apps.notifications.models import Delivery

RETENTION = timedelta(days=30)
BATCH = 5000


@shared_task(name="notifications.purge_deliveries")
def purge_deliveries() -> None:
    """Deletes what was sent or has failed over 30 days ago. Safe to run twice: each batch is whatever is left."""
    ended = [Delivery.Status.SENT, Delivery.Status.FAILED]
    old = Delivery.objects.filter(status__in=ended, created_at__lt=timezone.now() - RETENTION).order_by("created_at")
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        Delivery.objects.filter(pk__in=ids).delete()


@shared_task(name="notifications.advance_broadcasts")
def advance_broadcasts() -> None:
    """Writes the next deliveries of running broadcasts, and starts those whose time has come. Safe to run twice."""
    advance(timezone.now())
