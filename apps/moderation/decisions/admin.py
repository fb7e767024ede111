"""The log of decisions, the queue of appeals, and the texts that decisions are made with."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.moderation.decisions import services
from apps.moderation.decisions.appeals import DECIDE_APPEAL, decide_appeal, took_part
from apps.moderation.errors import ModerationError
from apps.moderation.models import Appeal, Decision, Policy, PolicyText, ReasonTemplate, ReasonText
from apps.moderation.selectors import held, next_appeal, waiting_appeals
from apps.moderation.texts import statement
from apps.users.admin import member_link

# In unfold's words; None is grey.
COLOURS = {
    Decision.Action.DISMISS: None,
    Decision.Action.WARN: "info",
    Decision.Action.HIDE_PHOTO: "info",
    Decision.Action.EDIT_BIO: "info",
    Decision.Action.LIMIT: "warning",
    Decision.Action.SUSPEND: "warning",
    Decision.Action.BAN: "danger",
    Decision.Action.SHADOW_LIMIT: "warning",
    Decision.Action.RELEASE: "success",
    Decision.Action.REFUSE: None,
    Decision.Action.UNDO: None,
}


class StageFilter(DropdownFilter):
    title = _("what is to be done")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("held", _("Waits for a second moderator"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        return queryset.filter(pk__in=held().values("pk")) if self.value() == "held" else queryset


class BatchFilter(admin.SimpleListFilter):
    """Only by the address that the queue gives after a batch was decided."""

    title = _("batch")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return [(request.GET["batch"], _("This batch"))] if "batch" in request.GET else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        try:
            return queryset.filter(batch=UUID(self.value())) if self.value() else queryset
        except ValueError:
            return queryset.none()


@admin.register(Decision)
class DecisionAdmin(ReadOnlyMixin, BaseAdmin):
    """The log. A row leads to its case: there it is judged and undone."""

    list_display = ("what", "about_whom", "template", "until", "by", "created_at")
    list_select_related = ("case__member__profile", "template", "by")
    list_filter = (StageFilter, ("action", ChoicesDropdownFilter), CreatedFilter, BatchFilter)
    ordering = ("-created_at",)
    actions = ("undo_all", "release_all", "refuse_all")

    @display(description=_("decision"), label=COLOURS)
    def what(self, decision: Decision) -> tuple[str, str]:
        return decision.action, decision.get_action_display()

    @display(description=_("member"))
    def about_whom(self, decision: Decision) -> SafeString | str:
        return member_link(decision.case.member)

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        decision = self.get_object(request, object_id)
        if decision is None:
            raise Http404
        return redirect(reverse("admin:moderation_case_change", args=[decision.case_id]))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("moderation.decide_case")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.APPROVE)

    @action(description=_("Approve"), permissions=["approve"])
    def release_all(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._tell(request, "release", *services.release_all(_keys(queryset), by=request.user))

    @action(description=_("Refuse"), permissions=["approve"])
    def refuse_all(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        words = str(_("Refused together with others."))
        self._tell(request, "refuse", *services.refuse_all(_keys(queryset), by=request.user, words=words))

    def _tell(self, request: HttpRequest, verb: str, done: list[Decision], refused: list[ModerationError]) -> None:
        for error in refused:
            self.message_user(request, str(error), messages.ERROR)
        self.log_changes(request, [entry.case for entry in done], verb)
        self.message_user(request, _("{count} done.").format(count=len(done)), messages.SUCCESS)

    @action(description=_("Undo"), permissions=["decide"])
    def undo_all(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        undone = []
        for decision in queryset.select_related("case")[:100]:
            try:
                undone.append(services.undo(decision.pk, by=request.user).case)
            except ModerationError as error:
                self.message_user(request, f"{decision.case}: {error}", messages.ERROR)
        self.log_changes(request, undone, "undone")
        self.message_user(request, _("{count} undone.").format(count=len(undone)), messages.SUCCESS)


def _keys(decisions: QuerySet[Decision]) -> list[UUID]:
    return list(decisions.values_list("pk", flat=True)[:100])


class WaitingFilter(DropdownFilter):
    """Without a choice it is the queue itself."""

    title = _("what is to be done")
    parameter_name = "queue"
    all_option = ["", _("To decide")]

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [("decided", _("Decided"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appeal]) -> QuerySet[Appeal]:
        waiting = Appeal.Status.WAITING
        return queryset.exclude(status=waiting) if self.value() == "decided" else queryset.filter(status=waiting)


@admin.register(Appeal)
class AppealAdmin(ReadOnlyMixin, BaseAdmin):
    list_display = ("appeal", "who", "what", "decided_first_by", "clock", "standing", "created_at")
    list_select_related = ("member__profile", "decision__by")
    list_filter = (WaitingFilter,)
    ordering = ("due_at",)

    @display(description=_("appeal"))
    def appeal(self, appeal: Appeal) -> str:
        return str(appeal.id)[:8]

    @display(description=_("member"))
    def who(self, appeal: Appeal) -> SafeString | str:
        return member_link(appeal.member)

    @display(description=_("decision"), label=COLOURS)
    def what(self, appeal: Appeal) -> tuple[str, str]:
        return appeal.decision.action, appeal.decision.get_action_display()

    @display(description=_("decided by"))
    def decided_first_by(self, appeal: Appeal) -> str:
        return str(appeal.decision.by or "–")

    @display(description=_("due"), label={"late": "danger", "calm": "success"})
    def clock(self, appeal: Appeal) -> tuple[str, object] | None:
        if appeal.status != Appeal.Status.WAITING:
            return None
        return "late" if appeal.due_at < timezone.now() else "calm", timezone.localtime(appeal.due_at).date()

    @display(description=_("state"), label={"waiting": "warning", "upheld": None, "overturned": "success"})
    def standing(self, appeal: Appeal) -> tuple[str, str]:
        return appeal.status, appeal.get_status_display()

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(require_POST(self.act_view))
        return [path("<uuid:key>/do/<slug:verb>/", act, name="moderation_appeal_act"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        appeal = self._appeal(request, object_id)
        is_waiting, has_right = appeal.status == Appeal.Status.WAITING, request.user.has_perm(DECIDE_APPEAL)
        is_own = took_part(appeal.decision, request.user)
        context = {
            **self.admin_site.each_context(request),
            "title": str(appeal),
            "opts": self.opts,
            "appeal": appeal,
            "statement": SafeString(statement(appeal.decision).replace("\n", "<br>")),
            "may_decide": is_waiting and has_right and not is_own,
            "is_own": is_waiting and has_right and is_own,
            "next_appeal": next_appeal(appeal),
        }
        return TemplateResponse(request, "admin/moderation/appeal.html", context)

    def act_view(self, request: HttpRequest, key: UUID, verb: str) -> HttpResponse:
        appeal = self._appeal(request, str(key))
        if verb not in ("uphold", "overturn"):
            raise Http404
        if not request.user.has_perm(DECIDE_APPEAL):
            raise PermissionDenied
        try:
            words = request.POST.get("words", "")
            decided = decide_appeal(key, by=request.user, overturn=verb == "overturn", words=words)
        except ModerationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(reverse("admin:moderation_appeal_change", args=[key]))
        self.log_change(request, appeal, verb)
        self.message_user(request, decided.get_status_display(), messages.SUCCESS)
        following = waiting_appeals().first()
        there = reverse("admin:moderation_appeal_changelist")
        return redirect(reverse("admin:moderation_appeal_change", args=[following.pk]) if following else there)

    def _appeal(self, request: HttpRequest, object_id: str) -> Appeal:
        if not self.has_view_permission(request):
            raise PermissionDenied
        related = ("member__profile", "decision__by", "decision__case", "decision__policy", "decision__template")
        try:
            found = Appeal.objects.select_related(*related, "decided_by").filter(pk=UUID(object_id)).first()
        except ValueError:
            found = None
        if found is None:
            raise Http404
        return found


class _TextInline(TabularInline):
    extra = 0
    max_num = 3


class PolicyTextInline(_TextInline):
    model = PolicyText
    fields = ("language", "title", "text")


class ReasonTextInline(_TextInline):
    model = ReasonText
    fields = ("language", "text")


class _TextsAdmin(BaseAdmin):
    """Decisions name them: they are switched off, never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Policy)
