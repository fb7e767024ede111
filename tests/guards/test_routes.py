"""What others rely on at the origin: docs/CONTEXT.md and the README name these routes."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import clear_url_caches

from meetsmatch import urls


def test_it_describes_the_api(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["info"]["title"] == "MeetsMatch"
    assert "/api/v1/catalogue" in document["paths"]


def test_it_shows_the_api_to_people(client: Client) -> None:
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    assert "/api/v1/openapi.json" in response.content.decode()


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/telegram/webhook", 405)])
def test_it_takes_machines_through_the_fast_lane(client: Client, path: str, status: int) -> None:
    """None of the middleware's headers and cookies; nor the database, which this test may not touch."""
    response = client.get(path)
    assert response.status_code == status
    assert not response.cookies
    assert not response.headers.keys() & {"X-Frame-Options", "Content-Security-Policy", "Content-Language"}


def test_it_lets_nobody_post_updates_without_the_secret(client: Client) -> None:
    assert client.post("/telegram/webhook", b"{}", content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_it_asks_staff_to_sign_in(client: Client) -> None:
    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/").status_code == 200


def test_it_offers_the_simulator_while_no_bot_is_connected(client: Client) -> None:
    assert client.get("/simulator/").status_code == 200


def test_it_leads_whoever_knows_only_the_host_to_the_simulator(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/simulator/"


@pytest.mark.usefixtures("_connected_bot")
def test_it_leads_whoever_knows_only_the_host_to_the_admin_once_a_bot_is_connected(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/admin/"


@pytest.fixture
def _connected_bot(settings: Any) -> Iterator[None]:
    settings.SIMULATOR = False
    _load_routes()
    yield
    settings.SIMULATOR = True
    _load_routes()


def _load_routes() -> None:
    importlib.reload(urls)
    clear_url_caches()


@pytest.mark.usefixtures("_connected_bot")
@pytest.mark.parametrize("path", ["", "api/personas", "bot1000000001:simulator/getMe"])
def test_it_has_no_simulator_beside_a_real_bot(client: Client, path: str) -> None:
    assert client.get(f"/simulator/{path}").status_code == 404
