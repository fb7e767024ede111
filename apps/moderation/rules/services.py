"""Writing rules, and what happens when one fires."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.conversations.models import Message
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.evidence import freeze_finding
from apps.moderation.models import Backtest, Finding, Rule, RuleVersion
from apps.moderation.rules.expressions import check
from apps.moderation.rules.facts import Facts
from apps.moderation.rules.live import LiveRule, fired
from apps.moderation.services import Person, take_in
from apps.moderation.triage import accuracy
from apps.users.models import Photo, User
from apps.users.restrictions import hide_photo, lock_members

CHANGE = "moderation.change_rule"
OPENING = (Rule.Action.OPEN_CASE, Rule.Action.HIDE_PHOTO)
KEEP_NOTES = timedelta(days=90)
WORDING = ("about", "expression", "severity", "action", "mode")


# ---- Writing


@transaction.atomic
def save_rule(rule: Rule, *, by: Person, reason: str, seen_version: int) -> Rule:
    """The rule as it shall be from now on, with its next version. `seen_version` is what the editor looked at.

    Raises NotAllowedError, ExpressionError, ConflictError, InvalidDecisionError (live without a backtest).
    """
    if not by.has_perm(CHANGE if seen_version else "moderation.add_rule"):
        raise NotAllowedError(_("You do not have the right to do this."))
    check_rule(rule, seen_version=seen_version)
    rule.version, rule.error, rule.failed_at = seen_version + 1, "", None
    rule.save()
    wording = {name: getattr(rule, name) for name in WORDING}
    RuleVersion.objects.create(rule=rule, number=rule.version, by_id=by.pk, reason=reason, **wording)
    return rule


def check_rule(rule: Rule, *, seen_version: int) -> None:
    """Raises ExpressionError, ConflictError, InvalidDecisionError for what keeps it from being saved.

    Locks the row when there is a transaction, so that what was checked still holds when it is written.
    """
    check(rule.expression, rule.about, cheap_only=rule.is_before_sending)
    fits = {
        Rule.Action.HIDE_PHOTO: Rule.About.PHOTO,
        Rule.Action.ASK: Rule.About.MESSAGE,
        Rule.Action.BLUR: Rule.About.MESSAGE,
    }
    if fits.get(Rule.Action(rule.action), rule.about) != rule.about:
        raise InvalidDecisionError(_("This action does not fit what the rule is about."))
    rows = Rule.objects.select_for_update() if connection.in_atomic_block else Rule.objects.all()
    before = rows.filter(pk=rule.pk).first()
    if (before.version if before else 0) != seen_version:
        raise ConflictError(
            _("Somebody else has changed this rule meanwhile. You have changed nothing; look at it again.")
        )
    if rule.mode == Rule.Mode.LIVE and not _may_go_live(rule, before):
        raise InvalidDecisionError(_("Before it goes live, save it in shadow mode and run a backtest of it."))


def _may_go_live(rule: Rule, before: Rule | None) -> bool:
    """It is live already, or this very expression was tried on what has happened."""
    if before is None or (before.expression, before.about) != (rule.expression, rule.about):
        return False
    same = RuleVersion.objects.filter(rule=before, expression=rule.expression, about=rule.about).values("number")
    was_live = before.mode == Rule.Mode.LIVE
    return was_live or Backtest.objects.filter(rule=before, status=Backtest.Status.DONE, version__in=same).exists()


# ---- Firing


def judge(
    about: str,
    facts: Facts,
    *,
    member: User,
    subject: str,
    message: Message | None = None,
    photo: Photo | None = None,
    actions: Collection[str] = OPENING,
) -> list[Finding]:
    """Asks all rules about it; the findings that are new. Safe to run twice: a rule finds a subject once."""
    found, failed = fired(about, facts, actions=actions)
    for rule_id, error in failed.items():
        Rule.objects.filter(pk=rule_id).update(failed_at=timezone.now(), error=error[:200])
    new = (note(rule, facts, member=member, subject=subject, message=message, photo=photo) for rule in found)
    return [finding for finding in new if finding]


@transaction.atomic
def note(
    rule: LiveRule,
    facts: Facts,
    *,
    member: User,
    subject: str,
    message: Message | None = None,
    photo: Photo | None = None,
) -> Finding | None:
    """The finding, and what follows from it; None when the rule has found this before, or the member is gone."""
    locked = lock_members([member.pk])
    if not locked or Finding.objects.filter(rule=rule.id, subject=subject).exists():
        return None
    finding = Finding.objects.create(
        rule_id=rule.id,
        version=rule.version,
        member=locked[0],
        subject=subject,
        photo=photo,
        severity=rule.severity,
        action=rule.action,
        is_shadow=rule.is_shadow,
        facts=why(rule, facts),
        accuracy=accuracy_of(rule.id),
    )
    if rule.is_shadow or rule.action not in OPENING:
        return finding
    if rule.action == Rule.Action.HIDE_PHOTO and photo:
        finding.hides_photo = hide_photo(locked[0], photo.pk)
        finding.save(update_fields=["hides_photo"])
    freeze_finding(finding, message=message)
    take_in(finding, locked[0])
    return finding


def purge_notes() -> int:
    """Deletes old notes of what no case holds; how many. Safe to run twice."""
    old = Finding.objects.filter(case=None, created_at__lt=timezone.now() - KEEP_NOTES)
    return old.delete()[0]


def why(rule: LiveRule, facts: Facts) -> Mapping[str, Any]:
    """The facts that the rule looked at, without the text itself: that is evidence, and read as such."""
    return {name: facts[name] for name in sorted(rule.expression.mentions) if name in facts and name != "text"}


def accuracy_of(rule_id: UUID) -> float:
    """How far this rule's earlier findings have held, as `triage.accuracy`."""
    decided = Finding.objects.filter(rule=rule_id, is_shadow=False).exclude(outcome=Finding.Outcome.PENDING)
    counts = decided.aggregate(all=Count("pk"), upheld=Count("pk", filter=Q(outcome=Finding.Outcome.UPHELD)))
    return accuracy(upheld=counts["upheld"], decided=counts["all"])
