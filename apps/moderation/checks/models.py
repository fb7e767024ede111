"""How the automatic checks are doing, and what they found of photos."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel
from apps.users.models import Photo


class Check(UUIDModel):
    """One automatic check: until when it has looked, and its last failure, for whoever wonders why nothing is found."""

    name = models.CharField(max_length=24, unique=True)
    looked_until = models.DateTimeField(null=True, blank=True, help_text=_("What is older has been looked at."))
    busy_until = models.DateTimeField(null=True, blank=True, help_text=_("One worker at a time looks."))
    worked_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text=_("Since it last worked."))
    error = models.CharField(
        max_length=200, blank=True, help_text=_("What was raised and where; never what it looked at.")
    )

    class Meta:
        verbose_name = _("automatic check")
        verbose_name_plural = _("automatic checks")

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        return self.failures > 0


class PhotoCheck(UUIDModel):
    """What was found of one photo; None, or an empty `phash`, where the check failed."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, related_name="check_result")
    nudity = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("0 to 100"))
    faces = models.PositiveSmallIntegerField(null=True, blank=True)
    phash = models.CharField(max_length=64, blank=True)
    bands = ArrayField(models.IntegerField(), default=list, blank=True)
    checked_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            # checks.copies: photos that share a part of their hash, so that few have to be compared
            GinIndex(fields=["bands"], name="photo_check_bands"),
            # the backtest's photos of the last days
            models.Index(fields=["-checked_at"], name="photo_check_newest"),
        ]

    def __str__(self) -> str:
        return f"check {str(self.id)[:8]}"
