"""Statements of reasons as the DSA Transparency Database takes them: a row for each decision that restricted somebody.

Nothing personal is in a row: no name, no id of a person, no words that a member or a moderator wrote; only what the
policies say, in English. A warning restricts nothing, and of a shadow limit the member is not told (Article 17 (2)):
neither is a statement. What was undone later is in it: the statement was made.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, cast

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.moderation.models import Decision, PolicyText, ReasonTemplate, Report
from apps.moderation.transparency.schema import EEA, FIELDS, MAX_EXPLANATION, MAX_GROUND
from apps.users.models import Language

EXPORT_STATEMENTS = "moderation.export_statements"
CHUNK = 500
Action = Decision.Action

# What each measure is in the schema, and the field of its end.
_RESTRICTION: dict[str, dict[str, Any]] = {
    Action.HIDE_PHOTO: {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"],
        "content_type": ["CONTENT_TYPE_IMAGE"],
    },
    Action.EDIT_BIO: {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "content_type": ["CONTENT_TYPE_TEXT"],
    },
    Action.LIMIT: {"decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION"},
    Action.SUSPEND: {"decision_account": "DECISION_ACCOUNT_SUSPENDED"},
    Action.BAN: {"decision_account": "DECISION_ACCOUNT_TERMINATED"},
}
_END = {Action.LIMIT: "end_date_service_restriction", Action.SUSPEND: "end_date_account_restriction"}
_WHOLE_ACCOUNT = {"content_type": ["CONTENT_TYPE_OTHER"], "content_type_other": "Profile and messages of an account"}
# A spreadsheet would run what begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def span(first: date, last: date) -> tuple[datetime, datetime]:
    """The first moment of these days, and the first one after them."""
    zone = timezone.get_current_timezone()
    after = date.fromordinal(last.toordinal() + 1)
    return datetime.combine(first, time.min, zone), datetime.combine(after, time.min, zone)


def restrictions(since: datetime, until: datetime) -> QuerySet[Decision]:
    """Decisions that took effect from `since` on and before `until`, the oldest first, with `effective_at`."""
    release = Decision.objects.filter(about=OuterRef("pk"), action=Action.RELEASE).values("created_at")
    took_effect = Decision.objects.filter(action__in=_RESTRICTION, about=None).annotate(
        released_at=Subquery(release),
        effective_at=Coalesce(F("released_at"), F("created_at")),
        was_reported=Exists(Report.objects.filter(case=OuterRef("case"))),
    )
    found = took_effect.filter(Q(is_held=False) | Q(released_at__isnull=False))
    within = found.filter(effective_at__gte=since, effective_at__lt=until)
    return within.select_related("case__member").order_by("effective_at", "pk")


def csv_lines(since: datetime, until: datetime) -> Iterator[str]:
    """The header and the rows, read and written as they are asked for."""
    yield _line(FIELDS)
    templates = {
        template.pk: template
        for template in ReasonTemplate.objects.select_related("policy").prefetch_related("texts", "policy__texts")
    }
    for decision in restrictions(since, until).iterator(chunk_size=CHUNK):
        assert decision.template_id, "a restriction has a reason"
        statement = as_statement(decision, templates[decision.template_id])
        yield _line([_cell(statement.get(field, "")) for field in FIELDS])


def as_statement(decision: Decision, template: ReasonTemplate) -> dict[str, Any]:
    """The fields that have a value. The decision comes from `restrictions`."""
    member, effective_at = decision.case.member, cast("datetime", getattr(decision, "effective_at"))  # noqa: B009
    was_reported = bool(getattr(decision, "was_reported", True))
    kind = _RESTRICTION[decision.action]
    statement = {
        **kind,
        **({} if "content_type" in kind else _WHOLE_ACCOUNT),
        "account_type": "ACCOUNT_TYPE_PRIVATE",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        **_ground(template),
        "content_language": member.language.upper() if member else "",
        # when we began to host what it is about: the account's beginning, or what is left to know of an erased one
        "content_date": _day(member.date_joined if member else decision.case.opened_at),
        "territorial_scope": EEA,
        "application_date": _day(effective_at),
        "decision_facts": _facts(decision, was_reported=was_reported),
        "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION" if was_reported else "SOURCE_VOLUNTARY",
        "automated_detection": "No" if was_reported else "Yes",
        "automated_decision": f"AUTOMATED_DECISION_{'FULLY' if decision.is_automatic else 'NOT_AUTOMATED'}",
        "puid": str(decision.pk),
    }
    if decision.until and decision.action in _END:
        statement[_END[Action(decision.action)]] = _day(decision.until)
    return statement


def _ground(template: ReasonTemplate) -> Mapping[str, Any]:
    rule, reason = template.policy.text_in(Language.EN), template.text_in(Language.EN)
    title = rule.title if isinstance(rule, PolicyText) else template.policy.key
    specification = {"category_specification": [template.keyword]} if template.keyword else {}
    return {
        "incompatible_content_ground": f"Terms, clause {template.policy.clause}: {title}"[:MAX_GROUND],
        "incompatible_content_explanation": (reason.text if reason else template.name)[:MAX_EXPLANATION],
        "category": template.category,
        **specification,
    }


def _facts(decision: Decision, *, was_reported: bool) -> str:
    origin = "Another member reported the account" if was_reported else "Automated checks of the platform found it"
    if decision.is_automatic:
        return f"{origin}. The measure was taken automatically and is open to appeal to a moderator."
    second = " A second moderator approved the measure." if decision.is_held else ""
    return f"{origin}. A moderator looked at the profile and at the reported content, and decided.{second}"


def _day(moment: datetime) -> str:
    return timezone.localtime(moment).date().isoformat()


def _cell(value: Any) -> str:
    """Lists as JSON, as the database's own files have them; text that no spreadsheet takes for a formula."""
    text = json.dumps(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
