"""Who matched, what a member's deck is made of, which model ranks, and what was learned of tastes."""

from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

import apps.matching.batches.admin  # noqa: F401 Django looks for an app's pages here
from apps.core.admin import BaseAdmin, CreatedFilter, ReadOnlyMixin
from apps.matching.learning.models import RankerModel, TasteFit
from apps.matching.learning.trainer import RankerError, State, make_running, stop_running
from apps.matching.models import Match
from apps.matching.selectors import deck_story, is_listed
from apps.users.admin import MemberSearchMixin, member_link
from apps.users.models import Member, User

CARDS_SHOWN = 20


@admin.register(Match)
class MatchAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("low__pk", "high__pk")
    list_display = ("match", "one", "other", "standing", "created_at", "ended_at", "by")
    list_select_related = ("low__profile", "high__profile", "ended_by__profile")
    list_filter = (CreatedFilter, ("ended_at", admin.EmptyFieldListFilter))
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    fields = (("one", "other"), "created_at", ("ended_at", "by"))

    def get_urls(self) -> list[URLPattern]:
        deck = self.admin_site.admin_view(self.deck_view)
        return [path("deck/<uuid:member_id>/", deck, name="matching_member_deck"), *super().get_urls()]

    def deck_view(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """What a member's deck is made of and why. Read-only: nobody counts as shown."""
        if not request.user.has_perm("users.view_member"):
            raise PermissionDenied
        member = get_object_or_404(Member.objects.select_related("profile", "preferences"), pk=member_id)
        has_deck = hasattr(member, "profile") and is_listed(member)
        stories = deck_story(member, CARDS_SHOWN) if has_deck else []
        ids = [story.placement.candidate_id for story in stories]
        candidates = User.objects.select_related("profile").in_bulk(ids)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Deck"),
            "member": member,
            "is_listed": has_deck,
            "cards": [(story, candidates[id_]) for id_, story in zip(ids, stories, strict=True) if id_ in candidates],
        }
        return TemplateResponse(request, "admin/matching/deck.html", context)

    @display(description=_("match"))
    def match(self, match: Match) -> str:
        return str(match.id)[:8]

    @display(description=_("one"))
    def one(self, match: Match) -> SafeString | str:
        return member_link(match.low)

    @display(description=_("other"))
    def other(self, match: Match) -> SafeString | str:
        return member_link(match.high)

    @display(description=_("state"), label={"on": "success"})
    def standing(self, match: Match) -> tuple[str, object]:
        return ("ended", _("Ended")) if match.ended_at else ("on", _("On"))

    @display(description=_("ended by"))
    def by(self, match: Match) -> SafeString | str:
        return member_link(match.ended_by)


# In unfold's words; a state without one is grey.
MODEL_COLOURS = {State.RUNNING: "success", State.CANDIDATE: "info", State.REJECTED: "warning"}


