"""Production starts with every secret or not at all, and says which one it misses without telling the others."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.guards.tree import ROOT

REQUIRED = {
    "DJANGO_SECRET_KEY": "hunter2-" * 7,
    "DJANGO_ALLOWED_HOSTS": "hunter2.invalid",
    "FIELD_ENCRYPTION_KEYS": "aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMi0=",
    "TELEGRAM_BOT_TOKEN": "123456:hunter2",
    "TELEGRAM_WEBHOOK_SECRET": "hunter2-webhook",
    "PUBLIC_URL": "https://hunter2.invalid",
}
STORES = {"DATABASE_URL": "postgresql://app:hunter2@db.invalid/app", "REDIS_URL": "redis://:hunter2@redis.invalid"}
# One process for all starts: reads environments, tells the settings or the whole traceback of each.
STARTS = """
import importlib, json, os, sys, traceback

def start(environment):
    for module in [name for name in sys.modules if name.startswith("meetsmatch.settings")]:
        del sys.modules[module]
    os.environ.clear()
    os.environ.update(environment)
    try:
        settings = importlib.import_module("meetsmatch.settings.prod")
    except Exception:
        return {"traceback": traceback.format_exc()}
    return {name: getattr(settings, name) for name in NAMES}

NAMES = ("DEBUG", "SIMULATOR", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
         "FIELD_ENCRYPTION_KEYS", "SECRET_KEY", "TELEGRAM_WEBHOOK_SECRET")
print(json.dumps([start(environment) for environment in json.load(sys.stdin)]))
"""


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in {**STORES, **REQUIRED}.items() if key != name}


@pytest.fixture(scope="module")
def starts() -> dict[str, dict[str, Any]]:
    """What came of a start without each variable, of one with all of them (""), and of one over plain HTTP."""
    environments = {name: _without(name) for name in ("", *REQUIRED)}
    environments["http"] = {**_without(""), "PUBLIC_URL": "http://hunter2.invalid"}
    asked = json.dumps(list(environments.values()))
    told = subprocess.run(
        [sys.executable, "-c", STARTS], input=asked, cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    return dict(zip(environments, json.loads(told.stdout), strict=True))


def test_it_starts_with_all_of_them(starts: dict[str, dict[str, Any]]) -> None:
    assert starts[""] == {
        "DEBUG": False,
        "SIMULATOR": False,
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "FIELD_ENCRYPTION_KEYS": [REQUIRED["FIELD_ENCRYPTION_KEYS"]],
        "SECRET_KEY": REQUIRED["DJANGO_SECRET_KEY"],
        "TELEGRAM_WEBHOOK_SECRET": REQUIRED["TELEGRAM_WEBHOOK_SECRET"],
    }


@pytest.mark.parametrize("name", REQUIRED)
def test_it_refuses_to_start_without(name: str, starts: dict[str, dict[str, Any]]) -> None:
    said = starts[name]["traceback"]
    assert "ImproperlyConfigured" in said
    assert name in said.splitlines()[-1]
    assert [value for value in (*REQUIRED.values(), "hunter2") if value in said] == []


def test_it_refuses_to_be_reached_without_https(starts: dict[str, dict[str, Any]]) -> None:
    said = starts["http"]["traceback"]
    assert "PUBLIC_URL must start with https://" in said
    assert "hunter2" not in said
