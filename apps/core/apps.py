from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def import_models(self) -> None:
        """The one table of the core stands beside what it is about."""
        from apps.core.resilience import models  # noqa: F401

        super().import_models()
