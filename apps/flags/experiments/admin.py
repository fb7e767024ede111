"""The pages of experiments: the list, a draft in words, the question before a start, and what was found."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from apps.core.admin import link
from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import FlagError
from apps.flags.experiments import services
from apps.flags.experiments.forms import ExperimentForm, OutlookForm
from apps.flags.experiments.models import Experiment, Metric
from apps.flags.experiments.outlook import Outlook, layer_of, outlook, told
from apps.flags.experiments.report import report
from apps.flags.experiments.words import variants_typed
from apps.flags.models import Flag
from apps.flags.pages import Act, ActsPage, flag_named, person
from apps.flags.state import rule_in_words
from apps.flags.texts import audience_in_words

ADD, CHANGE = "flags.add_experiment", "flags.change_experiment"
_COLOURS = {"draft": None, "running": "info", "ended": "success"}


class StatusFilter(DropdownFilter):
    title, parameter_name = _("status"), "status"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return list(Experiment.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> QuerySet[Experiment]:
        match self.value():
            case Experiment.Status.DRAFT:
                return queryset.filter(started_at=None)
            case Experiment.Status.RUNNING:
                return queryset.filter(started_at__isnull=False, ended_at=None)
            case Experiment.Status.ENDED:
                return queryset.filter(ended_at__isnull=False)
        return queryset


@admin.register(Experiment)
class ExperimentAdmin(ActsPage):
    list_display = ("title", "on_flag", "stage", "arms", "decides", "since", "who")
    list_display_links = None
    list_select_related = ("created_by", "started_by", "ended_by")
    list_filter = (StatusFilter,)
    search_fields = ("name", "flag")
    ordering = ("-created_at",)
    acts = {
        "start": Act(CHANGE, lambda key, **said: services.start(Experiment(pk=key), **said), asks=("seen",)),
        "stop": Act(CHANGE, lambda key, **said: services.stop(Experiment(pk=key), **said), asks=("reason",)),
        "discard": Act(CHANGE, lambda key, **_said: services.discard(Experiment(pk=key))),
    }

    # ---- The list

    @display(description=_("name"))
    def title(self, experiment: Experiment) -> SafeString:
        return link(self.page_of(experiment), experiment)

    @display(description=_("flag"))
    def on_flag(self, experiment: Any) -> SafeString | str:
        if experiment.flag_pk is None:
            return experiment.flag  # type: ignore[no-any-return]
        return link(reverse("admin:flags_flag_change", args=[experiment.flag_pk]), experiment.flag)

    @display(description=_("status"), label=_COLOURS)
    def stage(self, experiment: Experiment) -> tuple[str, object]:
        return experiment.status, experiment.status.label

    @display(description=_("variants"))
    def arms(self, experiment: Experiment) -> SafeString:
        lines = ((line,) for line in variants_typed(experiment.variants).splitlines())
        return format_html_join("", '<span class="mm-line">{}</span>', lines)

    @display(description=_("deciding metric"))
    def decides(self, experiment: Experiment) -> str:
        return str(Metric(experiment.metric).label)

    @display(description=_("since"))
    def since(self, experiment: Experiment) -> str:
        moment = experiment.ended_at or experiment.started_at or experiment.created_at
        return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")

    @display(description=_("by"))
    def who(self, experiment: Experiment) -> object:
        by = {"draft": experiment.created_by, "running": experiment.started_by, "ended": experiment.ended_by}
        return by[experiment.status] or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        flag = Flag.objects.filter(name=OuterRef("flag")).values("pk")[:1]
        found: QuerySet[Experiment] = super().get_queryset(request)
        return found.annotate(flag_pk=Subquery(flag))

    # ---- Who may do what

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(ADD)

    def page_of(self, row: Experiment | None) -> str:
        if row is None or row.status == Experiment.Status.DRAFT:
            return super().page_of(row)
        return reverse("admin:flags_experiment_results", args=[row.pk])

    def tell(self, request: HttpRequest, row: Experiment | None) -> None:
        if row is None:
            text = _("The draft is deleted.")
        elif row.status == Experiment.Status.RUNNING:
            text = _("It runs: members are told their variants from now on.")
        else:
            text = _("It has ended: everybody gets the flag’s regular answer again.")
        self.message_user(request, text, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("outlook/", view(require_POST(self.outlook_view)), name="flags_experiment_outlook"),
            path("<uuid:key>/start/", view(self.start_view), name="flags_experiment_start"),
            path("<uuid:key>/results/", view(self.results_view), name="flags_experiment_results"),
            *super().get_urls(),
        ]

    # ---- A draft

    def add_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = ExperimentForm(request.POST or None, initial={"flag": request.GET.get("flag", "")})
        return self._draft_page(request, form, None)

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        row: Experiment = self.row(request, object_id)
        if row.status != Experiment.Status.DRAFT or not request.user.has_perm(CHANGE):
            return self.page(request, "experiments/design", self._facts(row))
        return self._draft_page(request, ExperimentForm(request.POST or None, instance=row), row)

    def _draft_page(self, request: HttpRequest, form: ExperimentForm, row: Experiment | None) -> HttpResponse:
        saved = self._save(request, form, is_new=row is None)
        if saved is not None:
            goes_on = "_start" in request.POST and request.user.has_perm(CHANGE)
            return redirect("admin:flags_experiment_start" if goes_on else "admin:flags_experiment_change", saved.pk)
        context = {
            "title": _("Draft of an experiment"),
            "form": form,
            "row": row,
            "flag": flag_named(form["flag"].value()),
            "outlook": _outlook(row) if row and not form.is_bound else None,
        }
        return self.page(request, "experiments/draft", context)

    def _save(self, request: HttpRequest, form: ExperimentForm, *, is_new: bool) -> Experiment | None:
        if not form.is_valid():
            return None
        try:
            saved = services.save_draft(form.instance, by=person(request), seen=form.cleaned_data["seen"] or None)
        except FlagError as error:
            form.add_error(None, str(error))
            return None
        (self.log_addition if is_new else self.log_change)(request, saved, "Draft.")
        self.message_user(request, _("The draft is saved. Nobody is told anything before it starts."), messages.SUCCESS)
        return saved

    def outlook_view(self, request: HttpRequest) -> HttpResponse:
        """A piece of the draft's page: for how many and how long what is typed would be. Nothing is saved."""
        if not (request.user.has_perm(ADD) or request.user.has_perm(CHANGE)):
            raise PermissionDenied
        form = OutlookForm(request.POST)
        found = _outlook(form.instance) if form.is_valid() else None
        return TemplateResponse(request, "admin/flags/experiments/outlook.html", {"form": form, "outlook": found})

    # ---- From the start on

    def start_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """What would happen, and the question whether it should."""
        row: Experiment = self.row(request, str(key))
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        if row.status != Experiment.Status.DRAFT:
            return redirect(self.page_of(row))
        found = _outlook(row)
        context = {
            "outlook": found,
            "told": told(row, found.taking_part) if found else (),
            "layer": layer_of(row),
            "in_the_way": self._in_the_way(request, row),
        }
        return self.page(request, "experiments/start", {**self._facts(row), **context})

    def _in_the_way(self, request: HttpRequest, row: Experiment) -> str:
        try:
            with transaction.atomic():
                services.check_start(row, by=person(request))
        except FlagError as error:
            return str(error)
        return ""

    def results_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        row: Experiment = self.row(request, str(key))
        if row.status == Experiment.Status.DRAFT:
            return redirect(self.page_of(row))
        may_stop = row.status == Experiment.Status.RUNNING and request.user.has_perm(CHANGE)
        context = {"report": report(row, timezone.now()), "may_stop": may_stop}
        return self.page(request, "experiments/results", {**self._facts(row), **context})

    def _facts(self, row: Experiment) -> dict[str, Any]:
        flag, definition = flag_named(row.flag), CATALOGUE.get(row.flag)
        return {
            "title": row.name,
            "row": row,
            "flag": flag,
            "regular": audience_in_words(definition, flag.state) if flag and definition else "",
            "label": _COLOURS[row.status],
            "variants": variants_typed(row.variants).splitlines(),
            "rules": [rule_in_words(rule) for rule in row.segment],
            "deciding": Metric(row.metric).label,
            "watched": [Metric(name).label for name in row.also_watched],
            "fingerprint": services.fingerprint(row),
        }


def _outlook(design: Experiment) -> Outlook | None:
    """None for rules that cannot be read any more."""
    try:
        return outlook(design, timezone.now())
    except FlagError:
        return None
