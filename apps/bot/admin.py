from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from apps.bot.models import SyntheticRun, Update
from apps.bot.services import drop, retry_now
from apps.core.admin import BaseAdmin, ReadOnlyMixin, RecentFilter

UNDONE = {status.value: status.label for status in (Update.Status.FAILED, Update.Status.PARKED)}


class StatusFilter(DropdownFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Update]") -> list[tuple[str, object]]:
        return list(UNDONE.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Update]) -> QuerySet[Update]:
        return queryset.filter(status=self.value()) if self.value() in UNDONE else queryset


class ReceivedFilter(RecentFilter):
    title = _("received")
    parameter_name = "received_at"


@admin.register(Update)
class UpdateAdmin(ReadOnlyMixin, BaseAdmin):
    """Updates that have raised an error. What is in them is never shown: it holds what people say to each other."""

    list_display = ("update_number", "standing", "error", "attempts", "received_at", "retry_at")
    list_filter = (StatusFilter, ReceivedFilter)
    search_fields = ("update_id__startswith", "error__icontains")
    search_help_text = _("Number of an update, or words of an error")
    ordering = ("-received_at",)
    sortable_by = ("received_at",)
    fields = (("update_number", "status"), ("error", "attempts"), ("received_at", "retry_at"))
    actions = ("try_again_now", "drop")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Update]:
        undone: QuerySet[Update] = super().get_queryset(request).filter(status__in=UNDONE)
        return undone.defer("payload")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bot.change_update")

    def has_drop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bot.delete_update")

    @action(description=_("Try again now"), permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[Update]) -> None:
        count = self._apply(retry_now, request, queryset, "Tried again.")
        text = ngettext("%d update has gone through.", "%d updates have gone through.", count)
        self.message_user(request, text % count, messages.SUCCESS if count else messages.WARNING)

    @action(description=_("Drop"), permissions=["drop"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Update]) -> None:
        count = self._apply(drop, request, queryset, "Dropped.")
        text = ngettext("%d update was dropped.", "%d updates were dropped.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    def _apply(
        self,
        service: Callable[[QuerySet[Update]], int],
        request: HttpRequest,
        queryset: QuerySet[Update],
        message: str,
    ) -> int:
        """The rows are fixed first: the service moves them out of the filter that they were chosen by."""
        updates = list(queryset)
        count = service(Update.objects.filter(pk__in=[update.pk for update in updates]))
        self.log_changes(request, updates, message)
        return count

    @display(description=_("update"))
    def update_number(self, update: Update) -> str:
        return str(update.update_id)

    @display(description=_("status"), label={Update.Status.FAILED: "warning", Update.Status.PARKED: "danger"})
    def standing(self, update: Update) -> tuple[str, str]:
        return update.status, update.get_status_display()


@admin.register(SyntheticRun)
class SyntheticRunAdmin(ReadOnlyMixin, BaseAdmin):
    """Whether somebody could have signed up, met and talked, minute by minute."""

    list_display = ("started_at", "standing", "took_ms", "error")
    ordering = ("-started_at",)
    fields = ("started_at", "took_ms", "stuck_at", "error")

    @display(description=_("state"), label={"good": "success", "stuck": "danger"})
    def standing(self, run: SyntheticRun) -> tuple[str, object]:
        return ("good", _("went through")) if run.is_good else ("stuck", run.stuck_at)
