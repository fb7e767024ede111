"""What all environments share. Everything that differs between machines comes from the environment (meetsmatch.env)."""

import os
from pathlib import Path

from botocore.config import Config
from celery.schedules import crontab
from csp.constants import NONE, SELF
from kombu import Queue  # type: ignore[attr-defined]
from psycopg.conninfo import conninfo_to_dict

from apps.core.resilience.policies import DATABASE, MEDIA, REDIS
from meetsmatch import embedded
from meetsmatch.env import Environment, read_environment
from meetsmatch.logs import configure_logs
from meetsmatch.settings.unfold import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parents[2]
ENV = read_environment(os.environ)

# ---- Telegram: without a token the simulator plays Telegram, over the same HTTP.
SIMULATOR_BOT_TOKEN = "1000000001:simulator"  # noqa: S105 it opens nothing but the simulator
SIMULATOR = ENV.TELEGRAM_BOT_TOKEN is None
TELEGRAM_BOT_TOKEN = ENV.TELEGRAM_BOT_TOKEN or SIMULATOR_BOT_TOKEN
TELEGRAM_API_ROOT = f"http://127.0.0.1:{ENV.PORT}/simulator" if SIMULATOR else ENV.TELEGRAM_API_ROOT
TELEGRAM_UPDATES = ENV.TELEGRAM_UPDATES
# Calls a second, overall: Telegram's own figures, without and with paid broadcasts.
TELEGRAM_CALLS_PER_SEC = 1000 if ENV.TELEGRAM_PAID_BROADCASTS else 30
TELEGRAM_PAID_BROADCASTS = ENV.TELEGRAM_PAID_BROADCASTS
TELEGRAM_WEBHOOK_SECRET = ENV.TELEGRAM_WEBHOOK_SECRET or ("simulator" if SIMULATOR else "")
PUBLIC_URL = ENV.public_url
# Whom members ask about payments; nothing is sold without. The simulator's Stars are nobody's.
SUPPORT_CONTACT = ENV.SUPPORT_CONTACT or ("@meetsmatch_support" if SIMULATOR else "")
EDGE_URL = ENV.EDGE_URL
EDGE_SHARED_SECRETS = ENV.EDGE_SHARED_SECRET
# The simulator runs on this machine and need not take the way over the public name.
_webhook_root = EDGE_URL or (f"http://127.0.0.1:{ENV.PORT}" if SIMULATOR else PUBLIC_URL)
TELEGRAM_WEBHOOK_URL = f"{_webhook_root}/telegram/webhook"

WEB_THREADS = ENV.WEB_THREADS  # of each web process: the Procfile starts as many

# ---- Stores
DATABASE_URL = ENV.DATABASE_URL or embedded.database_url()
_database = conninfo_to_dict(DATABASE_URL)
DATABASES = {
    "default": {
        "ENGINE": "apps.core.postgres",
        "NAME": _database.pop("dbname", "meetsmatch"),
        "USER": _database.pop("user", ""),
        "PASSWORD": _database.pop("password", ""),
        "HOST": _database.pop("host", ""),
        "PORT": _database.pop("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": int(DATABASE.policy.connect_secs),
            # a network that swallows everything, in milliseconds; of no effect on a socket of this machine
            "tcp_user_timeout": int(DATABASE.policy.timeout_secs * 1000),
            **_database,
        },
    }
}
PREPARED_STATEMENTS = ENV.PREPARED_STATEMENTS
REDIS_URL = ENV.REDIS_URL or embedded.redis_url()
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "meetsmatch",
        # What is cached can be done without: the admin's waffles are read from the database while Redis is away.
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": REDIS.policy.connect_secs,
            "SOCKET_TIMEOUT": REDIS.policy.timeout_secs,
            "IGNORE_EXCEPTIONS": True,
        },
    }
}
MEDIA_ROOT = embedded.VAR / "media"


