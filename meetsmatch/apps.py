from django.apps import AppConfig
from django.contrib.admin import apps as admin


class MeetsMatchConfig(AppConfig):
    """The project as an app: it brings the commands that join all apps."""

    name = "meetsmatch"
    default = True


class AdminConfig(admin.AdminConfig):
    default = False
    default_site = "meetsmatch.admin.AdminSite"
