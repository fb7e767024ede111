"""Liveness and readiness as a load balancer and the process manager see them."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from redis import RedisError

from apps.bot.models import SyntheticRun
from apps.core.resilience.dependency import Status
from apps.core.resilience.policies import DEPENDENCIES


def test_it_says_that_it_lives_without_touching_anything(client: Client) -> None:
    """The database is out of bounds for a test without its mark; the cache is taken away."""
    with patch("meetsmatch.health.impatient_redis", side_effect=AssertionError):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert not response.cookies


@pytest.mark.django_db
def test_it_is_ready_when_everything_answers(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "dependencies": {"database": "ok", "redis": "ok", "media": "ok", "telegram": "ok"},
        "synthetic": "has not walked yet",
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies


@pytest.mark.django_db
def test_it_is_not_ready_without_the_database(client: Client) -> None:
    with patch("meetsmatch.health.connection.cursor", side_effect=OperationalError("password of the database")):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["dependencies"]["database"] == "failing: OperationalError"
    assert "password" not in response.content.decode()


@pytest.mark.django_db
def test_it_goes_on_degraded_without_redis_or_the_media_store(client: Client) -> None:
    with (
        patch("meetsmatch.health.impatient_redis", side_effect=RedisError("password of Redis")),
        patch("meetsmatch.health.default_storage.exists", side_effect=TimeoutError),
    ):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["dependencies"] == {
        "database": "ok",
        "redis": "failing: RedisError",
        "media": "failing: TimeoutError",
        "telegram": "ok",
    }


@pytest.mark.django_db
def test_it_says_that_telegram_is_not_well_without_asking_it(client: Client) -> None:
    sender = {"sender host 7": [Status("telegram", "open", calls=10, failed=10, refused=3, under_way=0)]}
    with patch("meetsmatch.health.statuses_everywhere", return_value=sender):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["dependencies"]["telegram"] == "failing: AwayError"


# ---- The synthetic member


@pytest.mark.django_db
def test_it_tells_how_the_synthetic_member_fares(client: Client) -> None:
    now = timezone.now()
    for started_at, stuck_at, said in (
        (now - timedelta(hours=1), "", "stale: no walk within minutes"),
        (now - timedelta(seconds=20), "relay", "stuck: relay"),
        (now, "", "ok"),
    ):
        SyntheticRun.objects.create(started_at=started_at, took_ms=800, stuck_at=stuck_at)
        assert client.get("/readyz").json()["synthetic"] == said


# ---- Metrics


@pytest.mark.django_db
def test_it_shows_metrics_to_who_knows_the_token_alone(client: Client, settings: Any) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "twenty-characters-or-more"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 403
    SyntheticRun.objects.create(started_at=timezone.now(), took_ms=800, stuck_at="relay")
    page = client.get("/metrics", headers={"Authorization": "Bearer twenty-characters-or-more"}).content.decode()
    assert "meetsmatch_synthetic_ok 0.0" in page
    assert "meetsmatch_synthetic_seconds 0.8" in page
    assert "meetsmatch_deliveries_waiting 0.0" in page
    assert 'dependency="redis"' in page
    assert page.count("meetsmatch_breaker{") == len(DEPENDENCIES)
