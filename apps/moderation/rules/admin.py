"""Rules written in the browser: tried on a text as they are typed, backtested, versioned; and what they found."""

from typing import Any
from uuid import UUID

from celery import current_app
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm, Script
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.moderation.errors import ModerationError
from apps.moderation.models import Check, Finding, Rule
from apps.moderation.rules import services
from apps.moderation.rules.backtest import RUN, order
from apps.moderation.rules.facts import CATALOGUE
from apps.moderation.rules.forms import RuleForm, place_marked
from apps.moderation.rules.trial import try_rule
from apps.moderation.triage import Severity
from apps.users.admin import member_link

# In unfold's words; None is grey.
MODE_COLOURS = {Rule.Mode.OFF: None, Rule.Mode.SHADOW: "info", Rule.Mode.LIVE: "success"}
SEVERITY_COLOURS = {Severity.CRITICAL: "danger", Severity.HIGH: "warning", Severity.MEDIUM: "info", Severity.LOW: None}
OUTCOME_COLOURS = {Finding.Outcome.PENDING: "info", Finding.Outcome.UPHELD: "success", Finding.Outcome.DISMISSED: None}
WORDS = (("name", "about"), "expression", "action", ("severity", "mode"))
_found = Count("findings", filter=Q(findings__is_shadow=False))


