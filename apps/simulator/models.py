"""What a Telegram server remembers: people, chats, files, and the updates that a bot has yet to receive.

A private chat has its person's id, so a Persona is the chat as well.
"""

from datetime import timedelta

from django.db import models
from django.utils import timezone

QUERY_LIFETIME = timedelta(seconds=150)
CHECKOUT_LIFETIME = timedelta(seconds=10)


class Persona(models.Model):
    """A pretend Telegram user and their one private chat with the bot."""

    telegram_id = models.BigIntegerField(primary_key=True)
    first_name = models.CharField(max_length=64)
    username = models.CharField(max_length=32, null=True, blank=True, unique=True)
    language_code = models.CharField(max_length=8, default="en")
    avatar = models.CharField(max_length=200, blank=True)
    blocked_bot = models.BooleanField(default=False)
    autopilot = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_message_id = models.PositiveIntegerField(default=0)
    reply_keyboard = models.JSONField(null=True, blank=True)
    pinned_message_id = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(telegram_id__gt=0), name="simulator_persona_id_positive"),
        ]
        indexes = [
            # The picker: people used last come first.
            models.Index(models.F("last_used_at").desc(nulls_last=True), "telegram_id", name="simulator_persona_used"),
        ]

    def __str__(self) -> str:
        return self.first_name


class StoredFile(models.Model):
    """One file the server keeps. The sizes of one photo share a ``family``."""

    file_unique_id = models.CharField(max_length=40, primary_key=True)
    file_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=16)
    family = models.CharField(max_length=40, db_index=True)
    path = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    mime_type = models.CharField(max_length=100, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    duration_secs = models.PositiveIntegerField(default=0)
    emoji = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_unique_id


class Message(models.Model):
    """A message in a chat. ``content`` is the part of the Bot API's Message that depends on its kind."""

    chat = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="messages", db_index=False)
    message_id = models.PositiveIntegerField()
    from_bot = models.BooleanField()
    content = models.JSONField()
    reply_markup = models.JSONField(null=True, blank=True)
    has_reply_keyboard = models.BooleanField(default=False)
    reply_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    media_group_id = models.CharField(max_length=20, blank=True)
    protected = models.BooleanField(default=False)
    invoice_payload = models.CharField(max_length=128, blank=True)  # which the person never sees
    reactions = models.JSONField(default=list, blank=True)
    sent_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chat", "message_id"], name="simulator_message_id_per_chat"),
        ]

    def __str__(self) -> str:
        return f"{self.chat_id}/{self.message_id}"

    def button_data(self) -> list[str]:
        """The callback data of the inline buttons, in reading order."""
        rows = (self.reply_markup or {}).get("inline_keyboard", [])
        return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


class CallbackQuery(models.Model):
    """A tap on an inline button, and the bot's answer to it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="taps")
    data = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "callback queries"

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def expired(self) -> bool:
        return timezone.now() - self.created_at > QUERY_LIFETIME


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def paid(self) -> "CheckoutQuerySet":
        return self.filter(charge_id__isnull=False)


class Checkout(models.Model):
    """A press on an invoice's Pay button: the question to the bot, and the payment once the bot has let it."""

    PREFIX = "checkout-"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="checkouts")
    created_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    charge_id = models.CharField(max_length=60, unique=True, null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)

    objects = CheckoutQuerySet.as_manager()

    def __str__(self) -> str:
        return self.query

    @property
    def query(self) -> str:
        """The id of the question."""
        return f"{self.PREFIX}{self.pk}"

    @property
    def expired(self) -> bool:
        return timezone.now() - self.created_at > CHECKOUT_LIFETIME


class BotUpdate(models.Model):
    """An update on its way to the bot. Updates of one queue arrive one after the other."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        EXPIRED = "expired"

    update_id = models.BigAutoField(primary_key=True)
    queue = models.CharField(max_length=40)
    payload = models.JSONField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            # The head of each queue: DISTINCT ON (queue) ... WHERE status = 'pending' ORDER BY queue, update_id.
            models.Index(
                fields=["queue", "update_id"], name="simulator_update_pending", condition=models.Q(status="pending")
            ),
        ]

    def __str__(self) -> str:
        return str(self.update_id)


class Webhook(models.Model):
    """Where updates go; the bot has at most one."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    url = models.URLField(max_length=500, blank=True)
    secret_token = models.CharField(max_length=256, blank=True)
    allowed_updates = models.JSONField(default=list, blank=True)
    max_connections = models.PositiveSmallIntegerField(default=40)
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="simulator_webhook_single_row"),
        ]

    def __str__(self) -> str:
        return self.url


class BotSetting(models.Model):
    """What the bot said of itself: name, descriptions, menu button, and its commands by scope."""

    key = models.CharField(max_length=60)
    language_code = models.CharField(max_length=8, blank=True)
    value = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "language_code"], name="simulator_setting_per_language"),
        ]

    def __str__(self) -> str:
        return self.key


class Event(models.Model):
    """A change that a chat's window shows. Written under the chat's lock, so a chat's ids appear in order."""

    class Kind(models.TextChoices):
        MESSAGE = "message"
        DELETION = "deletion"
        ANSWER = "answer"
        ACTION = "action"
        CHAT = "chat"

    chat = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            # What is new in a chat: WHERE chat_id = ... AND id > ... ORDER BY id.
            models.Index(fields=["chat", "id"], name="simulator_event_of_chat"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PlannedAct(models.Model):
    """Something that a persona on autopilot will do in a moment."""

    class Kind(models.TextChoices):
        BROWSE = "browse"
        LIKE = "like"
        SAY = "say"

    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="planned_acts")
    kind = models.CharField(max_length=8, choices=Kind)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            # autopilot: what people are about to do
            models.Index(fields=["due_at"], name="simulator_act_due", condition=models.Q(done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
