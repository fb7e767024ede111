from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.matching.models import Match
from apps.users.admin import MemberSearchMixin, member_link


@admin.register(Match)
class MatchAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("low__pk", "high__pk")
    list_display = ("match", "one", "other", "standing", "created_at", "ended_at", "by")
    list_select_related = ("low__profile", "high__profile", "ended_by__profile")
    list_filter = (CreatedFilter, ("ended_at", admin.EmptyFieldListFilter))
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    fields = (("one", "other"), "created_at", ("ended_at", "by"))

    @display(description=_("match"))
    def match(self, match: Match) -> str:
        return str(match.id)[:8]

    @display(description=_("one"))
    def one(self, match: Match) -> SafeString | str:
        return member_link(match.low)

    @display(description=_("other"))
    def other(self, match: Match) -> SafeString | str:
        return member_link(match.high)

    @display(description=_("state"), label={"on": "success"})
    def standing(self, match: Match) -> tuple[str, object]:
        return ("ended", _("Ended")) if match.ended_at else ("on", _("On"))

    @display(description=_("ended by"))
    def by(self, match: Match) -> SafeString | str:
        return member_link(match.ended_by)
