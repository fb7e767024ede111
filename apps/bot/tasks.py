from datetime import timedelta

from celery import shared_task
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from apps.bot import services, synthetic
from apps.bot.handlers import chat
from apps.bot.models import Update
from apps.conversations.selectors import undelivered
from apps.conversations.unsent import purge_unsent
from apps.notifications.models import Delivery
from apps.notifications.services import enqueue

BATCH = 100
TELL_WITHIN = timedelta(days=1)
KEEP = timedelta(days=7)  # Telegram itself forgets an update after a day


@shared_task(name="bot.retry_updates")
def retry_updates() -> int:
    """Tries failed updates that are due again; how many are done now. Safe to run twice at once: each is claimed."""
    due = Update.objects.filter(status=Update.Status.FAILED, retry_at__lte=timezone.now()).order_by("retry_at")
    return sum(services.retry(pk) for pk in due.values_list("pk", flat=True)[:BATCH])


@shared_task(name="bot.tell_undelivered")
def tell_undelivered() -> int:
    """Tells members which of their messages have not reached the partner; how many. Safe twice: each once by key."""
    told_already = Delivery.objects.filter(key=Concat(Value("undelivered:"), Cast(OuterRef("pk"), CharField())))
    failed = undelivered(since=timezone.now() - TELL_WITHIN).exclude(Exists(told_already))
    replies = [chat.say_undelivered(message) for message in failed[:BATCH]]
    for reply in replies:
        enqueue(reply.outgoing)
    return len(replies)


@shared_task(name="bot.purge_updates")
def purge_updates() -> int:
    """Forgets updates that are done and older than a week, and messages that waited as long for an answer; how many."""
    return (
        purge_unsent()
        + Update.objects.filter(status=Update.Status.DONE, received_at__lt=timezone.now() - KEEP).delete()[0]
    )


@shared_task(name="bot.walk_synthetic_member")
def walk_synthetic_member() -> bool:
    """Walks the synthetic member once; whether it came through. Safe to run twice at once: neither sees the other."""
    return synthetic.run().is_good
