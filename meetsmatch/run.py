"""`make run`: everything in one terminal, from the embedded servers to the last process of the Procfile.

Not honcho, because that one leaves its processes behind when the terminal hangs up, and waits for ever when they all
ignore SIGTERM.
"""

import os
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import IO, Self

from django.core.exceptions import ImproperlyConfigured

from meetsmatch import embedded, local_edge
from meetsmatch.env import Environment, read_environment

ROOT = Path(__file__).parent.parent
READY_TIMEOUT_SECS = 60
STOP_TIMEOUT_SECS = 7


class StartError(Exception):
    """MeetsMatch cannot run on; the message says why and what to do."""


class StopRequested(Exception):  # noqa: N818 - not an error
    """Somebody pressed Ctrl-C, closed the terminal or sent SIGTERM."""


def main() -> int:
    """Exit code: 0 after a requested stop, otherwise 1."""
    try:
        env = read_environment(os.environ)
        _check_port(env.PORT)
        with Supervisor() as supervisor:
            _run_everything(supervisor, env)
    except StopRequested:
        return 0
    except (StartError, ImproperlyConfigured, embedded.EmbeddedError) as error:
        say(str(error))
    return 1


def say(text: str, source: str = "run") -> None:
    """Print a text with the name of who says it. A terminal that has gone is no reason to leave processes behind."""
    with suppress(OSError):
        sys.stdout.write("".join(f"{source:9} | {line}\n" for line in text.splitlines() or [""]))
        sys.stdout.flush()


