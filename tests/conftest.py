import os
import time
from functools import cache
from math import inf
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection
from django_redis import get_redis_connection

from tests import migrated
from tests.flag_states import _flags_as_in_the_catalogue, flag_state, pytest_generate_tests  # noqa: F401
from tests.scheduling import LongFirst
from tests.staff import Hire

if TYPE_CHECKING:
    from xdist.remote import Producer

    from apps.matching.engine.ranker import Model


def pytest_configure() -> None:
    """Workers of pytest-xdist share one embedded Valkey: each takes a database of its own (PostgreSQL's part is
    pytest-django's)."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    if settings.REDIS_URL.endswith("?db=0"):
        settings.REDIS_URL = settings.REDIS_URL.replace("?db=0", f"?db={number}")
        settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL
        settings.CELERY_BROKER_URL = settings.CELERY_BROKER_URL.replace("?virtual_host=0", f"?virtual_host={number}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> LongFirst:
    return LongFirst(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated.database()


@pytest.fixture(autouse=True)
def _moderation_rules_as_in_the_database() -> None:
    """What another test has changed has been rolled back, and this process must not remember it."""
    from apps.moderation.rules import live  # needs the models, which are not there when this file is read

    live.forget()


@pytest.fixture(autouse=True)
def _no_learned_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does this process look whether one runs, in the midst of a test that counts queries."""
    from apps.matching.learning import running  # as above

    monkeypatch.setattr(running, "_known", running._Known(None, _starting_model(), time.monotonic()))
    monkeypatch.setattr(running, "LOOK_AGAIN_SECS", inf)


@cache
def _starting_model() -> "Model":
    from apps.matching.learning import running

    return running.starting_model(running.unlearned_population())


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    if settings.REDIS_URL.startswith("unix://"):
        get_redis_connection("default").flushdb()


@pytest.fixture
def hire(db: None) -> Hire:
    """Somebody on the staff, with one role; a superuser without any."""
    from django.contrib.auth.models import Group

    from apps.users.models import Staff

    def make(name: str, role: str | None) -> Staff:
        person = Staff.objects.create_user(name, "a long password", is_staff=True, is_superuser=role is None)
        if role:
            person.groups.add(Group.objects.get(name=role))
        return person

    return make
