"""The list of cases: what is in it, and its rows.

The rows are drawn by a template of our own: unfold's draws each cell and each label with templates of theirs, and that
was half of what the page cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from apps.core.admin import FullChangeList
from apps.moderation import selectors
from apps.moderation.case_page import CLOCK_COLOURS, clock
from apps.moderation.models import Case
from apps.moderation.triage import Severity

# Kinds of marks in admin.css, which are also unfold's words; the rest is grey.
SEVERITY_COLOURS: dict[int, str] = {
    Severity.CRITICAL: "danger",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "info",
    Severity.LOW: "",
}
STATUS_COLOURS = {Case.Status.OPEN: "info", Case.Status.HELD: "warning"}


class QueueFilter(DropdownFilter):
    """Without a choice it is the queue itself."""

    title = _("what is to be done")
    parameter_name = "queue"
    all_option = ["", _("To decide")]

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [
            ("free", _("To decide, and free")),
            ("mine", _("Claimed by me")),
            ("overdue", _("Overdue")),
            ("held", _("Waits for a second moderator")),
            ("closed", _("Closed")),
            ("all", _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        is_open = queryset.filter(status=Case.Status.OPEN, member__isnull=False)
        match self.value():
            case "free":
                return selectors.free_for(is_open, request.user.pk)
            case "mine":
                return is_open.filter(claimed_by=request.user.pk, claim_expires_at__gt=timezone.now())
            case "overdue":
                return is_open.filter(due_at__lt=timezone.now())
            case "held":
                return queryset.filter(status=Case.Status.HELD)
            case "closed":
                return queryset.filter(status__in=[Case.Status.CLOSED, Case.Status.LEFT])
            case "all":
                return queryset
        return is_open


@dataclass(frozen=True)
class Row:
    """One case of the list. `clock` is its colour and its words."""

    case: Case
    address: str
    severity_colour: str
    status_colour: str
    clock: tuple[str, str] | None
    priority: str

    @property
    def name(self) -> str:
        member: Any = self.case.member
        return (member.profile.name or str(member)) if member and hasattr(member, "profile") else "–"


class QueueList(FullChangeList):
    @property
    def rows(self) -> Iterator[Row]:
        now = timezone.now()
        for case in self.result_list:
            colour, words = clock(case, now) if case.is_undecided else ("", "")
            yield Row(
                case,
                reverse("admin:moderation_case_change", args=[case.pk]),
                SEVERITY_COLOURS[case.severity],
                STATUS_COLOURS.get(case.status, ""),
                (CLOCK_COLOURS[colour], words) if colour else None,
                f"{case.priority_at(now):.0f}" if case.is_undecided else "",
            )
