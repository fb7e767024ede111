"""What members report, the cases made of it, and the evidence that stays.

Decisions are in `decisions/`, rules and what they find in `rules/`, how the checks are doing in `checks/`, what is
remembered of the banned in `evasion/`.
"""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.conversations.models import Conversation
from apps.core.models import EncryptedJSONField, EncryptedTextField, UUIDModel
from apps.moderation.checks.models import Check, PhotoCheck
from apps.moderation.decisions.models import (
    Appeal,
    Decision,
    Kept,
    Policy,
    PolicyText,
    ReasonTemplate,
    ReasonText,
    Strike,
)
from apps.moderation.evasion.models import AccountLink, BanMark, MarkKey, MarkKind, PhoneMark
from apps.moderation.rules.models import Backtest, Finding, Rule, RuleVersion
from apps.moderation.triage import Severity, priority_at
from apps.moderation.verification.models import Verification

__all__ = [
    "AccountLink",
    "Appeal",
    "Backtest",
    "BanMark",
    "Case",
    "Check",
    "Decision",
    "Evidence",
    "Finding",
    "Kept",
    "MarkKey",
    "MarkKind",
    "PhoneMark",
    "PhotoCheck",
    "Policy",
    "PolicyText",
    "ReasonTemplate",
    "ReasonText",
    "Report",
    "Rule",
    "RuleVersion",
    "Strike",
    "Verification",
]


class Case(UUIDModel):
    """All undecided reports and findings about one member: what one moderator works on at a time.

    `version` counts the entries of its log; who decides says which version they have seen.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        HELD = "held", _("Waits for a second moderator")
        CLOSED = "closed", _("Closed")
        LEFT = "left", _("Member erased")

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="cases", db_index=False
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    severity = models.PositiveSmallIntegerField(choices=Severity, default=Severity.LOW)
    priority = models.FloatField(default=0, help_text=_("Higher comes first; see apps/moderation/triage.py."))
    report_count = models.PositiveIntegerField(default=0)
    finding_count = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        permissions = [
            ("decide_case", _("Can decide cases")),
            ("read_evidence", _("Can read reported conversations, each time with a line in the audit log")),
            ("see_dashboard", _("Can see how moderation does")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["member"], name="case_one_at_a_time", condition=Q(status__in=["open", "held"])
            ),
            models.CheckConstraint(name="case_severity_known", condition=Q(severity__in=Severity.values)),
            models.CheckConstraint(
                name="case_claim_expires", condition=Q(claimed_by=None) | Q(claim_expires_at__isnull=False)
            ),
        ]
        indexes = [
            # the queue, and selectors.next_case: what comes first of what is open
            models.Index(F("priority").desc(), F("id").desc(), name="case_queue", condition=Q(status="open")),
            # the lists of closed and of all cases
            models.Index(fields=["-opened_at"], name="case_newest"),
            # the dashboard's and the filter's overdue cases
            models.Index(fields=["due_at"], name="case_due", condition=Q(status="open")),
            # held decisions, which are few
            models.Index(fields=["opened_at"], name="case_held", condition=Q(status="held")),
            # dashboard.figures: what was closed lately
            models.Index(fields=["closed_at"], name="case_closed", condition=Q(closed_at__isnull=False)),
            # a member's past cases on the case page
            models.Index(fields=["member", "-opened_at"], name="case_of_member"),
        ]

    def __str__(self) -> str:
        return _("Case {number}").format(number=str(self.id)[:8])

    @property
    def is_undecided(self) -> bool:
        return self.status in (self.Status.OPEN, self.Status.HELD)

    @property
    def is_claimed(self) -> bool:
        """By somebody, and not expired."""
        return bool(self.claimed_by_id and self.claim_expires_at and self.claim_expires_at > timezone.now())

    @property
    def stamp(self) -> str:
        """What whoever decides must have seen: the entries of the log, the reports and the findings."""
        return f"{self.version}.{self.report_count}.{self.finding_count}"

    def priority_at(self, moment: datetime) -> float:
        """As people read it."""
        return priority_at(self.priority, moment)


class Report(UUIDModel):
    """One member's complaint about another. The erasure of either leaves the report without that name."""

    class Reason(models.TextChoices):
        FAKE = "fake", _("Fake profile")
        SPAM = "spam", _("Spam or scam")
        HARASSMENT = "harassment", _("Harassment")
        UNDERAGE = "underage", _("Under 18")
        PHOTO = "photo", _("Indecent photo")
        OTHER = "other", _("Something else")

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Not decided")
        UPHELD = "upheld", _("Upheld")
        DISMISSED = "dismissed", _("Dismissed")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="reports_made"
    )
    reported = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="reports_received"
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    about_message = models.UUIDField(null=True, blank=True, help_text=_("The message, which may be gone meanwhile."))
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")
    reason = models.CharField(max_length=12, choices=Reason)
    words = EncryptedTextField(blank=True)
    accuracy = models.FloatField(default=0.5, help_text=_("Of the reporter, when it was filed."))
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.PENDING)
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
            # services.adopt_reports: what no case holds yet
            models.Index(fields=["created_at"], name="report_without_case", condition=Q(case=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}"


class Evidence(UUIDModel):
    """What a report or a finding was about, as it was then: edits, deletions and erasure change nothing in it.

    Encrypted, and read only on the page of its case. `profile` has what the member showed; `messages` are those around
    the reported one, oldest first, and empty when nothing was said. Deleted after `keep_until`, which is set when the
    case is closed or the member is erased.
    """

    report = models.OneToOneField(Report, on_delete=models.CASCADE, null=True, blank=True, related_name="evidence")
    finding = models.OneToOneField(Finding, on_delete=models.CASCADE, null=True, blank=True, related_name="evidence")
    profile = EncryptedJSONField()
    messages = EncryptedJSONField()
    has_messages = models.BooleanField(default=False)
    keep_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        constraints = [
            models.CheckConstraint(
                name="evidence_of_one",
                condition=Q(report=None, finding__isnull=False) | Q(report__isnull=False, finding=None),
            )
        ]
        indexes = [
            # moderation.purge_evidence: what has been kept long enough
            models.Index(fields=["keep_until"], name="evidence_kept", condition=Q(keep_until__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"evidence {str(self.id)[:8]}"
