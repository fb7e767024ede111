"""The books, and the button that gives Stars back. Nobody's name is here: a member tells the number of a payment."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from apps.core.admin import RecentFilter, link
from apps.flags.pages import Act, ActsPage
from apps.payments import services
from apps.payments.errors import PaymentError
from apps.payments.models import Purchase
from apps.payments.selectors import books
from apps.payments.services import REFUND
from apps.users.admin import id_range

State = Purchase.State
COLOURS = {State.PAID: "success", State.ORDERED: "warning", State.RETURNED: "info"}
IN_STATE = {
    State.PAID: Q(refunded_at=None),
    State.ORDERED: Q(refunded_at__isnull=False, returned_at=None),
    State.RETURNED: Q(returned_at__isnull=False),
}


class StateFilter(DropdownFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> QuerySet[Purchase]:
        return queryset.filter(IN_STATE[State(self.value())]) if self.value() in State.values else queryset


class BoughtFilter(RecentFilter):
    title = _("bought")
    parameter_name = "bought_at"


@admin.register(Purchase)
class PurchaseAdmin(ActsPage):
    list_display = ("number", "who", "stars", "days", "standing", "bought_at", "refunded_by")
    list_select_related = ("buyer", "refunded_by")
    list_filter = (StateFilter, BoughtFilter)
    list_before_template = "admin/payments/books.html"
    change_form_outer_before_template = "admin/payments/refund.html"
    search_fields = ("pk",)  # only switches the search box on
    search_help_text = _("Number of a payment, id of a member, or Telegram's id of the payment")
    ordering = ("-bought_at",)
    fieldsets = (
        (None, {"fields": (("number", "state"), ("who", "bought_at"), ("stars", "days"), ("item", "charge_id"))}),
        (_("Refund"), {"fields": (("refunded_at", "returned_at"), ("refunded_by", "refund_reason"))}),
    )
    readonly_fields = ("number", "state", "who")
    refusal = PaymentError
    acts = {"refund": Act(REFUND, services.refund, asks=("reason",))}

    @display(description=_("number"))
    def number(self, purchase: Purchase) -> str:
        return purchase.number

    @display(description=_("member"))
    def who(self, purchase: Purchase) -> SafeString | str:
        buyer = purchase.buyer
        return link(reverse("admin:users_member_change", args=[buyer.pk]), buyer) if buyer else "–"

    @display(description=_("state"), label=COLOURS)
    def standing(self, purchase: Purchase) -> tuple[str, object]:
        return purchase.state, purchase.state.label

    @display(description=_("state"))
    def state(self, purchase: Purchase) -> str:
        return str(purchase.state.label)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Purchase], search_term: str
    ) -> tuple[QuerySet[Purchase], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        ids = id_range(term)
        anything = Q(charge_id=term)
        return queryset.filter(anything | Q(pk__range=ids) | Q(buyer__pk__range=ids) if ids else anything), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        month = timezone.now() - RecentFilter.WITHIN["month"]
        sums = {"all": books(Purchase.objects.all()), "month": books(Purchase.objects.filter(bought_at__gte=month))}
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "books": sums})
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_refund = request.user.has_perm(REFUND)
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "may_refund": may_refund}
        )
        return answer

    def tell(self, request: HttpRequest, row: Purchase) -> None:
        text = _("Telegram is being told to send the Stars back.")
        self.message_user(request, str(text), messages.SUCCESS)
