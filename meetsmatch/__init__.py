"""The project: settings, routes, processes. The Celery app is loaded here so that tasks bind to it in every process."""

from meetsmatch.celery import app as celery_app

__all__ = ["celery_app"]
