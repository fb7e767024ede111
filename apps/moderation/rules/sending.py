"""The rules that are asked while a message waits to be passed on: cheap facts only, and they never lose a message."""

from collections.abc import Collection

from django.db import DatabaseError

from apps.moderation.checks.facts import cheap_facts
from apps.moderation.checks.health import failed
from apps.moderation.models import Rule
from apps.moderation.rules.live import fired
from apps.moderation.rules.services import note
from apps.users.models import User


def asked_for(text: str, sender: User, *, actions: Collection[str], subject: str) -> bool:
    """Whether a live rule with one of these actions holds. What fires, in shadow too, is noted."""
    if not text:
        return False
    facts = cheap_facts(text, sender)
    try:
        found, __ = fired(Rule.About.MESSAGE, facts, actions=actions)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 a rule must not keep a message from its reader
        failed("before sending", error)
        return False
    for rule in found:
        note(rule, facts, member=sender, subject=f"{rule.action}:{subject}")
    return any(not rule.is_shadow for rule in found)
