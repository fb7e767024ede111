"""The rows of the list of cases.

They are drawn by a template of our own: unfold's draws each cell and each label with templates of theirs, and that
was half of what the page cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from apps.core.admin import FullChangeList
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
