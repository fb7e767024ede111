"""The queue of selfies, and the page on which one is compared with the photos of the profile."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from apps.core.admin import BaseAdmin, ReadOnlyMixin
from apps.core.errors import GatewayError
from apps.core.gateways.telegram import bot_api
from apps.moderation.errors import ModerationError
from apps.moderation.models import Verification
from apps.moderation.verification import services
from apps.moderation.verification.services import DECIDE_VERIFICATION
from apps.users.admin import MemberSearchMixin, member_link
from apps.users.models import Photo
from apps.users.staff_admin import viewing

APPROVE = "approve"
COLOURS = {"waiting": "warning", "approved": "success", "rejected": "danger", "expired": None}


class StageFilter(DropdownFilter):
    """Without a choice it is the queue itself."""

    title = _("what is to be done")
    parameter_name = "stage"
    all_option = ["", _("To decide")]

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("decided", _("Decided"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        waiting = Verification.Status.WAITING
        return queryset.exclude(status=waiting) if self.value() == "decided" else queryset.filter(status=waiting)


@admin.register(Verification)
class VerificationAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("member__pk",)
    list_display = ("verification", "who", "gesture", "standing", "decided_by", "created_at")
    list_select_related = ("member__profile", "decided_by")
    list_filter = (StageFilter,)
    list_before_template = "admin/moderation/verification_queue.html"
    ordering = ("created_at",)

    @display(description=_("verification"))
    def verification(self, attempt: Verification) -> str:
        return str(attempt.id)[:8]

    @display(description=_("member"))
    def who(self, attempt: Verification) -> SafeString | str:
        return member_link(attempt.member)

    @display(description=_("state"), label=COLOURS)
    def standing(self, attempt: Verification) -> tuple[str, str]:
        return attempt.status, attempt.get_status_display()

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "moderation_verification"
        return [
            path("next/", wrap(self.next_view), name=f"{name}_next"),
            path("<uuid:key>/decide/", wrap(require_POST(self.decide_view)), name=f"{name}_decide"),
            path("<uuid:key>/selfie/", wrap(self.selfie_view), name=f"{name}_selfie"),
            *super().get_urls(),
        ]

    def next_view(self, request: HttpRequest) -> HttpResponse:
        self._need_right(request)
        return redirect(_address_of_next(_found(request.GET.get("after"))))

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Who looked at whose selfie is in the audit log."""
        self._need_right(request)
        attempt = self._attempt(object_id)
        photos = list(Photo.objects.shown_of(attempt.member))
        self.log_change(request, attempt, "looked at the selfie")
        context = {
            **self.admin_site.each_context(request),
            "title": str(attempt),
            "opts": self.opts,
            "attempt": attempt,
            "photos": photos,
            "may_decide": attempt.status == Verification.Status.WAITING,
            "choices": [(APPROVE, _("It is the same person: verify")), *Verification.Reason.choices],
            **viewing(request.user),
        }
        return TemplateResponse(request, "admin/moderation/verification.html", context)

    def decide_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        self._need_right(request)
        attempt, chosen = self._attempt(str(key)), request.POST.get("action", "")
        try:
            if chosen == APPROVE:
                decided = services.approve(key, by=_person(request), photo_id=_uuid(request.POST.get("photo")))
            else:
                decided = services.reject(key, by=_person(request), reason=chosen)
        except ModerationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(reverse("admin:moderation_verification_change", args=[key]))
        self.log_change(request, attempt, decided.status)
        self.message_user(request, f"{attempt.member.profile.name}: {decided.get_status_display()}", messages.SUCCESS)
        return redirect(_address_of_next(attempt))

    def selfie_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Fetched from Telegram and kept nowhere. 404 when it is gone."""
        self._need_right(request)
        attempt = self._attempt(str(key))
        if not attempt.file_id:
            raise Http404
        try:
            content = async_to_sync(_download)(attempt.file_id)
        except GatewayError:
            raise Http404 from None
        return HttpResponse(content, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})

    def _need_right(self, request: HttpRequest) -> None:
        if not request.user.has_perm(DECIDE_VERIFICATION):
            raise PermissionDenied

    def _attempt(self, object_id: str) -> Verification:
        found = _found(object_id)
        if found is None:
            raise Http404
        return found


def _found(text: str | None) -> Verification | None:
    key = _uuid(text)
    return Verification.objects.select_related("member__profile", "decided_by").filter(pk=key).first() if key else None


def _address_of_next(after: Verification | None) -> str:
    following = services.next_waiting(after)
    if following is None:
        return reverse("admin:moderation_verification_changelist")
    return reverse("admin:moderation_verification_change", args=[following.pk])


async def _download(file_id: str) -> bytes:
    async with bot_api() as api:
        return await api.download(file_id)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _person(request: HttpRequest) -> Any:
    assert request.user.is_authenticated, "the admin lets nobody else in"
    return request.user
