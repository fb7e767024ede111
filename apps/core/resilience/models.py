"""The table of faults that were injected: who, what, how long, why. Rows are never changed but for being stopped."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel
from apps.core.resilience.faults import OF_A_PROCESS, PROCESS, Kind

LONGEST = timedelta(minutes=10)


class Fault(UUIDModel):
    """One fault: strikes calls of one dependency, or a process itself, and ends by itself."""

    dependency = models.CharField(max_length=16, help_text=_("Which dependency; or “process”, for CPU and memory."))
    kind = models.CharField(max_length=12, choices=Kind)
    rate = models.FloatField(default=1.0, help_text=_("The share of calls that it strikes, from 0 to 1."))
    amount = models.PositiveIntegerField(default=0, help_text=_("Milliseconds of a slow one, mebibytes of memory."))
    process = models.CharField(max_length=12, blank=True, help_text=_("web, sender, worker or beat; empty: all."))
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    # The database's clock, for whoever starts one and whoever suffers it.
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    ends_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    class Meta:
        verbose_name = _("fault")
        verbose_name_plural = _("faults")
        constraints = [
            models.CheckConstraint(name="fault_rate_is_a_share", condition=Q(rate__gt=0, rate__lte=1)),
            models.CheckConstraint(
                name="fault_ends_soon",
                condition=Q(ends_at__gt=F("started_at"), ends_at__lte=F("started_at") + LONGEST),
            ),
            models.CheckConstraint(name="fault_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="fault_kind_fits",
                condition=Q(dependency=PROCESS, kind__in=sorted(OF_A_PROCESS))
                | (~Q(dependency=PROCESS) & ~Q(kind__in=sorted(OF_A_PROCESS))),
            ),
        ]
        indexes = [
            # the pulse of each process: which faults have not ended
            models.Index(fields=["ends_at"], name="fault_to_come", condition=Q(stopped_at__isnull=True)),
            # the admin's list, newest first
            models.Index(fields=["-started_at"], name="fault_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.dependency} {self.kind}"

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None and self.ends_at > timezone.now()
