"""What is remembered of banned members so that they are known when they come back: keyed hashes, no data."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedTextField, UUIDModel
from apps.moderation.decisions.models import Decision


class MarkKind(models.TextChoices):
    TELEGRAM = "telegram", _("same Telegram id")
    PHONE = "phone", _("same phone number")
    PHOTO = "photo", _("nearly the same photo")


class MarkKey(UUIDModel):
    """The key of the hashes: random, made once, and encrypted like any other field, so that it survives rotation."""

    number = models.PositiveSmallIntegerField(unique=True, default=1)
    key = EncryptedTextField()

    class Meta:
        constraints = [models.CheckConstraint(name="mark_key_is_one", condition=Q(number=1))]

    def __str__(self) -> str:
        return "key"


class PhoneMark(UUIDModel):
    """The hash of a phone number that a member shared with the bot; needed only if they are banned. Goes with them."""

    member = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"mark {str(self.id)[:8]}"


class BanMark(UUIDModel):
    """One hash of somebody who is banned. Stays when they erase themselves, and goes when the ban is undone.

    A photo has sixteen, one for each part of its hash (`group` holds them together): most of them stay when the photo
    is made smaller or saved again.
    """

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="marks")
    kind = models.CharField(max_length=8, choices=MarkKind)
    digest = models.CharField(max_length=32)
    group = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            # evasion.services: whose hash this is
            models.Index(fields=["digest", "kind"], name="ban_mark_digest"),
            # moderation.purge_evidence: marks that are too old
            models.Index(fields=["created_at"], name="ban_mark_by_age"),
        ]

    def __str__(self) -> str:
        return f"mark {str(self.id)[:8]}"


class AccountLink(UUIDModel):
    """This member seems to be somebody else: who is or was banned (`decision`), or another member (`other`)."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="links", db_index=False)
    kind = models.CharField(max_length=8, choices=MarkKind)
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, null=True, blank=True, related_name="links")
    other = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("linked account")
        verbose_name_plural = _("linked accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind", "decision", "other"], name="account_link_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="account_link_to_one",
                condition=Q(decision=None, other__isnull=False) | Q(decision__isnull=False, other=None),
            ),
        ]

    def __str__(self) -> str:
        return f"link {str(self.id)[:8]}"
