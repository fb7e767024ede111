"""Liveness and readiness as a load balancer and the process manager see them."""

from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django_redis.exceptions import ConnectionInterrupted


def test_it_says_that_it_lives_without_touching_anything(client: Client) -> None:
    """The database is out of bounds for a test without its mark; the cache is taken away."""
    with patch("meetsmatch.health.cache.get", side_effect=AssertionError):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert not response.cookies


@pytest.mark.django_db
def test_it_is_ready_when_everything_answers(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "dependencies": {"database": "ok", "redis": "ok", "media": "ok"}}
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
        patch("meetsmatch.health.cache.get", side_effect=ConnectionInterrupted(None)),
        patch("meetsmatch.health.default_storage.exists", side_effect=TimeoutError),
    ):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["dependencies"] == {
        "database": "ok",
        "redis": "failing: ConnectionInterrupted",
        "media": "failing: TimeoutError",
    }
