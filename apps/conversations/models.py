"""What two matched members say to each other through the bot."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedTextField, UUIDModel
from apps.matching.models import Match
from apps.notifications.models import Delivery


class Conversation(UUIDModel):
    """The relayed conversation of one match; open as long as the match is."""

    match = models.OneToOneField(Match, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            # the admin's newest-first list
            models.Index(fields=["-created_at"], name="conversation_newest"),
        ]

    def __str__(self) -> str:
        return f"conversation {str(self.id)[:8]}"


class Message(UUIDModel):
    """One message of one member, and the delivery that carried it to the partner.

    Text and file are encrypted: they are kept as evidence for a report, not for reading.
    """

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        PHOTO = "photo", _("Photo")
        VOICE = "voice", _("Voice")
        VIDEO = "video", _("Video")
        VIDEO_NOTE = "video_note", _("Video message")
        STICKER = "sticker", _("Sticker")
        DOCUMENT = "document", _("Document")
        ANIMATION = "animation", _("Animation")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages_sent", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind)
    text = EncryptedTextField(blank=True)
    file_id = EncryptedTextField(blank=True)
    source_message_id = models.BigIntegerField(help_text=_("Telegram's id of the message in the sender's own chat."))
    delivery = models.OneToOneField(Delivery, on_delete=models.SET_NULL, null=True, blank=True, related_name="relayed")
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # edits and replies find the message by this pair; it also keeps one message from being relayed twice
            models.UniqueConstraint(fields=["sender", "source_message_id"], name="message_relayed_once"),
        ]
        indexes = [
            # a conversation in the order it was written
            models.Index(fields=["conversation", "created_at"], name="message_in_order"),
            # the dashboard's messages of the last day; rows come in the order of time, so block ranges do
            BrinIndex(fields=["created_at"], name="message_by_age", autosummarize=True),
            # moderation.check_texts: what was changed since it last looked
            models.Index(fields=["edited_at"], name="message_edited", condition=Q(edited_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {str(self.id)[:8]}"


class UnsentMessage(UUIDModel):
    """What a member wrote and was asked about before it is passed on: “Are you sure?”. Gone with the answer."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=Message.Kind)
    text = EncryptedTextField(blank=True)
    file_id = EncryptedTextField(blank=True)
    source_message_id = models.BigIntegerField()
    reply_to = models.JSONField(null=True, blank=True, help_text=_("What it replies to, as the outbox points at it."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # an edit finds it by this pair; it also keeps one message from being asked about twice
            models.UniqueConstraint(fields=["sender", "source_message_id"], name="unsent_once"),
        ]
        indexes = [
            # unsent.purge_unsent
            models.Index(fields=["created_at"], name="unsent_by_age"),
        ]

    def __str__(self) -> str:
        return f"unsent {str(self.id)[:8]}"


class ContactConsent(UUIDModel):
    """One member's agreement to show their Telegram name to the partner. It is shown only when both have agreed."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="consents", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    telegram_username = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="consent_once")]

    def __str__(self) -> str:
        return f"consent {str(self.id)[:8]}"