@admin.register(RankerModel)
class RankerModelAdmin(ReadOnlyMixin, BaseAdmin):
    """Trained models with their figures, all on days that none of the two compared had seen. One is chosen by hand."""

    list_display = ("version", "standing", "auc", "log_loss", "calibration", "in_top", "trained_at", "why", "run")
    ordering = ("-number",)
    fields = (("version", "standing"), "trained_at", "why", ("auc", "log_loss"), ("calibration", "in_top"), "features")
    readonly_fields = ("version", "standing", "auc", "log_loss", "calibration", "in_top", "features")

    @display(description=_("version"))
    def version(self, ranker: RankerModel) -> str:
        return ranker.version

    @display(description=_("state"), label=MODEL_COLOURS)
    def standing(self, ranker: RankerModel) -> tuple[State, object]:
        return State(ranker.state), State(ranker.state).label

    @display(description=_("AUC (that of the model before)"))
    def auc(self, ranker: RankerModel) -> str:
        return _figure(ranker, "auc")

    @display(description=_("log loss"))
    def log_loss(self, ranker: RankerModel) -> str:
        return _figure(ranker, "log_loss")

    @display(description=_("calibration error"))
    def calibration(self, ranker: RankerModel) -> str:
        return _figure(ranker, "calibration_error")

    @display(description=_("mutual likes in the top three"))
    def in_top(self, ranker: RankerModel) -> str:
        return _figure(ranker, "mutual_in_top_3")

    @display(description=_("features"))
    def features(self, ranker: RankerModel) -> str:
        weighed = zip(ranker.model["features"], ranker.model["coefficients"], strict=True)
        return ", ".join(f"{name} {weight:+.2f}" for name, weight in sorted(weighed, key=lambda pair: -abs(pair[1])))

    @display(description=_("ranks"))
    def run(self, ranker: RankerModel) -> SafeString | str:
        """A link to the page that asks why, and then lets this model rank, or the running one stop."""
        is_running = ranker.state == State.RUNNING
        url = reverse(f"admin:matching_rankermodel_{'stop' if is_running else 'run'}", args=[ranker.pk])
        return format_html('<a class="mm-switch" href="{}">{}</a>', url, _("Stop") if is_running else _("Let it rank"))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self.list_display if _may_choose(request) else self.list_display[:-1]

    def get_urls(self) -> list[URLPattern]:
        choose = self.admin_site.admin_view(self.choose_view)
        return [
            path("<uuid:pk>/run/", choose, {"run": True}, name="matching_rankermodel_run"),
            path("<uuid:pk>/stop/", choose, {"run": False}, name="matching_rankermodel_stop"),
            *super().get_urls(),
        ]

    def choose_view(self, request: HttpRequest, pk: UUID, *, run: bool) -> HttpResponse:
        """Asks why; then lets this model rank, or the starting model in the place of this one."""
        if not _may_choose(request):
            raise PermissionDenied
        ranker = get_object_or_404(RankerModel, pk=pk)
        if request.method == "POST" and self._choose(request, ranker, run=run):
            return redirect("admin:matching_rankermodel_changelist")
        title = _("Let {version} rank") if run else _("Go back from {version} to the starting model")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title.format(version=ranker.version),
        }
        return TemplateResponse(request, "admin/matching/run_model.html", context)

    def _choose(self, request: HttpRequest, ranker: RankerModel, *, run: bool) -> bool:
        reason = request.POST.get("reason", "")
        try:
            if run:
                make_running(ranker, why=reason)
            else:
                stop_running(ranker, why=reason)
        except RankerError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        self.log_change(request, ranker, f"{'Let it rank' if run else 'Stopped'}: {reason}"[:500])
        self.message_user(request, _("Done."), messages.SUCCESS)
        return True


@admin.register(TasteFit)
class TasteFitAdmin(ReadOnlyMixin, BaseAdmin):
    """What became of each night's fit of members' tastes. Log losses are of swipes that none of them had seen."""

    list_display = ("until", "outcome", "members", "swipes", "without", "before", "found", "fitted_at", "why")
    ordering = ("-until",)
    fields = (("until", "outcome"), "fitted_at", ("members", "swipes"), ("without", "before", "found"), "why")
    readonly_fields = ("outcome", "members", "swipes", "without", "before", "found")

    @display(description=_("outcome"), label={"kept": "success", "dropped": "warning"})
    def outcome(self, fit: TasteFit) -> tuple[str, object]:
        return ("kept", _("Kept")) if fit.is_kept else ("dropped", _("Dropped"))

    @display(description=_("members with tastes"))
    def members(self, fit: TasteFit) -> str:
        return f"{fit.figures['members']:,}"

    @display(description=_("swipes learned from"))
    def swipes(self, fit: TasteFit) -> str:
        return f"{fit.figures['swipes']:,}"

    @display(description=_("log loss without tastes"))
    def without(self, fit: TasteFit) -> str:
        return _log_loss(fit, "none")

    @display(description=_("with those before"))
    def before(self, fit: TasteFit) -> str:
        return _log_loss(fit, "before")

    @display(description=_("with these"))
    def found(self, fit: TasteFit) -> str:
        return _log_loss(fit, "found")


def _log_loss(fit: TasteFit, which: str) -> str:
    """A fit that came to nothing has none."""
    loss = fit.figures.get(f"log_loss_{which}")
    return "–" if loss is None else f"{loss:.4f}"


def _may_choose(request: HttpRequest) -> bool:
    """Changing is for the services alone, so that the admin's own permission to change stays closed."""
    return request.user.has_perm("matching.change_rankermodel")


def _figure(ranker: RankerModel, name: str) -> str:
    ours, theirs = (ranker.figures.get(who, {}).get(name) for who in ("new", "running"))
    return "–" if ours is None or theirs is None else f"{ours:.4f} ({theirs:.4f})"