class PolicyAdmin(_TextsAdmin):
    list_display = ("key", "clause", "is_active", "languages")
    ordering = ("clause",)
    fields = (("key", "clause"), ("is_active", "allows_shadow_limit"))
    inlines = (PolicyTextInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        policies: QuerySet[Policy] = super().get_queryset(request)
        return policies.prefetch_related("texts")

    @display(description=_("languages"), label=True)
    def languages(self, policy: Policy) -> list[str]:
        return sorted(text.language for text in policy.texts.all())


@admin.register(ReasonTemplate)
class ReasonTemplateAdmin(_TextsAdmin):
    list_display = ("name", "letter", "clause", "is_active", "languages")
    list_select_related = ("policy",)
    ordering = ("letter",)
    fields = (("name", "letter"), "policy", ("category", "keyword"), "is_active")
    inlines = (ReasonTextInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReasonTemplate]:
        templates: QuerySet[ReasonTemplate] = super().get_queryset(request)
        return templates.prefetch_related("texts")

    @display(description=_("policy"))
    def clause(self, template: ReasonTemplate) -> str:
        return f"{template.policy.clause} {template.policy.key}"

    @display(description=_("languages"), label=True)
    def languages(self, template: ReasonTemplate) -> list[str]:
        return sorted(text.language for text in template.texts.all())
