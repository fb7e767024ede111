from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.bot import services
from apps.bot.models import Update

BATCH = 100
KEEP = timedelta(days=7)  # Telegram itself forgets an update after a day


@shared_task(name="bot.retry_updates")
def retry_updates() -> int:
    """Tries failed updates that are due again; how many are done now. Safe to run twice at once: each is claimed."""
    due = Update.objects.filter(status=Update.Status.FAILED, retry_at__lte=timezone.now()).order_by("retry_at")
    return sum(services.retry(pk) for pk in due.values_list("pk", flat=True)[:BATCH])


@shared_task(name="bot.purge_updates")
def purge_updates() -> int:
    """Forgets updates that are done and older than a week; how many."""
    return Update.objects.filter(status=Update.Status.DONE, received_at__lt=timezone.now() - KEEP).delete()[0]
