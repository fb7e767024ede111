"""The environment as an operator gets it wrong: every mistake is named, no value is repeated."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetsmatch.env import Environment, read_environment

TOKEN = "123456:abcDEF-ghi_JKL"
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYyE="
S3 = {
    "S3_ENDPOINT_URL": "https://s3.invalid",
    "S3_BUCKET": "photos",
    "S3_ACCESS_KEY_ID": "hunter2-id",
    "S3_SECRET_ACCESS_KEY": "hunter2-key",
}
# Every bad value holds this word, so that a message which repeats one gives itself away.
SECRET = "hunter2"
BAD = [
    ("PORT", f"{SECRET}"),
    ("PUBLIC_URL", f"{SECRET}.invalid/path"),
    ("PUBLIC_URL", f"ftp://user:{SECRET}@host.invalid"),
    ("PREPARED_STATEMENTS", f"{SECRET}"),
    ("DATABASE_URL", f"mysql://user:{SECRET}@host/db"),
    ("DATABASE_URL", f"postgresql://user:{SECRET}/2@host/db"),
    ("DATABASE_URL", f"postgresql://user:12/{SECRET}@host/db"),
    ("DATABASE_URL", f"postgresql://user:2@{SECRET}@host/db"),
    ("DATABASE_URL", f"postgresql://user:{SECRET}%zz@host/db"),
    ("DATABASE_URL", f"postgresql://user@host/db?{SECRET}=1"),
    ("REDIS_URL", f"http://:{SECRET}@host"),
    ("REDIS_URL", f"redis://:{SECRET}/2@host:6379/0"),
    ("TELEGRAM_BOT_TOKEN", f"{SECRET}"),
    ("TELEGRAM_BOT_TOKEN", f"123456:{SECRET} "),
    ("TELEGRAM_API_ROOT", f"https://{SECRET}:port"),
    ("TELEGRAM_UPDATES", f"{SECRET}"),
    ("TELEGRAM_PAID_BROADCASTS", f"{SECRET}"),
    ("WEB_THREADS", f"{SECRET}"),
    ("TELEGRAM_WEBHOOK_SECRET", f"{SECRET}!"),
    ("EDGE_URL", f"{SECRET}"),
    ("EDGE_SHARED_SECRET", f"{SECRET}"),
    ("EDGE", f"{SECRET}"),
    ("EDGE_PORT", f"{SECRET}"),
    ("S3_ENDPOINT_URL", f"{SECRET}"),
    ("FAULT_INJECTION", f"{SECRET}"),
    ("METRICS_TOKEN", f"{SECRET}"),
    ("SUPPORT_CONTACT", f"{SECRET} at the door"),
    ("FIELD_ENCRYPTION_KEYS", f"{SECRET}"),
    ("FIELD_ENCRYPTION_KEYS", f"{KEY},{SECRET}"),
    ("FIELD_ENCRYPTION_KEYS", f"ключ-{SECRET}"),
    ("DJANGO_SECRET_KEY", f"{SECRET}"),
]
ANYTHING_GOES = {"S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_REGION", "DJANGO_ALLOWED_HOSTS"}


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(variables)
    assert caught.value.__cause__ is None, "a cause would be printed with its values"
    return str(caught.value)


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)])
def test_it_names_the_variable_and_never_repeats_its_value(name: str, value: str) -> None:
    message = refusal({name: value})
    assert name in message
    assert SECRET not in message


def test_it_is_strict_about_every_variable_that_has_a_form() -> None:
    assert {name for name, _ in BAD} | ANYTHING_GOES == set(Environment.model_fields)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8000.5"])
def test_it_takes_only_ports_that_exist(port: str) -> None:
    assert "PORT" in refusal({"PORT": port})


def test_it_names_all_mistakes_at_once() -> None:
    message = refusal({"PORT": "x", "REDIS_URL": "x", "DJANGO_SECRET_KEY": "x"})
    assert all(name in message for name in ("PORT", "REDIS_URL", "DJANGO_SECRET_KEY"))


def test_it_wants_the_webhook_secret_with_a_token() -> None:
    message = refusal({"TELEGRAM_BOT_TOKEN": TOKEN})
    assert "TELEGRAM_WEBHOOK_SECRET" in message
    assert TOKEN not in message
    assert read_environment({"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_UPDATES": "polling"}).TELEGRAM_BOT_TOKEN == TOKEN


def test_it_wants_the_edge_and_its_secret_together() -> None:
    secret = f"{SECRET}-secret-of-more-than-32-characters"
    for alone in ({"EDGE_URL": "https://edge.invalid"}, {"EDGE_SHARED_SECRET": secret}):
        message = refusal(alone)
        assert "EDGE_URL and EDGE_SHARED_SECRET go together" in message
        assert SECRET not in message
    both = read_environment({"EDGE_URL": "https://edge.invalid/", "EDGE_SHARED_SECRET": f"{secret},{secret}"})
    assert both.EDGE_URL == "https://edge.invalid"
    assert set(both.EDGE_SHARED_SECRET) == {secret}


@pytest.mark.parametrize("missing", S3)
def test_it_wants_all_of_the_media_store_or_nothing(missing: str) -> None:
    message = refusal({name: value for name, value in S3.items() if name != missing})
    assert f"{missing} must be set too" in message
    assert SECRET not in message


def test_it_names_what_production_misses() -> None:
    with pytest.raises(ImproperlyConfigured, match="Set DJANGO_SECRET_KEY, PUBLIC_URL: "):
        read_environment(S3).require("DJANGO_SECRET_KEY", "S3_BUCKET", "PUBLIC_URL")


def test_it_takes_an_empty_value_for_unset_and_leaves_strange_variables_alone() -> None:
    assert read_environment({"DATABASE_URL": "", "PORT": "", "HOME": "/"}) == Environment()


def test_it_takes_the_port_into_the_default_public_url() -> None:
    assert read_environment({"PORT": "9000"}).public_url == "http://localhost:9000"
    assert read_environment({"PUBLIC_URL": "https://meet.invalid/"}).public_url == "https://meet.invalid"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgres://user:p%40ss%2Fword@host:5432/db?sslmode=require"),
        ("DATABASE_URL", "postgresql://one:5432,two:5433/db"),
        ("DATABASE_URL", "postgresql:///db?host=%2Frun%2Fpostgresql"),
        ("REDIS_URL", "rediss://:p%40ss@host:6379/1"),
        ("REDIS_URL", "unix:///run/valkey.sock?db=0"),
    ],
)
def test_it_takes_urls_as_the_servers_documentation_writes_them(name: str, url: str) -> None:
    assert getattr(read_environment({name: url}), name) == url


def test_it_takes_several_keys_and_hosts() -> None:
    parsed = read_environment(
        {"FIELD_ENCRYPTION_KEYS": f"{KEY}, {KEY}", "DJANGO_ALLOWED_HOSTS": "a.invalid,b.invalid,"}
    )
    assert parsed.FIELD_ENCRYPTION_KEYS == [KEY, KEY]
    assert parsed.DJANGO_ALLOWED_HOSTS == ["a.invalid", "b.invalid"]


@pytest.mark.parametrize("document", ["README.md", ".env.example"])
def test_it_documents_every_variable(document: str) -> None:
    text = (Path(__file__).parents[2] / document).read_text()
    assert [name for name in Environment.model_fields if name not in text] == []
