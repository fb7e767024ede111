"""MeetsMatch as its real processes, on a free port and with embedded servers of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from django.conf import settings

from meetsmatch import embedded
from meetsmatch.env import Environment
from meetsmatch.run import ROOT, is_ready, procfile
from tests import migrated

COMMANDS = {**procfile(), "simulator": "python manage.py run_simulator"}
# Holds the embedded servers until its standard input ends, that is also when the tests themselves are killed.
HOLDER = """
import sys
from meetsmatch import embedded
print(embedded.database_url(), embedded.redis_url(), flush=True)
sys.stdin.read()
"""
READY_TIMEOUT_SECS = 60
STOP_TIMEOUT_SECS = 10
LOG_TAIL_LINES = 25


def wait_until(is_so: Callable[[], object], what: str, timeout_secs: float = 30) -> None:
    """Fails the test when it does not come true in time."""
    deadline = time.monotonic() + timeout_secs
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_secs:.0f} s"
        time.sleep(0.05)


class Stack:
    """One MeetsMatch in a folder beside the tests' own, `<var>-e2e-<name>`: migrated and ready inside its `with` block.

    Its folder is emptied at the start and left at the end, for its logs. Keywords are environment variables.
    """

    def __init__(self, name: str, processes: Sequence[str], **variables: str) -> None:
        self.name = name
        self.folder = embedded.VAR.with_name(f"{embedded.VAR.name}-e2e-{name}")
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes = processes
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **{key: value for key, value in os.environ.items() if key not in Environment.model_fields},
            "DJANGO_SETTINGS_MODULE": "meetsmatch.settings.dev",
            "MEETSMATCH_VAR": str(self.folder),
            "MEETSMATCH_TEST_SERVERS": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PYTHONUNBUFFERED": "1",
            "WEB_HOST": "127.0.0.1",
            "WEB_WORKERS": "1",
            **variables,
        }

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout
        urls = self._holder.stdout.readline().decode().split()
        assert urls, "the embedded servers do not start"
        self.database_url, self.redis_url = urls
        try:
            self._environment |= self.wire()
            migrated.copy_to(self.database_url)
            self.start(*self._processes)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.terminate()
        for name in list(self._running):
            with suppress(subprocess.TimeoutExpired):
                self._running[name].wait(STOP_TIMEOUT_SECS)
            self.kill(name)
        self._holder.communicate()

    def wire(self) -> dict[str, str]:
        """More environment variables, made when the embedded servers run: for stacks that reach them in another way."""
        return {}

    def manage(self, *arguments: str) -> str:
        """The output of a management command that must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def python(self, code: str) -> Iterator["subprocess.Popen[str]"]:
        """One more process of the product, which runs this code and is killed at the end; its output is a pipe."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def start(self, *names: str) -> None:
        """Starts these processes; returns when web, if it is one of them, is ready."""
        for name in names:
            with self.log(name).open("ab") as log:
                self._running[name] = subprocess.Popen(
                    f"exec {COMMANDS[name]}",
                    shell=True,
                    cwd=ROOT,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if "web" in names:
            wait_until(self._is_ready, f"{self.name} is ready", READY_TIMEOUT_SECS)

    def kill(self, *names: str) -> None:
        """kill -9 of these processes and their children."""
        for name in names:
            process = self._running.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log_tails(self) -> str:
        """The last lines of each process."""
        tails = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
            tails.append("\n".join([f"---- {log}", *lines]))
        return "\n".join(tails)

    def _is_ready(self) -> bool:
        ended = self._running["web"].poll()
        assert ended is None, f"web of {self.name} has ended with code {ended}\n{self.log_tails()}"
        return is_ready(self.port)


@dataclass(frozen=True)
class Deployment:
    """The product, and where its Telegram is: in the same processes or in others."""

    product: Stack
    telegram: Stack

    @property
    def stacks(self) -> tuple[Stack, ...]:
        return (self.product,) if self.product is self.telegram else (self.product, self.telegram)


@contextmanager
def with_simulator(name: str) -> Iterator[Deployment]:
    """As `make run` has it: the product plays Telegram itself."""
    with Stack(name, ["web", "sender", "simulator"]) as stack:
        stack.manage("setup_bot")
        yield Deployment(stack, stack)


@contextmanager
def with_telegram_elsewhere(name: str) -> Iterator[Deployment]:
    """As with real Telegram: a Bot API that the product knows by its address, its token and its webhook only."""
    with Stack(f"{name}-telegram", ["web", "simulator"]) as telegram:
        variables = {
            "TELEGRAM_API_ROOT": f"{telegram.url}/simulator",
            "TELEGRAM_BOT_TOKEN": settings.SIMULATOR_BOT_TOKEN,
            "TELEGRAM_WEBHOOK_SECRET": "only-telegram-and-we-know-this",
        }
        with Stack(name, ["web", "sender"], **variables) as product:
            product.manage("setup_bot")
            yield Deployment(product, telegram)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
