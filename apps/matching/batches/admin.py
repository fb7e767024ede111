"""Builds of decks: how far they have come, and how the market does that they serve."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from apps.core.admin import BaseAdmin, ReadOnlyMixin
from apps.matching.batches import builds
from apps.matching.batches.health import market_health
from apps.matching.batches.models import DeckBuild

COLOURS = {DeckBuild.State.RUNNING: "info", DeckBuild.State.FINISHED: "success", DeckBuild.State.STOPPED: "warning"}


@admin.register(DeckBuild)
class DeckBuildAdmin(ReadOnlyMixin, BaseAdmin):
    """Begun and stopped here by who may; the workers do the rest."""

    list_display = ("started_at", "standing", "done", "territories", "rate", "left", "why", "ended_at")
    list_per_page = 20
    list_before_template = "admin/matching/builds.html"
    ordering = ("-started_at",)
    fields = ("started_at", "standing", "done", "territories", "rate", "why", "ended_at")
    readonly_fields = ("standing", "done", "territories", "rate")

    def get_urls(self) -> list[URLPattern]:
        begin, stop = (self.admin_site.admin_view(require_POST(view)) for view in (self.begin_view, self.stop_view))
        return [
            path("begin/", begin, name="matching_deckbuild_begin"),
            path("<uuid:pk>/stop/", stop, name="matching_deckbuild_stop"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "sides": market_health(),
            "may_build": _may_build(request),
            "running": builds.running_build(),
            **(extra_context or {}),
        }
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Begins a build, of everything if asked to; the workers take it up within a minute."""
        if not _may_build(request):
            raise PermissionDenied
        why = request.POST.get("reason", "").strip() or str(_("by hand"))
        build = builds.start(why=why, everything="everything" in request.POST)
        self.log_change(request, build, f"Begun: {why}"[:500])
        self.message_user(request, _("It runs: the workers take it up within a minute."), messages.SUCCESS)
        return redirect("admin:matching_deckbuild_changelist")

    def stop_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not _may_build(request):
            raise PermissionDenied
        build = get_object_or_404(DeckBuild, pk=pk)
        if builds.stop(build):
            self.log_change(request, build, "Stopped")
            self.message_user(request, _("Stopped. Decks that were built stay."), messages.SUCCESS)
        return redirect("admin:matching_deckbuild_changelist")

    @display(description=_("state"), label=COLOURS)
    def standing(self, build: DeckBuild) -> tuple[str, object]:
        state = DeckBuild.State(build.state)
        return state, state.label

    @display(description=_("members"))
    def done(self, build: DeckBuild) -> SafeString:
        done = self._progress(build)
        return format_html(
            '{} / {} <progress class="mm-bar" value="{}" max="1" aria-hidden="true"></progress>',
            f"{done.built:,}",
            f"{done.members:,}",
            f"{done.share:.3f}",
        )

    @display(description=_("territories"))
    def territories(self, build: DeckBuild) -> str:
        done = self._progress(build)
        failed = _(", {count} failed").format(count=done.failed) if done.failed else ""
        return f"{done.done} / {done.territories}{failed}"

    @display(description=_("members a second"))
    def rate(self, build: DeckBuild) -> str:
        rate = self._progress(build).rate
        return "–" if rate is None else f"{rate:,.0f}"

    @display(description=_("minutes left"))
    def left(self, build: DeckBuild) -> str:
        secs = self._progress(build).secs_left
        return "–" if secs is None else f"{secs / 60:,.0f}"

    def _progress(self, build: DeckBuild) -> builds.Progress:
        """Asked for once a row, whichever columns want it; few builds are on a page."""
        known: builds.Progress | None = build.__dict__.get("progress")
        if known is None:
            known = build.__dict__["progress"] = builds.progress(build)
        return known


def _may_build(request: HttpRequest) -> bool:
    return request.user.has_perm("matching.change_deckbuild")
