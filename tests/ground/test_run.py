"""The supervisor of `make run`, with stand-ins for the processes."""

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PREAMBLE = """
from meetsmatch import run
run.STOP_TIMEOUT_SECS = 1
try:
    with run.Supervisor() as supervisor:
{body}
        supervisor.watch()
except (run.StopRequested, run.StartError) as error:
    run.say(type(error).__name__ + " " + str(error))
"""
# Each writes its pid so that the test can look for it afterwards.
POLITE = 'sh -c "echo pid $$; sleep 1000"'
STUBBORN = "sh -c \"trap '' TERM INT HUP; echo pid $$; while true; do sleep 0.1; done\""
WITH_CHILD = "sh -c 'sleep 1000 & echo pid $!; echo pid $$; wait'"


class Supervised:
    """The supervisor in a session of its own, as in a terminal."""

    def __init__(self, *commands: str, terminal: int | None = None, **kwargs: str) -> None:
        named = {f"p{number}": command for number, command in enumerate(commands)} | kwargs
        body = "\n".join(f"        supervisor.start({name!r}, {command!r})" for name, command in named.items())
        self.popen = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE.format(body=body)],
            stdin=terminal or subprocess.DEVNULL,
            stdout=terminal or subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pids(self, count: int) -> list[int]:
        lines = (self.popen.stdout.readline() for _ in range(count))
        return [int(line.rpartition(" pid ")[2]) for line in lines]

    def stop(self, number: signal.Signals) -> str:
        """What it still says, within ten seconds."""
        os.killpg(self.popen.pid, number)
        return self.popen.communicate(timeout=10)[0]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_leaves_no_process_after_a_signal(number: signal.Signals) -> None:
    supervised = Supervised(POLITE, WITH_CHILD)
    pids = supervised.pids(3)
    assert "StopRequested" in supervised.stop(number)
    assert not any(map(is_running, pids))


def test_it_kills_processes_that_ignore_the_request_to_stop() -> None:
    supervised = Supervised(STUBBORN, STUBBORN)
    pids = supervised.pids(2)
    assert "p0 has not stopped within 1 s and is killed." in supervised.stop(signal.SIGINT)
    assert not any(map(is_running, pids))


def test_it_stops_when_the_terminal_has_gone_without_a_signal() -> None:
    terminal, ours = pty.openpty()
    supervised = Supervised(POLITE, STUBBORN, terminal=ours)
    os.close(ours)
    with os.fdopen(terminal) as lines:
        pids = [int(lines.readline().rpartition(" pid ")[2]) for _ in range(2)]
    supervised.popen.wait(10)
    assert not any(map(is_running, pids))


def test_it_stops_all_when_one_dies_and_says_which() -> None:
    supervised = Supervised(POLITE, dying="sh -c 'echo pid $$; sleep 0.5; exit 3'")
    pids = supervised.pids(2)
    said = supervised.popen.communicate(timeout=10)[0]
    assert "StartError dying has ended by itself with code 3: everything stops." in said
    assert not any(map(is_running, pids))


def test_it_shows_which_process_says_what() -> None:
    supervised = Supervised(web="sh -c 'echo hello; sleep 1000'")
    assert supervised.popen.stdout.readline() == "web       | hello\n"
    supervised.stop(signal.SIGTERM)


def test_it_refuses_a_port_in_use_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = os.environ | {"PORT": str(port)}
        run = subprocess.run(
            [sys.executable, "-m", "meetsmatch.run"], env=environment, capture_output=True, text=True, check=False
        )
    assert run.returncode == 1
    assert f"Port {port} cannot be used (Address already in use). Stop what listens there" in run.stdout
