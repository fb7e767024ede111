"""The embedded servers, started by real processes in a folder of their own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from meetsmatch import embedded

USER_OF_THE_SERVERS = """
import sys
from meetsmatch import embedded
print(embedded.database_url(), embedded.redis_url(), flush=True)
sys.stdin.read()
"""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")


@pytest.fixture
def var() -> Iterator[Path]:
    # Not tmp_path: the system user that PostgreSQL runs as may not enter it.
    embedded.VAR.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="ground-", dir=embedded.VAR))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class Process:
    """A process that uses both servers until it is told to leave."""

    def __init__(self, var: Path) -> None:
        environment = os.environ | {"MEETSMATCH_VAR": str(var), "MEETSMATCH_TEST_SERVERS": "0"}
        command = [sys.executable, "-c", USER_OF_THE_SERVERS]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.popen = subprocess.Popen(command, env=environment, text=True, **pipes)

    def __enter__(self) -> "Process":
        self.database_url, _, self.redis_url = self.popen.stdout.readline().strip().partition(" ")
        assert self.redis_url, self.popen.communicate()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.communicate()

    def error(self) -> str:
        return self.popen.communicate()[1].splitlines()[-1]

    def pids(self) -> tuple[int, int]:
        with psycopg.connect(self.database_url) as database:
            folder = Path(database.execute("SHOW data_directory").fetchone()[0])
        postgres = int((folder / "postmaster.pid").read_text().splitlines()[0])
        return postgres, redis.Redis.from_url(self.redis_url).info()["process_id"]


def is_gone(pid: int) -> bool:
    """Within a second, and not counting a process that only waits to be reaped."""
    for _ in range(20):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_it_starts_one_server_for_processes_that_come_at_once(var: Path) -> None:
    with ThreadPoolExecutor() as threads:
        processes = [Process(var) for _ in range(3)]
        list(threads.map(Process.__enter__, processes))
    assert len({process.pids() for process in processes}) == 1
    for process in processes:
        process.__exit__()


def test_it_stops_the_servers_with_the_last_process(var: Path) -> None:
    with Process(var) as last:
        with Process(var):
            pids = last.pids()
        assert last.pids() == pids
    assert all(map(is_gone, pids))


def test_it_keeps_data_when_everything_is_killed(var: Path) -> None:
    with Process(var) as process:
        with psycopg.connect(process.database_url) as database:
            database.execute("CREATE TABLE kept AS SELECT 1 AS number")
        for pid in [*process.pids(), process.popen.pid]:
            os.kill(pid, signal.SIGKILL)
    with Process(var) as process, psycopg.connect(process.database_url) as database:
        assert database.execute("SELECT number FROM kept").fetchall() == [(1,)]


def test_it_takes_over_servers_whose_process_was_killed(var: Path) -> None:
    with Process(var) as killed:
        pids = killed.pids()
        killed.popen.kill()
    with Process(var) as process:
        assert process.pids() == pids
    assert all(map(is_gone, pids))


def test_it_starts_when_another_process_has_got_the_pid_of_a_killed_server(var: Path) -> None:
    locks = [var / "postgres/data/postmaster.pid", var / "postgres/.s.PGSQL.5432.lock"]
    with Process(var):
        contents = [lock.read_text().splitlines() for lock in locks]
    owner = (var / "postgres").stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=owner) as other:
        for lock, lines in zip(locks, contents, strict=True):
            lock.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
            os.chown(lock, owner, -1)
        with Process(var) as process:
            assert process.pids()
        other.kill()


def test_it_finishes_what_a_killed_first_start_left_half_made(var: Path) -> None:
    unfinished = var / "postgres/data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with Process(var) as process:
        assert process.pids()
    assert not unfinished.exists()


def test_it_uses_a_short_socket_path_when_the_folder_is_deep(var: Path) -> None:
    deep = var / ("deep" * 20)
    with Process(deep) as process:
        assert "host=%2Ftmp%2Fmeetsmatch-" in process.database_url
        sockets = Path(redis.Redis.from_url(process.redis_url).connection_pool.connection_kwargs["path"]).parent
        assert sockets.stat().st_mode & 0o077 == 0
    assert not sockets.exists()


@only_root
def test_it_says_whose_folder_it_may_not_use(var: Path) -> None:
    (var / "postgres").mkdir()
    shutil.chown(var / "postgres", "nobody")
    assert "belongs to another user" in Process(var).error()


@only_root
def test_it_says_which_folder_postgresql_cannot_reach(var: Path) -> None:
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    error = Process(closed / "var").error()
    assert f"may not enter {closed}." in error
    assert "MEETSMATCH_VAR" in error
    assert closed.stat().st_mode & 0o777 == 0o700
