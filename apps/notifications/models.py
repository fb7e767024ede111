"""The outbox: everything that members are sent."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedJSONField
from apps.notifications.broadcasts.models import Broadcast, NewsOptOut

__all__ = ["CHATLESS", "Broadcast", "Delivery", "NewsOptOut", "Priority"]


# Calls that concern no chat: what they do does not depend on whether it can be reached.
CHATLESS = ("answerCallbackQuery", "answerPreCheckoutQuery", "refundStarPayment", "setMyCommands", "deleteMyCommands")


class Priority(models.IntegerChoices):
    """Lower goes first, across chats; within one chat the order of writing always holds."""

    REPLY = 10, _("Reply to what the member just did")
    RELAY = 20, _("Message of a partner")
    ALERT = 30, _("Match or like")
    DIGEST = 40, _("Digest or broadcast")


class Delivery(models.Model):
    """One call of the Bot API that must happen, written in the transaction that caused it and sent by the sender.

    The numeric key is the order of writing, which is the order of sending within a chat.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        IN_FLIGHT = "in_flight", _("In flight")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    chat_id = models.BigIntegerField()
    method = models.CharField(max_length=40)
    params = EncryptedJSONField(
        default=dict, help_text=_("As the Bot API has it, without the chat. Emptied once sent.")
    )
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.REPLY)
    key = models.CharField(max_length=100, null=True, blank=True, help_text=_("Idempotency key."))
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The database's clock, as the senders read it: a web server's clock that is ahead would delay every reply.
    due_at = models.DateTimeField(
        db_default=Now(), help_text=_("Not sent before this moment; for one in flight, when it may be claimed again.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    message_id = models.BigIntegerField(
        null=True, blank=True, help_text=_("Telegram's id of the message, in that chat.")
    )
    error = models.CharField(max_length=200, blank=True)
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.SET_NULL, null=True, blank=True, related_name="deliveries", db_index=False
    )

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            # most have none, and cost nothing here
            models.UniqueConstraint(fields=["key"], name="delivery_key_once", condition=Q(key__isnull=False)),
            models.CheckConstraint(
                name="delivery_key_not_empty",
                condition=Q(key__isnull=True) | ~Q(key=""),
            ),
        ]
        indexes = [
            # the sender's claim: the most urgent due rows first
            models.Index(
                fields=["priority", "id"], name="delivery_waiting", condition=Q(status__in=["pending", "in_flight"])
            ),
            # the sender's claim: is there an earlier unsent row of the same chat?
            models.Index(
                fields=["chat_id", "id"],
                name="delivery_waiting_by_chat",
                condition=Q(status__in=["pending", "in_flight"]),
            ),
            # conversations: which delivery is the message that a member replies to or taps on?
            models.Index(
                fields=["chat_id", "message_id"], name="delivery_by_message", condition=Q(message_id__isnull=False)
            ),
            # a broadcast's page and its task: how many of its deliveries are where
            models.Index(
                fields=["broadcast", "status"], name="delivery_of_broadcast", condition=Q(broadcast__isnull=False)
            ),
            # the admin's list of failed ones, newest first, and the dashboard's count
            models.Index(fields=["-id"], name="delivery_failed", condition=Q(status="failed")),
            # notifications.purge_deliveries: what is past its retention
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} #{self.pk}"
