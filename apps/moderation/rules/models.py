"""Rules that moderators write, every version of them, what they found, and how they would have done."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedJSONField, UUIDModel
from apps.moderation.rules import facts
from apps.moderation.triage import Severity
from apps.users.models import Photo


class _Wording(UUIDModel):
    """What a rule says and does: of the rule itself, and of each version that it had."""

    class About(models.TextChoices):
        MESSAGE = facts.MESSAGE, _("a message")
        PROFILE = facts.PROFILE, _("the words of a profile")
        PHOTO = facts.PHOTO, _("a photo")
        MEMBER = facts.MEMBER, _("a member who joins")

    class Action(models.TextChoices):
        OPEN_CASE = "open_case", _("Open a case")
        HIDE_PHOTO = "hide_photo", _("Hide the photo, and open a case")
        ASK = "ask", _("Ask “Are you sure?” before it is sent")
        BLUR = "blur", _("Blur it for whoever receives it")

    class Mode(models.TextChoices):
        OFF = "off", _("Off")
        SHADOW = "shadow", _("Shadow: only notes what it would have found")
        LIVE = "live", _("Live")

    BEFORE_SENDING: ClassVar = (Action.ASK, Action.BLUR)

    about = models.CharField(max_length=8, choices=About, default=About.MESSAGE)
    expression = models.TextField(help_text=_("Holds for what is to be found. The facts are listed below."))
    severity = models.PositiveSmallIntegerField(choices=Severity, default=Severity.MEDIUM)
    action = models.CharField(max_length=12, choices=Action, default=Action.OPEN_CASE)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.SHADOW)

    class Meta:
        abstract = True

    @property
    def is_before_sending(self) -> bool:
        """Asked while a message waits to be passed on, so it may speak of cheap facts only."""
        return self.action in self.BEFORE_SENDING


class Rule(_Wording):
    """One rule as it is now. Findings name it, so it is switched off and never deleted. It never bans."""

    name = models.CharField(max_length=80, unique=True)
    version = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="rule_action_fits",
                condition=Q(action="open_case")
                | Q(action="hide_photo", about="photo")
                | Q(action__in=["ask", "blur"], about="message"),
            ),
            models.CheckConstraint(name="rule_severity_known", condition=Q(severity__in=Severity.values)),
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(_Wording):
    """What a rule was from one change to the next. PostgreSQL lets nobody change or delete one (migration 0008)."""

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_version_once")]

    def __str__(self) -> str:
        return f"{self.number}"


class Finding(UUIDModel):
    """A rule fired: on what, why, and what came of it. Once for each rule and subject, however often it is asked."""

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Not decided")
        UPHELD = "upheld", _("Upheld")
        DISMISSED = "dismissed", _("Dismissed")

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="findings", db_index=False)
    version = models.PositiveIntegerField()
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="findings")
    subject = models.CharField(max_length=80, help_text=_("What it was asked about, such as message:… or photo:…"))
    photo = models.ForeignKey(Photo, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    case = models.ForeignKey(
        "moderation.Case", on_delete=models.PROTECT, null=True, blank=True, related_name="findings"
    )
    severity = models.PositiveSmallIntegerField(choices=Severity)
    action = models.CharField(max_length=12, choices=_Wording.Action)
    is_shadow = models.BooleanField(default=False)
    hides_photo = models.BooleanField(default=False, help_text=_("It hid the photo, as long as it is not decided."))
    facts = EncryptedJSONField()
    accuracy = models.FloatField(default=0.5, help_text=_("Of the rule, when it fired."))
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject"], name="finding_once"),
            models.CheckConstraint(name="finding_shadow_has_no_case", condition=Q(is_shadow=False) | Q(case=None)),
        ]
        indexes = [
            # the admin's newest-first list, and the purge of old ones
            models.Index(fields=["-created_at"], name="finding_newest"),
        ]

    def __str__(self) -> str:
        return f"finding {str(self.id)[:8]}"


class Backtest(UUIDModel):
    """How one expression would have done on what happened in the last days."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="backtests")
    version = models.PositiveIntegerField()
    days = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    asked_of = models.PositiveIntegerField(default=0)
    fired = models.PositiveIntegerField(default=0)
    members = models.PositiveIntegerField(default=0)
    upheld = models.PositiveIntegerField(
        default=0, help_text=_("Of those that fired: about members against whom something was decided afterwards.")
    )
    dismissed = models.PositiveIntegerField(default=0, help_text=_("… whose case was dismissed afterwards."))
    errors = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("backtest")
        verbose_name_plural = _("backtests")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"backtest {str(self.id)[:8]}"