@admin.register(Rule)
class RuleAdmin(BaseAdmin):
    """Findings name rules: they are switched off, never deleted."""

    form = RuleForm
    list_display = ("known_as", "about", "does", "severity_label", "mode_label", "found", "accuracy")
    list_filter = (("mode", ChoicesDropdownFilter), ("about", ChoicesDropdownFilter), ("action", ChoicesDropdownFilter))
    search_fields = ("name",)
    ordering = ("name",)
    fields = (*WORDS, "reason", "seen_version")
    change_form_after_template = "admin/moderation/rule_trial_place.html"
    change_form_outer_after_template = "admin/moderation/rule_more.html"

    class Media:
        js = (Script("meetsmatch/flags.js", defer=True),)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # ---- The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        rules: QuerySet[Rule] = super().get_queryset(request)
        outcomes = Finding.Outcome
        return rules.annotate(
            noted=Count("findings"),
            found=_found,
            upheld=Count("findings", filter=Q(findings__outcome=outcomes.UPHELD)),
            dismissed=Count("findings", filter=Q(findings__outcome=outcomes.DISMISSED)),
        )

    @display(description=_("rule"))
    def known_as(self, rule: Rule) -> SafeString:
        wrong = format_html(' <strong class="mm-wrong">{}</strong>', _("cannot be worked out")) if rule.error else ""
        return format_html('{}{}<small class="mm-under"><code>{}</code></small>', rule.name, wrong, rule.expression)

    @display(description=_("action"))
    def does(self, rule: Rule) -> str:
        return rule.get_action_display()

    @display(description=_("severity"), label=SEVERITY_COLOURS)
    def severity_label(self, rule: Rule) -> tuple[int, str]:
        return rule.severity, rule.get_severity_display()

    @display(description=_("mode"), label=MODE_COLOURS)
    def mode_label(self, rule: Rule) -> tuple[str, str]:
        return rule.mode, rule.get_mode_display().partition(":")[0]

    @display(description=_("found (in shadow)"))
    def found(self, rule: Any) -> str:
        return f"{rule.found} ({rule.noted - rule.found})"

    @display(description=_("upheld / dismissed"))
    def accuracy(self, rule: Any) -> str:
        return f"{rule.upheld} / {rule.dismissed}"

    # ---- The page of one

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return self.fields if may_write else WORDS

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[Any]]":
        if obj and not self.has_change_permission(request, obj):
            kwargs["form"] = ModelForm
        form: type[ModelForm[Any]] = super().get_form(request, obj, change, **kwargs)
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, object], *args: Any, obj: Model | None = None, **kwargs: Any
    ) -> HttpResponse:
        rule = Rule.objects.filter(pk=obj.pk).first() if obj else None
        context["facts"] = list(CATALOGUE.values())
        context["trial_url"] = reverse("admin:moderation_rule_try")
        context["rule"] = rule
        context["may_write"] = self.has_change_permission(request, obj)
        context["versions"] = rule.versions.select_related("by")[:20] if rule else ()
        context["backtests"] = rule.backtests.select_related("by")[:5] if rule else ()
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        assert isinstance(obj, Rule)
        data = form.cleaned_data
        services.save_rule(obj, by=_person(request), reason=data["reason"], seen_version=data["seen_version"])

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except ModerationError as error:  # what was right when the form was checked is not any more
            self.message_user(request, str(error), messages.ERROR)
            return redirect(request.path)
        return response

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(require_POST(self.try_view)), name="moderation_rule_try"),
            path("<uuid:key>/backtest/", wrap(require_POST(self.backtest_view)), name="moderation_rule_backtest"),
            *super().get_urls(),
        ]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """A piece of the rule's page: what the rule as it is typed says of a text. Nothing is saved."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        posted = request.POST
        expression = posted.get("expression", "").replace("\r\n", "\n").strip()
        trial = try_rule(
            expression,
            posted.get("about", ""),
            posted.get("action", ""),
            text=posted.get("try_text", ""),
            others=posted.get("try_facts", ""),
        )
        marked = place_marked(trial.error, expression) if trial.error else ""
        return TemplateResponse(request, "admin/moderation/rule_trial.html", {"trial": trial, "marked": marked})

    def backtest_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        rule = get_object_or_404(Rule, pk=key)
        if not self.has_change_permission(request, rule):
            raise PermissionDenied
        days = request.POST.get("days", "")
        if not days.isdecimal():
            raise Http404
        try:
            ordered = order(rule, days=int(days), by=_person(request))
        except ModerationError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            transaction.on_commit(lambda: current_app.signature(RUN, (str(ordered.pk),)).delay())
            self.log_change(request, rule, f"backtest of {days} days")
            self.message_user(request, _("A worker looks at it now; load this page again in a moment."))
        return redirect(reverse("admin:moderation_rule_change", args=[key]))


@admin.register(Finding)
class FindingAdmin(ReadOnlyMixin, BaseAdmin):
    """What rules found, those in shadow mode too. A row of a live rule leads to its case."""

    list_display = ("finding", "rule", "who", "severity_label", "in_shadow", "standing", "created_at")
    list_select_related = ("rule", "member__profile")
    list_filter = (("rule", RelatedDropdownFilter), "is_shadow", ("outcome", ChoicesDropdownFilter), CreatedFilter)
    ordering = ("-created_at",)
    fields = (
        ("rule", "version"),
        "who",
        ("severity", "action"),
        "why",
        ("is_shadow", "outcome"),
        ("case", "created_at"),
    )
    readonly_fields = ("who", "why")

    @display(description=_("finding"))
    def finding(self, finding: Finding) -> str:
        return str(finding.id)[:8]

    @display(description=_("member"))
    def who(self, finding: Finding) -> SafeString | str:
        return member_link(finding.member)

    @display(description=_("severity"), label=SEVERITY_COLOURS)
    def severity_label(self, finding: Finding) -> tuple[int, str]:
        return finding.severity, finding.get_severity_display()

    @display(description=_("in shadow"), boolean=True)
    def in_shadow(self, finding: Finding) -> bool:
        return finding.is_shadow

    @display(description=_("outcome"), label=OUTCOME_COLOURS)
    def standing(self, finding: Finding) -> tuple[str, str] | None:
        return None if finding.is_shadow else (finding.outcome, finding.get_outcome_display())

    @display(description=_("why"))
    def why(self, finding: Finding) -> str:
        return ", ".join(f"{name} = {value}" for name, value in finding.facts.items())


@admin.register(Check)
class CheckAdmin(ReadOnlyMixin, BaseAdmin):
    """Whether the automatic checks work. One that fails finds nothing and stops nothing."""

    list_display = ("name", "standing", "looked_until", "worked_at", "failures", "failed_at", "error")
    list_display_links = None
    ordering = ("name",)

    @display(description=_("state"), label={"works": "success", "fails": "danger"})
    def standing(self, check: Check) -> tuple[str, object]:
        return ("fails", _("Fails")) if check.is_failing else ("works", _("Works"))


def _person(request: HttpRequest) -> Any:
    assert request.user.is_authenticated, "the admin lets nobody else in"
    return request.user