class Supervisor:
    """Starts processes, relays their output, and has stopped all of them when its `with` block is left.

    Each process leads a group of its own, so that Ctrl-C reaches the supervisor alone. Inside the block every wait
    raises StopRequested after a signal and StartError as soon as a process that should stay has ended.
    """

    def __init__(self) -> None:
        self._stop_requested = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # `make` as a session leader (ssh -t host make run) keeps the SIGHUP of a terminal that has gone to itself.
        self._hangup = select.poll()
        if sys.stdin.isatty():
            self._hangup.register(sys.stdin, 0)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request_stop)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(signal.SIGHUP, self._request_stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes:
            say("Stopping.")
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_SECS
        for name, process in self._processes.items():
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"{name} has not stopped within {STOP_TIMEOUT_SECS} s and is killed.")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start(self, name: str, command: str) -> None:
        """Start a shell command that is to stay until the end."""
        # With exec the program itself gets the signals, not a shell before it.
        process = subprocess.Popen(  # noqa: S602 - the commands are ours, and use the shell's $PORT
            f"exec {command}",
            shell=True,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._processes[name] = process
        assert process.stdout
        threading.Thread(target=_relay, args=(process.stdout, name), daemon=True).start()

    def run(self, name: str, command: str) -> None:
        """Run a shell command to its end. Raises StartError when it fails."""
        self.start(name, command)
        process = self._processes[name]
        while process.poll() is None:
            self._wait(0.05, finite=name)
        del self._processes[name]
        if process.returncode:
            raise StartError(f"{name} failed with code {process.returncode}: see its lines above.")

    def wait_until(self, condition: Callable[[], bool], timeout_secs: float) -> bool:
        """Whether the condition came true in time."""
        deadline = time.monotonic() + timeout_secs
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._wait(0.2)
        return True

    def watch(self) -> None:
        """Never returns: leaves with StopRequested or StartError."""
        while True:
            self._wait(0.2)

    def _wait(self, secs: float, finite: str = "") -> None:
        if self._stop_requested.wait(secs) or self._hangup.poll(0):
            raise StopRequested
        for name, process in self._processes.items():
            if name != finite and process.poll() is not None:
                raise StartError(f"{name} has ended by itself with code {process.returncode}: everything stops.")

    def _request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stop_requested.set()


def _run_everything(supervisor: Supervisor, env: Environment) -> None:
    began = time.monotonic()
    simulator = env.TELEGRAM_BOT_TOKEN is None
    os.environ.update(_environment_of_processes(env))
    edge = _prepare_edge(env) if env.EDGE else None
    _hold_embedded_servers(env)
    supervisor.run("migrate", "python manage.py migrate --verbosity 0")
    if simulator:
        supervisor.run("seed", "python manage.py seed_demo")
    for name, command in procfile().items():
        supervisor.start(name, command)
    if simulator:
        supervisor.start("simulator", "python manage.py run_simulator")
    if not supervisor.wait_until(lambda: is_ready(env.PORT), READY_TIMEOUT_SECS):
        raise StartError(f"http://127.0.0.1:{env.PORT}/readyz has not answered 200 within {READY_TIMEOUT_SECS} s.")
    if edge:
        supervisor.start("edge", edge)
        if not supervisor.wait_until(lambda: local_edge.is_live(env.EDGE_PORT), READY_TIMEOUT_SECS):
            raise StartError(f"The edge worker has not answered on port {env.EDGE_PORT}: see its lines above.")
    # Registers the webhook with the Bot API, which is served by `web` itself when it is the simulator.
    supervisor.run("setup", "python manage.py setup_bot")
    if env.TELEGRAM_UPDATES == "polling":
        supervisor.start("polling", "python manage.py poll_updates")
    say(_welcome(env, ready_secs=time.monotonic() - began))
    supervisor.watch()


def _hold_embedded_servers(env: Environment) -> None:
    """Started here rather than by the first process, so that they run until the last process has stopped."""
    if not env.DATABASE_URL:
        embedded.database_url()
    if not env.REDIS_URL:
        embedded.redis_url()


def _prepare_edge(env: Environment) -> str:
    """The command of the edge worker; from now on the processes know of it. Its secret is of this run only."""
    if not local_edge.is_installed():
        raise StartError("The edge worker's packages are missing: start with `make run EDGE=1`, which installs them.")
    _check_port(env.EDGE_PORT)
    secret = secrets.token_hex(32)
    os.environ.update(EDGE_URL=f"http://127.0.0.1:{env.EDGE_PORT}", EDGE_SHARED_SECRET=secret)
    return local_edge.command(
        embedded.VAR / "edge",
        port=env.EDGE_PORT,
        origin=f"http://127.0.0.1:{env.PORT}",
        webhook_secret=env.TELEGRAM_WEBHOOK_SECRET or "simulator",
        shared_secret=secret,
        media=None if env.S3_ENDPOINT_URL else embedded.VAR / "media",
    )


def _environment_of_processes(env: Environment) -> dict[str, str]:
    """What the processes get on one machine, where nothing else is set."""
    defaults = {
        "DJANGO_SETTINGS_MODULE": "meetsmatch.settings.dev",
        "PORT": str(env.PORT),
        "PYTHONUNBUFFERED": "1",
        "WEB_HOST": "127.0.0.1",
        "WEB_WORKERS": "1",
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {name: os.environ.get(name) or default for name, default in defaults.items()} | {"PATH": path}


def procfile() -> dict[str, str]:
    """The shell command of each process type."""
    return dict(re.findall(r"^(\w+): *(.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            advice = f"Stop what listens there, or choose another: make run PORT={port + 1}"
            raise StartError(f"Port {port} cannot be used ({error.strerror}). {advice}") from None


def is_ready(port: int) -> bool:
    """Whether /readyz on this machine answers 200 within five seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _relay(output: IO[bytes], name: str) -> None:
    for line in output:
        say(line.decode(errors="replace"), name)


def _welcome(env: Environment, *, ready_secs: float) -> str:
    root = f"http://localhost:{env.PORT}"
    if env.TELEGRAM_BOT_TOKEN is None:
        chat = f"Simulator  {root}/simulator/"
        logins = "admin/admin, moderator/moderator, senior/senior, product/product, approver/approver"
    else:
        chat = "Telegram   write to your bot there (the simulator is off while TELEGRAM_BOT_TOKEN is set)"
        logins = "make an account with: .venv/bin/python manage.py createsuperuser"
    edge = f"  Edge       http://127.0.0.1:{env.EDGE_PORT} (updates come through it)\n" if env.EDGE else ""
    return f"""
MeetsMatch is ready after {ready_secs:.0f} s. Ctrl-C stops all of it.

  {chat}
  Admin      {root}/admin/  ({logins})
  API        {root}/api/v1/docs
{edge}"""


if __name__ == "__main__":
    sys.exit(main())
