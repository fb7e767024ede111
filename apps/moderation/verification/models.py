"""A member's selfie with a gesture, waiting to be compared with their photos, and what a moderator found."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedTextField, UUIDModel


class Gesture(models.TextChoices):
    """Easy for almost everybody, and seldom on a photo that is there already."""

    THUMB_CHIN = "thumb_chin", _("thumb up, touching the chin")
    THREE_FINGERS = "three_fingers", _("three fingers up beside the face")
    HAND_HEAD = "hand_head", _("flat hand on top of the head")
    FIST_CHEEK = "fist_cheek", _("fist against the cheek")
    PALM_FORWARD = "palm_forward", _("open palm towards the camera, beside the face")
    FINGER_NOSE = "finger_nose", _("one finger touching the nose")
    HAND_EAR = "hand_ear", _("hand cupped behind the ear")
    VICTORY = "victory", _("two fingers up as a V, beside the eye")


class Verification(UUIDModel):
    """One attempt. The selfie is only Telegram's id of it, encrypted: we hold no copy. It is emptied after a week."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        APPROVED = "approved", _("Verified")
        REJECTED = "rejected", _("Not verified")
        EXPIRED = "expired", _("Nobody looked in time")

    class Reason(models.TextChoices):
        GESTURE = "gesture", _("Another gesture, or none")
        PERSON = "person", _("Not the person on the photos")
        UNCLEAR = "unclear", _("The face cannot be seen well")
        NOT_LIVE = "not_live", _("A photo of a photo, or edited")

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="verifications", db_index=False
    )
    gesture = models.CharField(max_length=16, choices=Gesture)
    file_id = EncryptedTextField(blank=True)
    file_unique_id = models.CharField(max_length=64, help_text=_("So that no selfie is used twice."))
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        permissions = [("decide_verification", _("Can compare selfies with photos and give the badge"))]
        constraints = [
            models.UniqueConstraint(
                fields=["member"], name="verification_one_at_a_time", condition=Q(status="waiting")
            ),
            models.CheckConstraint(
                name="verification_rejected_for_a_reason",
                condition=Q(status="rejected") & ~Q(reason="") | ~Q(status="rejected") & Q(reason=""),
            ),
        ]
        indexes = [
            # the queue: who has waited longest
            models.Index(fields=["created_at"], name="verification_waiting", condition=Q(status="waiting")),
            # services.check_may_verify: a member's latest attempts
            models.Index(fields=["member", "-created_at"], name="verification_of_member"),
            # services.purge_selfies: selfies that have been decided on
            models.Index(fields=["decided_at"], name="verification_decided", condition=~Q(file_id="")),
        ]

    def __str__(self) -> str:
        return f"{_('verification')} {str(self.id)[:8]}"
