from django.apps import AppConfig
from django.contrib.admin import apps as admin


class MeetsMatchConfig(AppConfig):
    """The project as an app: it brings the commands that join all apps, and tells the core what only flags know."""

    name = "meetsmatch"
    default = True

    def ready(self) -> None:
        from apps import flags
        from apps.core.resilience import faults

        faults.allow_when(lambda: flags.is_enabled("core.fault_injection"))


class AdminConfig(admin.AdminConfig):
    default = False
    default_site = "meetsmatch.admin.AdminSite"
