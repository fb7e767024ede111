from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from meetsmatch import health
from meetsmatch.api import api

urlpatterns = [
    path("telegram/", include("apps.bot.urls")),
    path("healthz", health.live),
    path("readyz", health.ready),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
if settings.SIMULATOR:
    urlpatterns.append(path("simulator/", include("apps.simulator.urls")))
