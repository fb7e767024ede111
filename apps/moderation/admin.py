from django.contrib import admin
from django.template.defaultfilters import truncatechars
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.moderation.models import Report
from apps.users.admin import MemberSearchMixin, member_link


@admin.register(Report)
class ReportAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("reporter__pk", "reported__pk")
    list_display = ("report", "reason_label", "who", "whom", "excerpt", "created_at")
    list_select_related = ("reporter__profile", "reported__profile")
    list_filter = (("reason", ChoicesDropdownFilter), CreatedFilter)
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    fields = (("who", "whom"), "reason", "words", "created_at")

    @display(description=_("report"))
    def report(self, report: Report) -> str:
        return str(report.id)[:8]

    @display(
        description=_("reason"),
        label={
            Report.Reason.UNDERAGE: "danger",
            Report.Reason.HARASSMENT: "danger",
            Report.Reason.PHOTO: "warning",
            Report.Reason.SPAM: "warning",
            Report.Reason.FAKE: "info",
        },
    )
    def reason_label(self, report: Report) -> tuple[str, str]:
        return report.reason, report.get_reason_display()

    @display(description=_("who"))
    def who(self, report: Report) -> SafeString | str:
        return member_link(report.reporter)

    @display(description=_("whom"))
    def whom(self, report: Report) -> SafeString | str:
        return member_link(report.reported)

    @display(description=_("words"))
    def excerpt(self, report: Report) -> str:
        return truncatechars(report.words, 60)
