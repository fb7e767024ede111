"""Changes of flags that wait, for their time or for a second person, and ramps that raise a percentage step by step."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import UUIDModel
from apps.flags.rollout.design import Design, Guardrail, Step


class Request(UUIDModel):
    """Somebody wants a change of a flag, and says why. A dangerous flag needs somebody else's approval first."""

    flag = models.CharField(max_length=100)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    needs_approval = models.BooleanField(default=False)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def waits_for_approval(self) -> bool:
        return self.needs_approval and self.approved_at is None

    @property
    def is_approved(self) -> bool:
        """By somebody else than who asked for it."""
        return self.approved_by_id is not None and self.approved_by_id != self.by_id


class PlannedChange(Request):
    """A change that is made when it is approved (where it must be) and due (`due_at` None: at once).

    `fields` is what `apps.flags.services.change` takes; it is checked again, against the flag as it is then, and made
    only if nobody has changed the flag since `seen_version` (None: whatever there is).
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        APPLIED = "applied", _("Applied")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        FAILED = "failed", _("Could not be applied")

    fields = models.JSONField()
    seen_version = models.PositiveIntegerField(null=True)
    due_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=500, blank=True, help_text=_("Why it was refused, or could not be applied."))
    revision = models.PositiveIntegerField(null=True, help_text=_("The number of the revision that it became."))

    class Meta:
        verbose_name = _("planned change")
        verbose_name_plural = _("planned changes")
        permissions = [("approve_plannedchange", "Can approve and refuse what others want of dangerous flags")]
        constraints = [
            models.CheckConstraint(
                name="planned_change_second_person",
                condition=Q(needs_approval=False) | Q(approved_by=None) | Q(by=None) | ~Q(approved_by=F("by")),
            ),
            models.CheckConstraint(
                name="planned_change_applied_only_if_approved",
                condition=~Q(status="applied") | Q(needs_approval=False) | Q(approved_at__isnull=False),
            ),
        ]
        indexes = [
            # the minute's look for what is due
            models.Index(fields=["due_at"], name="planned_change_due", condition=Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.flag}: {self.reason}"

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.WAITING


class Ramp(Request):
    """Raises a flag's percentage step by step, as long as the guardrails hold; else it takes everything back.

    `steps` are objects with `percent` and `pause_minutes`, how long the step lasts at least. `guardrails` are objects
    with `metric` and `bound_percent`: by how much worse than without the flag it may get. `state_before` is what a
    rollback restores; `version` the flag's version that the ramp made last (while it waits: was made from): somebody
    else's change ends the ramp. `value` is what those get who are in, of a flag that has one; None: what is set.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting for approval")
        RUNNING = "running", pgettext_lazy("state", "Running")
        PAUSED = "paused", _("Paused")
        FINISHED = "finished", _("Finished")
        ROLLED_BACK = "rolled_back", _("Rolled back")
        STOPPED = "stopped", _("Stopped")

    OPEN = (Status.WAITING, Status.RUNNING, Status.PAUSED)

    steps = models.JSONField()
    guardrails = models.JSONField(default=list, blank=True)
    value = models.JSONField(null=True, blank=True)
    window_hours = models.PositiveSmallIntegerField(
        default=24, help_text=_("What a member does within these hours after asking for the flag counts.")
    )
    min_members = models.PositiveIntegerField(
        default=100, help_text=_("A step lasts until so many members were observed with the flag, and without it.")
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING)
    remark = models.CharField(max_length=500, blank=True, help_text=_("Why it ended, or waits."))
    state_before = models.JSONField(null=True)
    version = models.PositiveIntegerField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("ramp")
        verbose_name_plural = _("ramps")
        constraints = [
            models.UniqueConstraint(
                fields=["flag"], condition=Q(status__in=["waiting", "running", "paused"]), name="ramp_one_open_per_flag"
            ),
            models.CheckConstraint(
                name="ramp_second_person",
                condition=Q(needs_approval=False) | Q(approved_by=None) | Q(by=None) | ~Q(approved_by=F("by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flag}: {self.path}"

    @property
    def path(self) -> str:
        return " → ".join(f"{step['percent']} %" for step in self.steps)

    @property
    def design(self) -> Design:
        return Design(
            tuple(map(Step.read, self.steps)),
            tuple(map(Guardrail.read, self.guardrails)),
            self.window_hours,
            self.min_members,
        )

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.WAITING

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class RampStep(UUIDModel):
    """One step of a ramp while it lasts. Its id is the study of those who ask for the flag meanwhile."""

    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="steps_taken", db_index=False)
    number = models.PositiveSmallIntegerField()
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("step of a ramp")
        verbose_name_plural = _("steps of ramps")
        constraints = [
            models.UniqueConstraint(fields=["ramp", "number"], name="ramp_step_once"),
            models.UniqueConstraint(fields=["ramp"], condition=Q(ended_at=None), name="ramp_one_step_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"
