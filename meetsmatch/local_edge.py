"""The edge worker on this machine: the real one in Cloudflare's own runtime, with all that it stores in one folder."""

import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path

WORKER = Path(__file__).parent.parent / "edge_worker"
WRANGLER = WORKER / "node_modules/.bin/wrangler"
# It needs no account and asks nobody on the network.
ENVIRONMENT = {
    "CI": "true",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "WRANGLER_HIDE_BANNER": "true",
    "WRANGLER_SEND_METRICS": "false",
}


def command(folder: Path, *, port: int, origin: str, webhook_secret: str, shared_secret: str) -> str:
    """The shell command that runs the worker in front of `origin`, its secrets in a file that only this user reads.

    The folder is kept: what waits in the backlog is there again after a restart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        "ORIGIN_URL": origin,
        "TELEGRAM_WEBHOOK_SECRET": webhook_secret,
        "EDGE_SHARED_SECRET": shared_secret,
    }
    env_file = folder / "env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    settings = " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items())
    return (
        f"env {settings} {WRANGLER} dev --config {WORKER / 'wrangler.jsonc'} --env-file {env_file}"
        f" --ip 127.0.0.1 --port {port} --inspector-port 0 --persist-to {folder / 'state'}"
        " --show-interactive-dev-session=false --log-level warn"
    )


def is_live(port: int) -> bool:
    """Whether its /healthz answers 200 within two seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def is_installed() -> bool:
    return os.access(WRANGLER, os.X_OK)
