"""The workbench: the queue of cases, and the page of one on which everything about it is seen and decided."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.moderation import bulk, evidence_files, selectors
from apps.moderation.case_page import CLOCK_COLOURS, clock, read_page
from apps.moderation.dashboard import admin as dashboard
from apps.moderation.decisions import admin as _decisions  # noqa: F401 registers its pages
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.errors import ModerationError
from apps.moderation.evidence_files import READ_EVIDENCE
from apps.moderation.models import Case, Decision, Report
from apps.moderation.queue_page import SEVERITY_COLOURS, QueueList
from apps.moderation.rules import admin as _rules  # noqa: F401 registers its pages
from apps.moderation.services import DECIDE, claim, release_claim
from apps.moderation.transparency import admin as transparency
from apps.moderation.verification import admin as _verification  # noqa: F401 registers its pages
from apps.users.admin import MemberSearchMixin, member_link
from apps.users.staff_admin import viewing

LAST = "moderation_last_decision"  # in the session: what the key u takes back


@admin.register(Report)
class ReportAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("reporter__pk", "reported__pk")
    list_display = ("report", "reason_label", "who", "whom", "excerpt", "outcome", "created_at")
    list_select_related = ("reporter__profile", "reported__profile")
    list_filter = (("reason", ChoicesDropdownFilter), CreatedFilter)
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    fields = (("who", "whom"), ("reason", "outcome"), "words", ("case", "created_at"))

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


class QueueFilter(DropdownFilter):
    """Without a choice it is the queue itself."""

    title = _("what is to be done")
    parameter_name = "queue"
    all_option = ["", _("To decide")]

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return [
            ("free", _("To decide, and free")),
            ("mine", _("Claimed by me")),
            ("overdue", _("Overdue")),
            ("held", _("Waits for a second moderator")),
            ("closed", _("Closed")),
            ("all", _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        is_open = queryset.filter(status=Case.Status.OPEN, member__isnull=False)
        match self.value():
            case "free":
                return selectors.free_for(is_open, _person(request).pk)
            case "mine":
                return is_open.filter(claimed_by=_person(request).pk, claim_expires_at__gt=timezone.now())
            case "overdue":
                return is_open.filter(due_at__lt=timezone.now())
            case "held":
                return queryset.filter(status=Case.Status.HELD)
            case "closed":
                return queryset.filter(status__in=[Case.Status.CLOSED, Case.Status.LEFT])
            case "all":
                return queryset
        return is_open


@admin.register(Case)
class CaseAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("member__pk",)
    list_display = ("member", "severity", "due_at", "report_count", "status", "opened_at")  # drawn by QueueList
    list_select_related = ("member__profile", "claimed_by")
    list_filter = (QueueFilter, ("severity", ChoicesDropdownFilter))
    list_before_template = "admin/moderation/queue.html"
    list_per_page = 25  # worked through from the top, with the key n
    actions = ("dismiss_all", "decide_all")

    class Media:
        js = (Script("meetsmatch/case.js", defer=True),)

    # ---- The queue

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[QueueList]:
        return QueueList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-opened_at",) if request.GET.get("queue") in ("closed", "all") else ("-priority",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        figures = {"held_count": selectors.held().count(), "appeal_count": selectors.waiting_appeals().count()}
        response: HttpResponseBase = super().changelist_view(request, {**(extra_context or {}), **figures})
        return response

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(DECIDE)

    @action(description=_("Dismiss as one batch"), permissions=["decide"])
    def dismiss_all(self, request: HttpRequest, queryset: QuerySet[Case]) -> None:
        bulk.carry_out(request, bulk.chosen(queryset), Order(Decision.Action.DISMISS))

    @action(description=_("Decide as one batch…"), permissions=["decide"])
    def decide_all(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse:
        return bulk.ask(request, queryset)

    # ---- One case

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "moderation_case"
        return [
            *dashboard.urls(),
            *transparency.urls(),
            *evidence_files.urls(),
            *bulk.urls(),
            path("next/", wrap(self.next_view), name=f"{name}_next"),
            path("<uuid:key>/do/<slug:verb>/", wrap(require_POST(self.act_view)), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """The most urgent case that is free, or the one behind `after`, which is free again then."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = _uuid(request.GET.get("after"))
        after = Case.objects.filter(pk=key).first() if key else None
        if after:
            release_claim(after.pk, by=_person(request))
        return redirect(self._address_of_next(request, after))

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Opening a case claims it, if it is free and this person may decide."""
        key = _uuid(object_id)
        if key and self.has_view_permission(request) and self.has_decide_permission(request):
            claim(key, by=_person(request))
        return self._page(request, self._case(request, object_id))

    def act_view(self, request: HttpRequest, key: UUID, verb: str) -> HttpResponse:
        case = self._case(request, str(key))
        acts = {"decide": self._decide, "undo": self._undo, "release": self._judge, "refuse": self._judge}
        if verb == "read":
            return self._read(request, case)
        if verb == "claim":
            return self._claim(request, case)
        if verb not in acts:
            raise Http404
        try:
            return acts[verb](request, case, verb)
        except ModerationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(_address(case))

    def _decide(self, request: HttpRequest, case: Case, _verb: str) -> HttpResponse:
        self._need(request, DECIDE)
        posted = request.POST
        order = Order(
            posted.get("action", ""),
            template_id=_uuid(posted.get("reason")),
            words=posted.get("words", ""),
            hours=int(posted["hours"]) if posted.get("hours", "").isdecimal() else None,
            photo_id=_uuid(posted.get("photo")),
        )
        decision = services.decide(case.pk, by=_person(request), seen=posted.get("seen", ""), order=order)
        self.log_change(request, case, f"decided: {decision.action}")
        request.session[LAST] = str(decision.pk)
        said = (
            _("{what}: waits for a second moderator.") if decision.is_held else _("{what}: done. The key u undoes it.")
        )
        self.message_user(request, said.format(what=decision.get_action_display()), messages.SUCCESS)
        return redirect(self._address_of_next(request, case))

    def _undo(self, request: HttpRequest, case: Case, _verb: str) -> HttpResponse:
        """Of this case or, with the key u, of the case that one has just left."""
        entry = services.undo(_uuid(request.POST.get("decision")) or case.pk, by=_person(request))
        self.log_change(request, entry.case, "undone")
        request.session.pop(LAST, None)
        self.message_user(request, _("Undone: everything is as it was before."), messages.SUCCESS)
        return redirect(_address(entry.case))

    def _judge(self, request: HttpRequest, case: Case, verb: str) -> HttpResponse:
        self._need(request, services.APPROVE)
        key = _uuid(request.POST.get("decision")) or case.pk
        if verb == "release":
            entry = services.release(key, by=_person(request))
        else:
            entry = services.refuse(key, by=_person(request), words=request.POST.get("words", ""))
        self.log_change(request, case, verb)
        self.message_user(request, entry.get_action_display(), messages.SUCCESS)
        return redirect(_address(case))

    def _claim(self, request: HttpRequest, case: Case) -> HttpResponse:
        self._need(request, DECIDE)
        if not claim(case.pk, by=_person(request)):
            self.message_user(request, _("Somebody else works on it, or it is decided."), messages.ERROR)
        return redirect(_address(case))

    def _read(self, request: HttpRequest, case: Case) -> HttpResponse:
        """Shows a reported conversation, once, and writes down that it was shown to whom."""
        self._need(request, READ_EVIDENCE)
        evidence = get_object_or_404(selectors.evidence_of(case.pk), pk=_uuid(request.POST.get("evidence")))
        self.log_change(request, case, f"read the conversation of {selectors.source_of(evidence)}")
        return self._page(request, case, opened=evidence.pk)

    def _case(self, request: HttpRequest, object_id: str) -> Case:
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = _uuid(object_id)
        case = Case.objects.select_related("member__profile", "claimed_by").filter(pk=key).first() if key else None
        if case is None:
            raise Http404
        return case

    def _need(self, request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied

    def _page(self, request: HttpRequest, case: Case, *, opened: UUID | None = None) -> HttpResponse:
        person, now = _person(request), timezone.now()
        is_mine = case.is_claimed and case.claimed_by_id == person.pk
        context = {
            **self.admin_site.each_context(request),
            "title": str(case),
            "opts": self.opts,
            "page": read_page(case, person, opened=opened),
            "case": case,
            "clock": clock(case, now) if case.is_undecided else None,
            "clock_colours": CLOCK_COLOURS,
            "severity_colour": SEVERITY_COLOURS[case.severity],
            "priority": case.priority_at(now),
            "may_decide": case.status == Case.Status.OPEN and is_mine and self.has_decide_permission(request),
            "is_taken": case.is_claimed and not is_mine,
            "last_decision": request.session.get(LAST, ""),
            **viewing(person),
        }
        return TemplateResponse(request, "admin/moderation/case.html", context)

    def _address_of_next(self, request: HttpRequest, after: Case | None) -> str:
        following = selectors.next_case(_person(request).pk, after=after)
        return _address(following) if following else reverse("admin:moderation_case_changelist")


def _address(case: Case) -> str:
    return reverse("admin:moderation_case_change", args=[case.pk])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _person(request: HttpRequest) -> Any:
    assert request.user.is_authenticated, "the admin lets nobody else in"
    return request.user
