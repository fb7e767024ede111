"""Production: no default for any secret, HTTPS only."""

from django.core.exceptions import ImproperlyConfigured

from meetsmatch.settings.base import *  # noqa: F403
from meetsmatch.settings.base import ENV

ENV.require("DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS", "FIELD_ENCRYPTION_KEYS", "TELEGRAM_BOT_TOKEN", "PUBLIC_URL")
if not ENV.public_url.startswith("https://"):
    raise ImproperlyConfigured("PUBLIC_URL must start with https:// in production: Telegram posts to nothing else.")
if ENV.EDGE_URL and not ENV.EDGE_URL.startswith("https://"):
    raise ImproperlyConfigured("EDGE_URL must start with https:// in production: what is purged is signed, not hidden.")

DEBUG = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^telegram/webhook$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [ENV.public_url]
