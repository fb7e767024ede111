from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from meetsmatch import health

urlpatterns = [
    path("telegram/", include("apps.bot.urls")),
    path("healthz", health.live),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
]
if settings.SIMULATOR:
    urlpatterns.append(path("simulator/", include("apps.simulator.urls")))