def s3_storage(env: Environment) -> dict[str, object]:
    """The entry of STORAGES for this environment's S3 store. Links to files are signed and end after ten minutes."""
    return {
        "BACKEND": "apps.core.gateways.media.S3Store",
        "OPTIONS": {
            "endpoint_url": env.S3_ENDPOINT_URL,
            "bucket_name": env.S3_BUCKET,
            "access_key": env.S3_ACCESS_KEY_ID,
            "secret_key": env.S3_SECRET_ACCESS_KEY,
            "region_name": env.S3_REGION,
            "default_acl": None,
            "file_overwrite": False,
            "querystring_expire": 600,
            "client_config": Config(
                connect_timeout=MEDIA.policy.connect_secs,
                read_timeout=MEDIA.policy.timeout_secs,
                retries={"max_attempts": 0},  # the policy tries again, and nobody under it
            ),
        },
    }


STORAGES = {
    "default": s3_storage(ENV) if ENV.S3_BUCKET else {"BACKEND": "apps.core.gateways.media.FolderStore"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FIELD_ENCRYPTION_KEYS = ENV.FIELD_ENCRYPTION_KEYS

# ---- Django
SECRET_KEY = ENV.DJANGO_SECRET_KEY or ""
ALLOWED_HOSTS = ENV.DJANGO_ALLOWED_HOSTS
ROOT_URLCONF = "meetsmatch.urls"
WSGI_APPLICATION = "meetsmatch.wsgi.application"
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the default one would put a site of its own in the place of ours
    "unfold.contrib.filters",
    "meetsmatch.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",  # operator classes in indexes
    "django.contrib.staticfiles",
    "waffle",
    "axes",
    "csp",
    "django_celery_beat",
    "django_structlog",
    "ninja",
    "meetsmatch",
    "apps.core",
    "apps.flags",
    "apps.users",
    "apps.notifications",
    "apps.payments",
    "apps.matching",
    "apps.conversations",
    "apps.moderation",
    "apps.bot",
    "apps.simulator",
]
MIDDLEWARE = [
    "meetsmatch.middleware.FastLane",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = embedded.VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("ru", "Русский")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# ---- Who may come in
LOGIN_REDIRECT_URL = "admin:index"
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False  # its lines name who tried from which address; the admin has them under sign-ins
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
WAFFLE_FLAG_MODEL = "flags.Flag"
FLAGS_MEMBER_MODEL = "users.Member"
RULES_LOOK_AGAIN_SECS = 1.0  # a process notices within this time that a moderation rule has changed
FLAGS_FOLLOWED = True  # a thread in each process picks up what others change

# ---- Resilience
FAULT_INJECTION = ENV.FAULT_INJECTION
METRICS_TOKEN = ENV.METRICS_TOKEN
RESILIENCE_PULSE = True  # a thread in each process tells how it gets on with what it depends on

# ---- Logs
LOGGING = configure_logs(json=True)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# ---- Slow work
_broker = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
CELERY_BROKER_URL = _broker
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 2, "socket_timeout": 10}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_QUEUES = [Queue("default"), Queue("media"), Queue("batch")]  # type: ignore[no-untyped-call]
CELERY_TASK_DEFAULT_QUEUE = "default"
# Every task is named here: tests/guards sees to it.
CELERY_TASK_ROUTES = {
    "bot.retry_updates": {"queue": "default"},
    "bot.tell_undelivered": {"queue": "default"},
    "bot.purge_updates": {"queue": "default"},
    "bot.walk_synthetic_member": {"queue": "default"},
    "flags.apply_due_changes": {"queue": "default"},
    "flags.advance_ramps": {"queue": "default"},
    "matching.refresh_standings": {"queue": "default"},
    "matching.recount_standings": {"queue": "default"},
    "matching.train_ranker": {"queue": "default"},
    "matching.learn_tastes": {"queue": "batch"},
    "matching.start_decks": {"queue": "default"},
    "matching.build_decks": {"queue": "batch"},
    "matching.purge_impressions": {"queue": "default"},
    "moderation.lift_expired": {"queue": "default"},
    "moderation.adopt_reports": {"queue": "default"},
    "moderation.close_cases": {"queue": "default"},
    "moderation.purge_evidence": {"queue": "default"},
    "moderation.purge_findings": {"queue": "default"},
    "moderation.check_texts": {"queue": "media"},
    "moderation.check_member": {"queue": "default"},
    "moderation.check_photo": {"queue": "media"},
    "moderation.check_missed_photos": {"queue": "media"},
    "moderation.run_backtest": {"queue": "batch"},
    "moderation.purge_selfies": {"queue": "default"},
    "notifications.advance_broadcasts": {"queue": "batch"},
    "notifications.purge_deliveries": {"queue": "default"},
    "users.store_photo": {"queue": "media"},
    "users.store_missing_photos": {"queue": "media"},
    "users.delete_abandoned_files": {"queue": "media"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "retry failed updates": {"task": "bot.retry_updates", "schedule": 15.0, "options": {"expires": 15}},
    "tell of undelivered messages": {"task": "bot.tell_undelivered", "schedule": 10.0, "options": {"expires": 10}},
    "walk the synthetic member": {
        "task": "bot.walk_synthetic_member",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "store missed photos": {"task": "users.store_missing_photos", "schedule": 20.0, "options": {"expires": 20}},
    "delete abandoned files": {"task": "users.delete_abandoned_files", "schedule": 60.0, "options": {"expires": 60}},
    "make planned changes": {"task": "flags.apply_due_changes", "schedule": 60.0, "options": {"expires": 60}},
    "advance ramps": {"task": "flags.advance_ramps", "schedule": 60.0, "options": {"expires": 60}},
    "end limits and suspensions": {"task": "moderation.lift_expired", "schedule": 30.0, "options": {"expires": 30}},
    "make cases of reports": {"task": "moderation.adopt_reports", "schedule": 60.0, "options": {"expires": 60}},
    "close cases of erased members": {"task": "moderation.close_cases", "schedule": 60.0, "options": {"expires": 60}},
    "drop old evidence": {"task": "moderation.purge_evidence", "schedule": crontab(hour="3", minute="30")},
    "drop old findings": {"task": "moderation.purge_findings", "schedule": crontab(hour="3", minute="35")},
    "ask rules about what is new": {"task": "moderation.check_texts", "schedule": 10.0, "options": {"expires": 10}},
    "check missed photos": {"task": "moderation.check_missed_photos", "schedule": 900.0, "options": {"expires": 900}},
    "let go of selfies": {"task": "moderation.purge_selfies", "schedule": crontab(minute="5")},
    "drop old updates": {"task": "bot.purge_updates", "schedule": crontab(hour="3", minute="10")},
    "go on with broadcasts": {
        "task": "notifications.advance_broadcasts",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "drop old deliveries": {"task": "notifications.purge_deliveries", "schedule": crontab(hour="3", minute="20")},
    "refresh standings": {"task": "matching.refresh_standings", "schedule": 300.0, "options": {"expires": 300}},
    "recount standings": {
        "task": "matching.recount_standings",
        "schedule": crontab(day_of_week="1", hour="2", minute="0"),
    },
    "begin to build decks": {"task": "matching.start_decks", "schedule": crontab(hour="4", minute="0")},
    "build decks": {"task": "matching.build_decks", "schedule": 60.0, "options": {"expires": 60}},
    "learn tastes": {"task": "matching.learn_tastes", "schedule": crontab(hour="3", minute="0")},
    "train the ranker": {"task": "matching.train_ranker", "schedule": crontab(hour="3", minute="40")},
    "drop old impressions": {"task": "matching.purge_impressions", "schedule": crontab(hour="3", minute="30")},
}
