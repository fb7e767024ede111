"""The rules in force as this process answers from them: read again when one has changed.

One small query a second for each process that asks, and none for those that do not; so a rule is live everywhere within
a second, and an outage of the broker changes nothing. While the database cannot be read there is nothing to ask about.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Count, Max, Sum

from apps.moderation.errors import ExpressionError
from apps.moderation.models import Rule
from apps.moderation.rules.expressions import Asked, EvaluationError, Expression, asked, check
from apps.moderation.rules.facts import Facts

log = structlog.get_logger(__name__)
Stamp = tuple[object, ...]


@dataclass(frozen=True)
class LiveRule:
    """A rule that is live or in shadow, ready to be asked."""

    id: UUID
    name: str
    version: int
    about: str
    severity: int
    action: str
    is_shadow: bool
    expression: Expression


@dataclass(frozen=True)
class _Held:
    stamp: Stamp
    rules: tuple[LiveRule, ...]
    looked_at: float


_held: _Held | None = None


def rules_in_force() -> tuple[LiveRule, ...]:
    global _held
    held = _held
    if held and time.monotonic() - held.looked_at < settings.RULES_LOOK_AGAIN_SECS:
        return held.rules
    now, stamp = time.monotonic(), _stamp()
    rules = held.rules if held and held.stamp == stamp else tuple(_read())
    _held = _Held(stamp, rules, now)
    return rules


def forget() -> None:
    """The next question reads the rules again, changed or not."""
    global _held
    _held = None


def fired(about: str, facts: Facts, *, actions: Collection[str]) -> tuple[list[LiveRule], dict[UUID, str]]:
    """The rules with one of these actions that hold, the gravest first, and those that could not be worked out.

    A rule that mentions a fact which is missing (its model has failed) is not asked.
    """
    about_it = [rule for rule in rules_in_force() if rule.about == about and rule.action in actions]
    if not about_it:
        return [], {}
    given = asked(about, facts)
    found, failed = [], {}
    for rule in about_it:
        try:
            if holds(rule.expression, given):
                found.append(rule)
        except EvaluationError as error:
            failed[rule.id] = str(error)
    return sorted(found, key=lambda rule: -rule.severity), failed


def holds(expression: Expression, given: Asked) -> bool:
    """Raises EvaluationError."""
    return expression.mentions <= given.names and expression.holds(given)


def _stamp() -> Stamp:
    """Changes with every change of a rule: the sum of the versions only grows."""
    values = Rule.objects.aggregate(count=Count("pk"), versions=Sum("version"), changed=Max("changed_at"))
    return tuple(values.values())


def _read() -> Iterable[LiveRule]:
    for rule in Rule.objects.exclude(mode=Rule.Mode.OFF).order_by("name"):
        try:
            expression = check(rule.expression, rule.about, cheap_only=rule.is_before_sending)
        except ExpressionError:
            # only after an upgrade that took a fact away; the editor shows what is wrong with it
            log.error("rule_not_understood", rule=str(rule.pk))
            continue
        is_shadow = rule.mode == Rule.Mode.SHADOW
        yield LiveRule(rule.pk, rule.name, rule.version, rule.about, rule.severity, rule.action, is_shadow, expression)
