from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.notifications.broadcasts import admin as broadcasts
from apps.notifications.models import Delivery
from apps.notifications.services import retry_failed
from apps.users.admin import MemberSearchMixin, member_link

__all__ = ["DeliveryAdmin", "broadcasts"]


@admin.register(Delivery)
class DeliveryAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    """The outbox. What is in a delivery is never shown: it holds what people say to each other."""

    member_fields = ("user__pk",)
    list_display = ("number", "method", "member", "priority", "standing", "attempts", "error", "created_at", "sent_at")
    list_select_related = ("user__profile",)
    list_filter = (("status", ChoicesDropdownFilter), ("priority", ChoicesDropdownFilter), CreatedFilter)
    ordering = ("-id",)
    fields = (
        ("method", "member"),
        ("priority", "status"),
        ("attempts", "error"),
        ("created_at", "due_at", "sent_at"),
    )
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request).defer("params")
        return deliveries

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_delivery")

    @action(description=_("Send again (failed ones)"), permissions=["retry"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        failed = list(queryset.filter(status=Delivery.Status.FAILED))
        count = retry_failed(Delivery.objects.filter(pk__in=[delivery.pk for delivery in failed]))
        self.log_changes(request, failed, "Sent again.")
        text = ngettext("%d delivery will be sent again.", "%d deliveries will be sent again.", count)
        self.message_user(request, text % count, messages.SUCCESS if count else messages.WARNING)

    @display(description=_("number"))
    def number(self, delivery: Delivery) -> str:
        return str(delivery.pk)

    @display(description=_("member"))
    def member(self, delivery: Delivery) -> SafeString | str:
        return member_link(delivery.user)

    @display(
        description=_("status"),
        label={
            Delivery.Status.PENDING: "warning",
            Delivery.Status.IN_FLIGHT: "info",
            Delivery.Status.SENT: "success",
            Delivery.Status.FAILED: "danger",
        },
    )
    def standing(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.status, delivery.get_status_display()
