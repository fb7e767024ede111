"""The edge worker on this machine: the real one in Cloudflare's own runtime, with all that it stores in one folder."""

import shlex
from http.client import HTTPConnection, HTTPException
from pathlib import Path

WORKER = Path(__file__).parent.parent / "edge_worker"
RUNTIME = WORKER / "node_modules/miniflare"
# It needs no account and asks nobody on the network.
ENVIRONMENT = {
    "CI": "true",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "WRANGLER_HIDE_BANNER": "true",
    "WRANGLER_SEND_METRICS": "false",
}


def command(
    folder: Path, *, port: int, origin: str, webhook_secret: str, shared_secret: str, media: Path | None = None
) -> str:
    """The shell command that runs the worker in front of `origin`, its secrets in a file that only this user reads.

    The folder is kept: what waits in the backlog is there again after a restart. `media` is where the origin keeps its
    photos when it has no bucket.
    """
    for each in (folder, *([media] if media else [])):
        each.mkdir(parents=True, exist_ok=True)
    variables = {
        "ORIGIN_URL": origin,
        "TELEGRAM_WEBHOOK_SECRET": webhook_secret,
        "EDGE_SHARED_SECRET": shared_secret,
    }
    env_file = folder / "env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    arguments = ["--port", port, "--store", folder / "state", *(["--media", media] if media else [])]
    settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    parts = ["env", *settings, "node", f"--env-file={env_file}", WORKER / "serve.mjs", *arguments]
    return shlex.join(str(part) for part in parts)


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
    return RUNTIME.is_dir()
