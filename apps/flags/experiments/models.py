"""Experiments, who was exposed to which variant, and what happened to them next."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import UUIDModel


class Metric(models.TextChoices):
    """What members do that an experiment can move; counted once a member, from the first exposure on."""

    LIKE = "like", _("liked somebody")
    MATCH = "match", _("got a match")
    FIRST_REPLY = "first_reply", _("had a first message answered")
    TEN_MESSAGES = "ten_messages", _("had a conversation of ten messages")
    PURCHASE = "purchase", _("bought Plus")
    REPORT = "report", _("reported somebody")
    BLOCK = "block", _("blocked somebody")
    DELETION = "deletion", _("deleted their profile")


# Of these, more is worse.
HARMFUL = frozenset({Metric.REPORT, Metric.BLOCK, Metric.DELETION})


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def running(self) -> "ExperimentQuerySet":
        return self.filter(started_at__isnull=False, ended_at=None)

    def in_layer(self, layer: str) -> "ExperimentQuerySet":
        """Those that hold places of it now, the first to come first; nobody shares a layer without a name."""
        return self.running().filter(layer=layer).order_by("started_at") if layer else self.none()


class Experiment(UUIDModel):
    """Variants of one flag, given to members by lot. A draft until it starts; from then on its design stays.

    PostgreSQL, too, refuses to change the design of what has started. `variants` are objects with a name, a weight and
    the answer that the flag gives (`value`); the first one is the control. `slots` are the layer's places that it
    took when it started, as pairs of first and one past the last.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RUNNING = "running", pgettext_lazy("state", "Running")
        ENDED = "ended", pgettext_lazy("state", "Ended")

    name = models.CharField(max_length=80, unique=True)
    flag = models.CharField(max_length=100)
    hypothesis = models.TextField(max_length=1000, help_text=_("What is expected to get better, for whom, and why."))
    variants = models.JSONField()
    segment = models.JSONField(default=list, blank=True)
    layer = models.CharField(
        max_length=60,
        blank=True,
        help_text=_("Experiments of the same layer never share a member. Empty: a layer of its own."),
    )
    share = models.PositiveSmallIntegerField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("How many per cent of the layer's members take part."),
    )
    metric = models.CharField(max_length=20, choices=Metric, help_text=_("The one that decides."))
    also_watched = ArrayField(models.CharField(max_length=20, choices=Metric), default=list, blank=True)
    window_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=_("What a member does within these days after the first exposure counts."),
    )
    expected_percent = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=20,
        validators=[MinValueValidator(0.1), MaxValueValidator(99)],
        help_text=_("How many of 100 members do it today, about."),
    )
    smallest_lift_percent = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("The smallest relative change worth knowing of."),
    )
    slots = models.JSONField(default=list, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(null=True, editable=False)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, editable=False)
    end_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        constraints = [
            models.UniqueConstraint(
                fields=["flag"],
                condition=Q(started_at__isnull=False, ended_at=None),
                name="experiment_one_running_per_flag",
            ),
            models.CheckConstraint(
                name="experiment_ends_after_start", condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at"))
            ),
            models.CheckConstraint(name="experiment_share_in_range", condition=Q(share__range=(1, 100))),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> Status:
        if self.started_at is None:
            return self.Status.DRAFT
        return self.Status.RUNNING if self.ended_at is None else self.Status.ENDED


class Exposure(models.Model):
    """The first time that the code asked for a flag on behalf of a member who takes part in a study of it.

    `study` is the id of the experiment, or of the step of a ramp. An erased member leaves the exposure without a name:
    the counts stay what they were.
    """

    study = models.UUIDField()
    variant = models.CharField(max_length=40)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")
        constraints = [
            # also what finds a member's exposure when something happens to them, and a study's when it is read
            models.UniqueConstraint(fields=["study", "member"], name="exposure_once"),
        ]

    def __str__(self) -> str:
        return self.variant


class Outcome(models.Model):
    """What an exposed member did, the first time after the exposure."""

    exposure = models.ForeignKey(Exposure, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    metric = models.CharField(max_length=20, choices=Metric)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        constraints = [
            # its index also joins outcomes to their exposure
            models.UniqueConstraint(fields=["exposure", "metric"], name="outcome_once"),
        ]

    def __str__(self) -> str:
        return self.metric
