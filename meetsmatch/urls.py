from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from meetsmatch import health
from meetsmatch.api import api
from meetsmatch.metrics import metrics

urlpatterns = [
    path("telegram/", include("apps.bot.urls")),
    path("healthz", health.live),
    path("readyz", health.ready),
    path("metrics", metrics),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    # who only knows the host: the chat to try, or the staff's sign-in
    path("", RedirectView.as_view(url="/simulator/" if settings.SIMULATOR else "/admin/")),
]
if settings.SIMULATOR:
    urlpatterns.append(path("simulator/", include("apps.simulator.urls")))
