"""The inbox of updates, and where each member stands in the dialogue."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.conversations.models import Conversation
from apps.core.models import EncryptedTextField, UUIDModel


class Update(models.Model):
    """One update from Telegram. The unique pair of bot and update id is what makes a second arrival harmless.

    The payload is kept (encrypted, places snapped) only while an update has failed and may be tried again.
    """

    class Status(models.TextChoices):
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed, will be tried again")
        PARKED = "parked", _("Parked: needs a human")

    bot_id = models.BigIntegerField()
    update_id = models.BigIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("Whose it is, while it has failed: it goes when they are erased."),
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.DONE)
    payload = EncryptedTextField(blank=True)
    error = models.CharField(
        max_length=200, blank=True, help_text=_("What was raised and where; never what the member wrote.")
    )
    attempts = models.PositiveSmallIntegerField(default=1)
    retry_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("update")
        verbose_name_plural = _("updates")
        constraints = [models.UniqueConstraint(fields=["bot_id", "update_id"], name="update_once")]
        indexes = [
            # bot.retry_updates: failed updates that are due
            models.Index(fields=["retry_at"], name="update_to_retry", condition=Q(status="failed")),
            # the admin's list of what went wrong, newest first, and the dashboard's count of parked ones
            models.Index(fields=["-received_at"], name="update_undone", condition=Q(status__in=["failed", "parked"])),
            # erasing a member; most updates are done and nobody's
            models.Index(fields=["user"], name="update_of_member", condition=Q(user__isnull=False)),
            # bot.purge_updates
            models.Index(fields=["received_at"], name="update_by_age"),
        ]

    def __str__(self) -> str:
        return f"update {self.update_id}"


class Dialogue(models.Model):
    """What the bot waits for from a member, and which conversation their plain messages go to."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    step = models.CharField(max_length=32, blank=True, help_text=_("What the bot has asked for; empty: nothing."))
    data = models.JSONField(default=dict, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    open_conversation = models.ForeignKey(
        Conversation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    menu = models.CharField(
        max_length=2,
        blank=True,
        help_text=_("Language of the commands of their own chat; empty: it has the usual ones."),
    )
    browsed_at = models.DateTimeField(null=True, blank=True, help_text=_("Last time they looked at a card."))

    def __str__(self) -> str:
        return self.step or "idle"


class SyntheticRun(UUIDModel):
    """One walk of the synthetic member, from /start to a relayed message. See synthetic.py."""

    started_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    stuck_at = models.CharField(max_length=20, blank=True, help_text=_("The step it did not come past; empty: none."))
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("synthetic run")
        verbose_name_plural = _("synthetic runs")
        indexes = [
            # readyz, metrics and the admin's list: the newest; the task itself: what is past its retention
            models.Index(fields=["-started_at"], name="synthetic_run_newest"),
        ]

    def __str__(self) -> str:
        return self.stuck_at or "went through"

    @property
    def is_good(self) -> bool:
        return not self.stuck_at
