"""The page with which a lead of moderation begins the day."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.moderation.dashboard import charts
from apps.moderation.dashboard.figures import RANGES_DAYS, read_figures

SEE_DASHBOARD = "moderation.see_dashboard"


def urls() -> list[URLPattern]:
    """Below the list of cases."""
    return [path("dashboard/", admin.site.admin_view(dashboard), name="moderation_dashboard")]


def dashboard(request: HttpRequest) -> HttpResponse:
    """Of the last 7, 30 or 90 days; what else is asked for is 30."""
    if not request.user.has_perm(SEE_DASHBOARD):
        raise PermissionDenied
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isdecimal() and int(asked) in RANGES_DAYS else 30
    figures = read_figures(days, timezone.now())
    context = {
        **admin.site.each_context(request),
        "title": _("Moderation at a glance"),
        "figures": figures,
        "ranges": RANGES_DAYS,
        "charts": [charts.depth(figures), charts.decided(figures)],
        "daily": charts.daily(figures),
        "most_made": max((work.made for work in figures.by_kind), default=1),
    }
    return TemplateResponse(request, "admin/moderation/dashboard.html", context)
