"""Policies, the log of decisions, and what hangs on one: strikes, what it took away, the appeal."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedJSONField, EncryptedTextField, UUIDModel
from apps.moderation.transparency.schema import Category, Keyword
from apps.users.models import Language

# Keys of the case page that are no reasons: see static/meetsmatch/case.js.
RESERVED_LETTERS = "bcjnu"


class _Translated(UUIDModel):
    """Has texts in several languages; English is the one that must be there."""

    class Meta:
        abstract = True

    def text_in(self, language: str | None) -> "_Text | None":
        """The text in this language, else in English, else None. Reads `texts`: prefetch it for lists."""
        by_language = {text.language: text for text in self.texts.all()}  # type: ignore[attr-defined]
        return by_language.get(language or "") or by_language.get(Language.EN)


class _Text(UUIDModel):
    language = models.CharField(max_length=2, choices=Language)
    text = models.TextField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.language


class Policy(_Translated):
    """One rule of the house. Decisions name it, so it is switched off and never deleted."""

    key = models.SlugField(max_length=40, unique=True)
    clause = models.CharField(max_length=20, help_text=_("Where it stands in the terms."))
    is_active = models.BooleanField(default=True)
    allows_shadow_limit = models.BooleanField(
        default=False,
        help_text=_("Only for deceptive advertising in bulk: else the law wants members told (DSA, Article 17 (2))."),
    )

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["clause"]

    def __str__(self) -> str:
        text = self.text_in(get_language())
        return f"{self.clause} {text.title if isinstance(text, PolicyText) else self.key}"


class PolicyText(_Text):
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="texts", db_index=False)
    title = models.CharField(max_length=80)

    class Meta:
        verbose_name = _("policy in one language")
        verbose_name_plural = _("policy in all languages")
        constraints = [models.UniqueConstraint(fields=["policy", "language"], name="policy_text_once")]


class ReasonTemplate(_Translated):
    """Why a policy was broken, in ready words that a moderator picks by one letter."""

    name = models.CharField(max_length=60, unique=True, help_text=_("For staff."))
    letter = models.CharField(
        max_length=1,
        unique=True,
        validators=[RegexValidator(f"^[a-z]$(?<![{RESERVED_LETTERS}])")],
        help_text=_("Its key on the case page; b, c, j, n and u are taken."),
    )
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="templates")
    category = models.CharField(
        max_length=80,
        choices=Category,
        default=Category.OTHER,
        help_text=_("Under which statements of this reason stand in the DSA Transparency Database."),
    )
    keyword = models.CharField(max_length=80, choices=Keyword, blank=True, help_text=_("Says more, if you like."))
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("reason template")
        verbose_name_plural = _("reason templates")
        ordering = ["letter"]
        constraints = [
            models.CheckConstraint(
                name="template_letter_free",
                condition=Q(letter__regex="^[a-z]$") & ~Q(letter__in=list(RESERVED_LETTERS)),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReasonText(_Text):
    template = models.ForeignKey(ReasonTemplate, on_delete=models.CASCADE, related_name="texts", db_index=False)

    class Meta:
        verbose_name = _("reason in one language")
        verbose_name_plural = _("reason in all languages")
        constraints = [models.UniqueConstraint(fields=["template", "language"], name="reason_text_once")]


class Decision(UUIDModel):
    """One entry of the log of a case: what a moderator did, or that an earlier entry was released, refused or undone.

    PostgreSQL lets nobody change or delete one (migration 0004). It names no member: the case does, until the member
    is erased. What it took away from them is in `Kept`.
    """

    class Action(models.TextChoices):
        DISMISS = "dismiss", _("Dismiss")
        WARN = "warn", _("Warn")
        HIDE_PHOTO = "hide_photo", _("Hide a photo")
        EDIT_BIO = "edit_bio", _("Take the words out")
        LIMIT = "limit", _("Limit")
        SUSPEND = "suspend", _("Suspend")
        BAN = "ban", _("Ban")
        SHADOW_LIMIT = "shadow_limit", _("Shadow limit")
        # about an earlier entry
        RELEASE = "release", _("Approved by a second moderator")
        REFUSE = "refuse", _("Refused by a second moderator")
        UNDO = "undo", _("Undone")

    FOLLOWING: ClassVar = (Action.RELEASE, Action.REFUSE, Action.UNDO)

    case = models.ForeignKey("moderation.Case", on_delete=models.PROTECT, related_name="decisions", db_index=False)
    number = models.PositiveIntegerField(help_text=_("Place in the log of the case."))
    action = models.CharField(max_length=12, choices=Action)
    about = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="followed_by")
    is_held = models.BooleanField(default=False, help_text=_("Had to wait for a second moderator."))
    until = models.DateTimeField(null=True, blank=True)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    template = models.ForeignKey(
        ReasonTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    words = EncryptedTextField(blank=True, help_text=_("Shown to the member."))
    is_automatic = models.BooleanField(default=False)
    batch = models.UUIDField(null=True, blank=True, help_text=_("Decided together with others, and undone with them."))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        permissions = [
            ("undo_decision", _("Can undo decisions of others")),
            ("approve_decision", _("Can approve and refuse held decisions")),
            ("export_statements", _("Can export statements of reasons")),
            ("shadow_limit", _("Can limit members without telling them")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="decision_number_once"),
            models.UniqueConstraint(fields=["about"], name="decision_undone_once", condition=Q(action="undo")),
            models.UniqueConstraint(
                fields=["about"], name="decision_released_once", condition=Q(action__in=["release", "refuse"])
            ),
            models.CheckConstraint(
                name="decision_about_another",
                condition=Q(about=None, action__in=["dismiss", "warn", "hide_photo", "edit_bio", "limit"])
                | Q(about=None, action__in=["suspend", "ban", "shadow_limit"])
                | (Q(about__isnull=False, action__in=["release", "refuse", "undo"]) & ~Q(about=F("id"))),
            ),
        ]
        indexes = [
            # the admin's newest-first list
            models.Index(fields=["-created_at"], name="decision_newest"),
            # undoing all of one batch
            models.Index(fields=["batch"], name="decision_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.get_action_display()


class Kept(UUIDModel):
    """What a decision took away from a member, so that undoing it puts back just that. Goes with the member."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="kept")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    content = EncryptedJSONField()

    def __str__(self) -> str:
        return f"kept {str(self.id)[:8]}"


class Strike(UUIDModel):
    """What a decision counts against its member, until it expires; gone when the decision is undone."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="strike")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="strikes")
    weight = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("strike")
        verbose_name_plural = _("strikes")

    def __str__(self) -> str:
        return f"{self.weight}"


class Appeal(UUIDModel):
    """A member's objection to one decision about them; decided by somebody who did not make that decision."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        UPHELD = "upheld", _("Decision upheld")
        OVERTURNED = "overturned", _("Decision overturned")

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="appeals")
    words = EncryptedTextField()
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    answer = EncryptedTextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="appeals_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        permissions = [("decide_appeal", _("Can decide appeals against decisions of others"))]
        constraints = [
            models.CheckConstraint(
                name="appeal_decided_by_somebody",
                condition=Q(status="waiting", decided_by=None, decided_at=None)
                | (~Q(status="waiting") & Q(decided_by__isnull=False, decided_at__isnull=False)),
            )
        ]
        indexes = [
            # the queue: the appeal that is due first
            models.Index(fields=["due_at"], name="appeal_waiting", condition=Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return f"{_('appeal')} {str(self.id)[:8]}"
