"""One machine, nothing installed, nothing secret."""

from meetsmatch.logs import configure_logs
from meetsmatch.settings.base import *  # noqa: F403
from meetsmatch.settings.base import ENV, STORAGES

DEBUG = True
LOGGING = configure_logs(json=False)
SECRET_KEY = ENV.DJANGO_SECRET_KEY or "dev-only-dev-only-dev-only-dev-only-dev-only-dev-only"
ALLOWED_HOSTS = ENV.DJANGO_ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]
FIELD_ENCRYPTION_KEYS = ENV.FIELD_ENCRYPTION_KEYS or ["ZGV2LW9ubHktZGV2LW9ubHktZGV2LW9ubHktZGV2LW8="]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
