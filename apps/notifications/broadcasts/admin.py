"""The pages of broadcasts: the list, a draft, and one page with whom it goes to, how far it is and what can be done."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from apps.core.admin import link
from apps.flags.pages import Act, ActsPage, person
from apps.flags.state import rule_in_words
from apps.notifications.broadcasts import selectors, services
from apps.notifications.broadcasts.forms import BroadcastForm
from apps.notifications.broadcasts.models import Broadcast
from apps.notifications.broadcasts.services import BroadcastError

ADD, CHANGE, SEND = (f"notifications.{verb}_broadcast" for verb in ("add", "change", "send"))
Status = Broadcast.Status
_COLOURS = {
    Status.SCHEDULED: "info",
    Status.RUNNING: "info",
    Status.PAUSED: "warning",
    Status.STOPPED: "danger",
    Status.FINISHED: "success",
}


@admin.register(Broadcast)
class BroadcastAdmin(ActsPage):
    form = BroadcastForm
    list_display = ("title", "stage", "total", "starts_at", "started_at", "ended_at", "created_by", "started_by")
    list_display_links = None
    list_select_related = ("created_by", "started_by")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("name",)
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("name", "text_en", "text_es", "text_ru")}),
        (_("To whom and when"), {"fields": ("segment", ("per_minute", "starts_at"))}),
    )
    refusal = BroadcastError
    templates = "admin/notifications"
    acts = {
        "preview": Act(CHANGE, services.preview, asks=("telegram_id",)),
        "start": Act(SEND, services.start, asks=("seen",)),
        "pause": Act(SEND, services.pause),
        "resume": Act(SEND, services.resume),
        "stop": Act(SEND, services.stop),
    }

    @display(description=_("name"))
    def title(self, broadcast: Broadcast) -> SafeString:
        return link(self.page_of(broadcast), broadcast)

    @display(description=_("status"), label=_COLOURS)
    def stage(self, broadcast: Broadcast) -> tuple[str, str]:
        return broadcast.status, broadcast.get_status_display()

    # ---- Who may do what

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(ADD)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only drafts: what has gone out, or is about to, stays as it was confirmed."""
        is_draft = not isinstance(obj, Broadcast) or obj.status == Status.DRAFT
        return is_draft and request.user.has_perm(CHANGE)

    def save_model(self, request: HttpRequest, obj: Broadcast, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = person(request)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Broadcast, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return redirect(self.page_of(obj))

    def response_change(self, request: HttpRequest, obj: Broadcast) -> HttpResponse:
        return redirect(self.page_of(obj))

    # ---- One broadcast

    def get_urls(self) -> list[URLPattern]:
        show = self.admin_site.admin_view(self.show_view)
        return [path("<uuid:key>/show/", show, name="notifications_broadcast_show"), *super().get_urls()]

    def page_of(self, row: Broadcast | None) -> str:
        return reverse("admin:notifications_broadcast_show", args=[row.pk]) if row else super().page_of(row)

    def tell(self, request: HttpRequest, row: Broadcast | None) -> None:
        assert row is not None
        text = _("It is on its way to you.") if request.path.endswith("/preview/") else row.get_status_display()
        self.message_user(request, str(text), messages.SUCCESS)

    def show_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        row: Broadcast = self.row(request, str(key))
        may_send, is_draft = request.user.has_perm(SEND), row.status == Status.DRAFT
        progress = selectors.progress(row)
        total = selectors.headcount(row) if is_draft else row.total
        context = {
            "title": row.name,
            "row": row,
            "label": _COLOURS.get(Status(row.status)),
            "texts": [(name, text) for name, text in _texts(row) if text],
            "rules": [rule_in_words(rule) for rule in row.segment],
            "count": total,
            "progress": progress,
            "percent": min(100, round(100 * progress.done / total)) if total else 0,
            "fingerprint": selectors.fingerprint(row),
            "is_draft": is_draft,
            "may_change": self.has_change_permission(request, row),
            "may_send": may_send,
            "verbs": _VERBS.get(Status(row.status), ()) if may_send else (),
            "refreshes": row.status == Status.RUNNING,
        }
        return self.page(request, "broadcast", context)


_VERBS = {
    Status.SCHEDULED: (("stop", _("Call it off")),),
    Status.RUNNING: (("pause", _("Pause")), ("stop", _("Stop for good"))),
    Status.PAUSED: (("resume", _("Go on")), ("stop", _("Stop for good"))),
}


def _texts(row: Broadcast) -> list[tuple[str, str]]:
    return [("English", row.text_en), ("Español", row.text_es), ("Русский", row.text_ru)]
