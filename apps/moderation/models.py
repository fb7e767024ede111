"""What members report."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.conversations.models import Conversation
from apps.core.models import EncryptedTextField, UUIDModel


class Report(UUIDModel):
    """One member's complaint about another. The erasure of either leaves the report without that name."""

    class Reason(models.TextChoices):
        FAKE = "fake", _("Fake profile")
        SPAM = "spam", _("Spam or scam")
        HARASSMENT = "harassment", _("Harassment")
        UNDERAGE = "underage", _("Under 18")
        PHOTO = "photo", _("Indecent photo")
        OTHER = "other", _("Something else")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="reports_made"
    )
    reported = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="reports_received"
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    reason = models.CharField(max_length=12, choices=Reason)
    words = EncryptedTextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.CheckConstraint(name="report_not_oneself", condition=~Q(reporter=F("reported")) | Q(reporter=None))
        ]
        indexes = [
            # the admin's newest-first list
            models.Index(fields=["-created_at"], name="report_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}"
