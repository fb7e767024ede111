"""The one parser of the process environment: every variable of the deployment, its type, and what goes together.

A bad value stops the start with a message that names the variable and never repeats its value, which may be a secret.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import psycopg
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, AnyHttpUrl, BaseModel, BeforeValidator, Field, ValidationError, model_validator
from redis import ConnectionPool

UNREADABLE_URL = "URL cannot be read (percent-encode what is special in the user name and the password)"


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _fernet_keys(keys: list[str]) -> list[str]:
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError(
                f"key {number} is not 32 bytes in URL-safe base64 (make one: openssl rand -base64 32 | tr +/ -_)"
            ) from None
    return keys


def _shared_secrets(secrets: list[str]) -> list[str]:
    for number, secret in enumerate(secrets, 1):
        if not re.fullmatch(r"[\x21-\x7e]{32,}", secret):
            raise ValueError(f"secret {number} has less than 32 plain characters (make one: openssl rand -hex 32)")
    return secrets


def _without_slash(url: str) -> str:
    AnyHttpUrl(url)
    return url.rstrip("/")


def _postgres_url(url: str) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError(UNREADABLE_URL) from None
    # A password with a bare @ or / is no error to libpq: parts of it become host, port and database.
    misplaced = "@" in f"{parts.get('host')}{parts.get('dbname')}"
    if misplaced or not re.fullmatch(r"[\d,]*", str(parts.get("port", ""))):
        raise ValueError(UNREADABLE_URL)
    return url


def _redis_url(url: str) -> str:
    try:
        ConnectionPool.from_url(url)
    except ValueError:
        raise ValueError(UNREADABLE_URL) from None
    return url


HttpUrl = Annotated[str, AfterValidator(_without_slash)]
PostgresUrl = Annotated[str, Field(pattern=r"^postgres(ql)?://"), AfterValidator(_postgres_url)]
RedisUrl = Annotated[str, Field(pattern=r"^(rediss?|unix)://"), AfterValidator(_redis_url)]
CommaSeparated = Annotated[list[str], BeforeValidator(_comma_separated)]


class Environment(BaseModel):
    """Every variable that MeetsMatch reads. None means unset; `docs` of each are in the README's table."""

    PORT: int = Field(default=8000, ge=1, le=65535)
    WEB_THREADS: int = Field(default=8, ge=3, le=256)
    PUBLIC_URL: HttpUrl | None = None
    DATABASE_URL: PostgresUrl | None = None
    # behind a pooler that does not know them: none
    PREPARED_STATEMENTS: bool = True
    REDIS_URL: RedisUrl | None = None

    TELEGRAM_BOT_TOKEN: str | None = Field(default=None, pattern=r"^\d+:[A-Za-z0-9_-]+$")
    TELEGRAM_API_ROOT: HttpUrl = "https://api.telegram.org"
    TELEGRAM_UPDATES: Literal["webhook", "polling"] = "webhook"
    TELEGRAM_PAID_BROADCASTS: bool = False
    TELEGRAM_WEBHOOK_SECRET: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,256}$")

    EDGE_URL: HttpUrl | None = None
    EDGE_SHARED_SECRET: Annotated[CommaSeparated, AfterValidator(_shared_secrets)] = []
    # `make run EDGE=1`: the worker, too
    EDGE: bool = False
    EDGE_PORT: int = Field(default=8787, ge=1, le=65535)

    S3_ENDPOINT_URL: HttpUrl | None = None
    S3_BUCKET: str | None = None
    S3_ACCESS_KEY_ID: str | None = None
    S3_SECRET_ACCESS_KEY: str | None = None
    S3_REGION: str | None = None

    FIELD_ENCRYPTION_KEYS: Annotated[CommaSeparated, AfterValidator(_fernet_keys)] = []
    DJANGO_SECRET_KEY: str | None = Field(default=None, min_length=50)
    DJANGO_ALLOWED_HOSTS: CommaSeparated = []

    # an @username, a mail address or a link
    SUPPORT_CONTACT: str | None = Field(
        default=None, max_length=100, pattern=r"^(@\w{4,32}|https://[^\s<>]+|[^@\s<>]+@[^@\s<>]+)$"
    )

    FAULT_INJECTION: bool = False
    METRICS_TOKEN: str | None = Field(default=None, min_length=20)

    @property
    def public_url(self) -> str:
        return self.PUBLIC_URL or f"http://localhost:{self.PORT}"

    @model_validator(mode="after")
    def _what_goes_together(self) -> Self:
        if self.TELEGRAM_BOT_TOKEN and self.TELEGRAM_UPDATES == "webhook" and not self.TELEGRAM_WEBHOOK_SECRET:
            raise ValueError("TELEGRAM_WEBHOOK_SECRET must be set too, for TELEGRAM_UPDATES is webhook")
        if bool(self.EDGE_URL) != bool(self.EDGE_SHARED_SECRET):
            raise ValueError("EDGE_URL and EDGE_SHARED_SECRET go together: set both or none")
        media = ("S3_ENDPOINT_URL", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
        missing = [name for name in media if not getattr(self, name)]
        if missing and len(missing) < len(media):
            raise ValueError(f"{', '.join(missing)} must be set too: the S3_ variables go together")
        return self

    def require(self, *names: str) -> None:
        """Stops the start when one of these is unset: production calls it for its secrets."""
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            raise ImproperlyConfigured(f"Set {', '.join(missing)}: production does not start without.")


def read_environment(variables: Mapping[str, str]) -> Environment:
    """The parsed environment. An empty value counts as unset. Raises ImproperlyConfigured naming each bad variable."""
    known = {name: value for name, value in variables.items() if name in Environment.model_fields and value != ""}
    try:
        return Environment.model_validate(known)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, e['loc'])) or 'environment'}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ImproperlyConfigured("The environment does not fit. " + "; ".join(problems)) from None
