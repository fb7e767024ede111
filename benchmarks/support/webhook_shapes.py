"""What the webhook is compared with, as WSGI applications and a Celery worker; `SHAPE` names this process'.

`bare`: a Django view that parses the JSON and does one insert. `stock`: the same in a new project, with its middleware
and by a model. `celery`: the common shape of bots in Django, a view
that only hands the update to Celery, whose task parses it with python-telegram-bot, finds or makes the user, and
keeps the message and the state. Neither sends anything, as ours does not within the webhook.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import telegram  # noqa: E402
from celery import Celery  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

TABLES = """
DROP TABLE IF EXISTS bench_seen, bench_message, bench_user;
CREATE TABLE bench_seen (id bigserial PRIMARY KEY, payload text NOT NULL);
CREATE TABLE bench_user (user_id bigint PRIMARY KEY, name text NOT NULL, language text NOT NULL, state text NOT NULL);
CREATE TABLE bench_message (id bigserial PRIMARY KEY, user_id bigint NOT NULL, text text NOT NULL);
"""
NEW_PROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
BOT = telegram.Bot("1:benchmark")
app = Celery("bench", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    task_ignore_result=True,
    task_default_queue="bench",
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
)


class Person(models.Model):
    user_id = models.BigIntegerField(primary_key=True)
    name = models.TextField()
    language = models.TextField()
    state = models.TextField()

    class Meta:
        app_label, db_table, managed = "core", "bench_user", False

    def __str__(self) -> str:
        return self.state


class Said(models.Model):
    user_id = models.BigIntegerField()
    text = models.TextField()

    class Meta:
        app_label, db_table, managed = "core", "bench_message", False

    def __str__(self) -> str:
        return self.text


@app.task
def process(payload: dict) -> None:
    update = telegram.Update.de_json(payload, BOT)
    sender, message = update.effective_user, update.message
    with transaction.atomic():
        person, _ = Person.objects.update_or_create(
            user_id=sender.id, defaults={"name": sender.first_name, "language": sender.language_code or ""}
        )
        Said.objects.create(user_id=person.user_id, text=message.text)
        person.state = "talking"
        person.save(update_fields=["state"])


def stock_view(request: HttpRequest) -> HttpResponse:
    payload = json.loads(request.body)
    Said.objects.create(user_id=payload["message"]["from"]["id"], text=payload["message"]["text"])
    return HttpResponse()


stock_view.csrf_exempt = True  # type: ignore[attr-defined]


def celery_view(request: HttpRequest) -> HttpResponse:
    process.delay(json.loads(request.body))
    return HttpResponse()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)


def bare_view(request: HttpRequest) -> HttpResponse:
    payload = json.dumps(json.loads(request.body))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_seen (payload) VALUES (%s)", [payload])
    return HttpResponse()


if shape := os.environ.get("SHAPE"):
    urlpatterns = [path("telegram/webhook", {"celery": celery_view, "stock": stock_view, "bare": bare_view}[shape])]
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = NEW_PROJECT if shape == "stock" else []
    application = WSGIHandler()
