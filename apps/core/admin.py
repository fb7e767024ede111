"""What the admin pages of all apps share, and the pages about the machinery: tasks, sign-ins, the audit log."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList

if TYPE_CHECKING:
    _Paginator = Paginator[Model]
else:
    _Paginator = Paginator


class CappedPaginator(_Paginator):
    """Counts no further than `MAX_COUNTED` rows, whatever the table holds; who looks for more narrows the list down."""

    MAX_COUNTED = 10_000
    template_name = "admin/pagination_capped.html"

    @cached_property
    def _counted(self) -> int:
        assert isinstance(self.object_list, QuerySet)
        return self.object_list.order_by().values("pk")[: self.MAX_COUNTED + 1].count()

    @property
    def is_capped(self) -> bool:
        return self._counted > self.MAX_COUNTED

    @property
    def count(self) -> int:
        return min(self._counted, self.MAX_COUNTED)


class RecentFilter(DropdownFilter):
    """Rows whose moment `parameter_name` lies within the last day, week or month."""

    WITHIN = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("day", _("Last 24 hours")), ("week", _("Last 7 days")), ("month", _("Last 30 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        within = self.WITHIN.get(self.value())
        return queryset if within is None else self.since(queryset, timezone.now() - within)

    def since(self, queryset: QuerySet[Model], moment: datetime) -> QuerySet[Model]:
        return queryset.filter(**{f"{self.parameter_name}__gte": moment})


class CreatedFilter(RecentFilter):
    title = _("created")
    parameter_name = "created_at"


class FullChangeList(ChangeList):
    """unfold's header adds a total to the count, even one that was not counted, unless the two are the same."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class BaseAdmin(ModelAdmin):
    """Lists that stay fast on large tables: no full count, no facets, no sorting by what has no index."""

    paginator: ClassVar[type] = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[list[str] | tuple[str, ...] | None] = ()
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    actions_on_top = True

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return FullChangeList

    def log_changes(self, request: HttpRequest, rows: Iterable[Model], message: str) -> None:
        """One entry in the audit log for each row: what an action did to it."""
        for row in rows:
            self.log_change(request, row, message)


class ReadOnlyMixin:
    """Evidence and records: looked at by those who may view them, written by nobody's hand."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SuperuserOnlyMixin:
    """Pages through which somebody could give themselves more rights than they have."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)


for _model in (
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(LogEntry)
class AuditLogAdmin(ReadOnlyMixin, BaseAdmin):
    list_display = ("action_time", "user", "does", "object_repr", "content_type", "what")
    list_select_related = ("user", "content_type")
    list_display_links = None
    search_fields = ("user__username", "object_id__exact", "object_repr__istartswith")
    search_help_text = _("Staff name, or the id of what was changed")
    ordering = ("-id",)

    @display(description=_("did"), label={"change": "info", "add": "success", "delete": "danger"})
    def does(self, entry: LogEntry) -> tuple[str, object]:
        if entry.is_addition():
            return "add", _("Added")
        return ("change", _("Changed")) if entry.action_flag == CHANGE else ("delete", _("Deleted"))

    @display(description=_("what"))
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message()


@admin.register(AccessAttempt)
class FailedSignInAdmin(ReadOnlyMixin, BaseAdmin):
    """Deleting a row lets its name and address try again at once."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent", "path_info")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("axes.delete_accessattempt")


@admin.register(AccessLog)
class SignInAdmin(ReadOnlyMixin, BaseAdmin):
    list_display = ("attempt_time", "logout_time", "username", "ip_address", "user_agent")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "logout_time", "username", "ip_address", "user_agent")


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BaseAdmin):
    """Tasks and their times are written in the settings; here they are watched, and stopped when they do harm."""

    list_display = ("name", "enabled", "task", "runs", "last_run_at", "total_run_count")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    search_fields = ("name", "task")
    ordering = ("name",)
    fields = ("name", "enabled", "task", "runs", "queue", "last_run_at", "total_run_count", "date_changed")
    readonly_fields = ("name", "task", "runs", "queue", "last_run_at", "total_run_count", "date_changed")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("runs"))
    def runs(self, task: PeriodicTask) -> str:
        return task.crontab.human_readable if task.crontab else str(task.scheduler)


def link(url: str, text: object) -> SafeString:
    """A link inside a list or a form, in the admin's look."""
    return format_html('<a class="mm-link" href="{}">{}</a>', url, text)


import apps.core.resilience.admin  # noqa: E402, F401 Django looks for an app's pages here; these stand on the above
