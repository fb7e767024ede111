"""A database with all migrations applied. Those of the tests are copies: migrating takes 25 s, copying takes one."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from meetsmatch import embedded
from meetsmatch.run import ROOT

SOURCES = ("apps/**/*.py", "meetsmatch/**/*.py", "requirements/base.txt")


@cache
def database() -> str:
    """Its name on the tests' server. Made by the first who asks; kept until the code is another, for any may matter."""
    name = f"migrated_{_version()}"
    with _alone(), psycopg.connect(_url(), autocommit=True) as server:
        known = {row[0] for row in server.execute(r"SELECT datname FROM pg_database WHERE datname LIKE 'migrated\_%'")}
        for other in known - {name}:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(other)))
            _dump(other).unlink(missing_ok=True)
        if name not in known:
            _make(server, name)
    return name


def copy_to(url: str) -> None:
    """Fills an empty database of another server."""
    dump = _dump(database())
    with _alone():
        if not dump.exists():
            unfinished = dump.with_suffix(".unfinished")
            _run(embedded.program("pg_dump"), "--file", unfinished, "--dbname", _url(database()))
            unfinished.rename(dump)
    _run(embedded.program("psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--file", dump, "--dbname", url)


def _make(server: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
    unfinished = "migrated_unfinished"
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
    _run(sys.executable, "manage.py", "migrate", "--verbosity", "0", DATABASE_URL=_url(unfinished))
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (unfinished, name))))


def _dump(database: str) -> Path:
    return embedded.VAR / f"{database}.sql"


def _version() -> str:
    files = sorted(file for pattern in SOURCES for file in ROOT.glob(pattern))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _url(database: str = "") -> str:
    url = urlsplit(os.environ.get("DATABASE_URL") or embedded.database_url())
    # urllib leaves out an empty host with its slashes, which stand before the user here
    return f"{url.scheme}://{url.netloc}{f'/{database}' if database else url.path}?{url.query}"


def _run(*command: str | Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _alone() -> Iterator[None]:
    """The workers of pytest-xdist wait for each other."""
    embedded.VAR.mkdir(parents=True, exist_ok=True)
    with (embedded.VAR / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
