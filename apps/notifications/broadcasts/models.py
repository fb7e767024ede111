"""What product managers send to many, and who does not want it."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import UUIDModel


class NewsOptOut(models.Model):
    """This member wants no news; a row is there while they do not."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="news_opt_out"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return "no news"


class Broadcast(UUIDModel):
    """One text to all members of a segment. A draft until it is scheduled or started; from then on its text stays.

    Deliveries are made a little ahead of the sending, in the order of the members' ids: `reached` is the last one for
    whom one was made. `results` are the counts when it ended: deliveries themselves are deleted after a month.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", pgettext_lazy("state", "Running")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")
        FINISHED = "finished", _("Finished")

    name = models.CharField(max_length=80, help_text=_("Only staff see it."))
    text_en = models.TextField(_("text in English"), max_length=3500, help_text=_("HTML as Telegram has it."))
    text_es = models.TextField(
        _("text in Spanish"), max_length=3500, blank=True, help_text=_("Empty: they get the English one.")
    )
    text_ru = models.TextField(
        _("text in Russian"), max_length=3500, blank=True, help_text=_("Empty: they get the English one.")
    )
    segment = models.JSONField(default=list, blank=True)
    per_minute = models.PositiveIntegerField(
        _("pace"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("At most so many a minute. Empty: as fast as Telegram allows."),
    )
    starts_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Empty: at once, when somebody says that it may start.")
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    total = models.PositiveIntegerField(default=0, help_text=_("Members of the segment when it started."))
    reached = models.UUIDField(null=True)
    is_all_made = models.BooleanField(default=False)
    results = models.JSONField(default=dict)
    advanced_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")
        permissions = [("send_broadcast", "Can start, pause and stop broadcasts")]
        constraints = [
            models.CheckConstraint(
                name="broadcast_started_by_somebody", condition=Q(status="draft") | Q(started_by__isnull=False)
            ),
        ]
        indexes = [
            # notifications.advance_broadcasts: what there is to go on with
            models.Index(fields=["starts_at"], name="broadcast_open", condition=Q(status__in=["scheduled", "running"])),
        ]

    def __str__(self) -> str:
        return self.name

    def text_in(self, language: str) -> str:
        return getattr(self, f"text_{language}", "") or self.text_en
