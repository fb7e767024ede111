"""The project: settings, routes, processes. The Celery app is loaded here so that tasks bind to it in every process."""

from apps.core.garbage import collect_seldom

collect_seldom()

from meetsmatch.celery import app as celery_app  # noqa: E402 all else is imported at that pace

__all__ = ["celery_app"]
