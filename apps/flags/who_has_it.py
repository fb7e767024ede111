"""What the page of a flag shows of its members: how many have it, and for one of them why or why not."""

from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.flags import release
from apps.flags.headcount import Headcount, headcount
from apps.flags.models import Flag
from apps.flags.rules import Explanation, Subject
from apps.flags.selectors import explain, member_model
from apps.flags.state import AtLeast
from apps.flags.texts import Line, explanation_in_words

MAX_MATCHES = 10


@dataclass(frozen=True)
class Panel:
    """`matches` are the members that `term` finds; with a single one, `explanation` and its `lines` are about them.

    `release` is the one that this process runs, where a rule asks for it: other processes may answer something else.
    """

    headcount: Headcount
    may_see_members: bool
    term: str
    matches: tuple[AbstractBaseUser, ...] = ()
    explanation: Explanation | None = None
    lines: tuple[Line, ...] = ()
    release: str = ""


def panel(request: HttpRequest, flag_id: int) -> Panel | None:
    """For the state as it is saved; None for a flag that no code can ask for."""
    flag = Flag.objects.get(pk=flag_id)
    definition = flag.definition
    if definition is None:
        return None
    members = _Members(request)
    term = request.GET.get("member", "").strip()
    matches = tuple(members.find(term)[:MAX_MATCHES]) if term else ()
    asks_for_release = any(isinstance(rule, AtLeast) for rule in flag.state.segment)
    found = Panel(
        headcount(definition, flag.state),
        members.may_be_seen,
        term,
        matches,
        release=release.running() if asks_for_release else "",
    )
    if len(matches) != 1:
        return found
    explanation = explain(definition, flag.state, cast(Subject, matches[0]))
    return replace(found, explanation=explanation, lines=tuple(explanation_in_words(explanation)))


class _Members:
    """Who may see members finds them here as in their list; everybody else by the whole id, and sees no name."""

    def __init__(self, request: HttpRequest) -> None:
        self._model = member_model()
        self._page = admin.site.get_model_admin(self._model)
        self._request = request
        self.may_be_seen = self._page.has_view_permission(request)

    def find(self, term: str) -> QuerySet[Any]:
        if self.may_be_seen:
            found: QuerySet[Any] = self._page.get_search_results(
                self._request, self._page.get_queryset(self._request), term
            )[0]
            return found.order_by("-date_joined")
        everybody: QuerySet[Any] = self._model.objects.select_related("profile")
        try:
            return everybody.filter(pk=UUID(term))
        except ValueError:
            return everybody.none()
