"""The edge worker through Miniflare's API, in Cloudflare's own runtime: reads, webhooks and hits.

Cached profile reads against a bare worker that says hello; webhooks through the worker against the same origin called
directly, with few objects that keep the order (as built) and with one for each chat; and how many reads of 100,000
profiles, as popular as Zipf's law has it, never reach the origin at a moment of a day with 42 of them a second. All in
one run, the compared ones in turns. Four minutes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NODE, NPM = shutil.which("node") or "node", shutil.which("npm") or "npm"
sys.path.insert(0, str(ROOT))

from benchmarks.report import print_table, write  # noqa: E402
from meetsmatch.local_edge import ENVIRONMENT, WORKER  # noqa: E402


def measure() -> dict[str, Any]:
    environment = {**os.environ, **ENVIRONMENT}
    commands = ([NPM, "run", "--silent", "bundle"], [NODE, "bench/bench.mjs"])
    for command in commands:
        done = subprocess.run(  # noqa: S603 ours
            command, cwd=WORKER, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    found = measure()
    reads, inside, webhooks, zipf = found["reads"], found["inside"], found["webhooks"], found["zipf"]
    direct = webhooks["direct"]
    figures = {
        "hello (reads/s)": reads["hello"],
        "cached profile (reads/s)": reads["cached"],
        "hello, called by a worker (µs)": inside["hello"],
        "cached profile, called by a worker (µs)": inside["cached"],
        **{f"webhook, {way}, {share} (ms)": ms for way, taken in webhooks.items() for share, ms in taken.items()},
        **{
            f"webhook, {way}, added at p95 (ms)": taken["p95"] - direct["p95"]
            for way, taken in webhooks.items()
            if way != "direct"
        },
        "reads while a card is fresh": zipf["within"],
        "reads counted": zipf["reads"],
    }
    ratios = {
        "cached profile / hello": reads["ratio"],
        "reads that never reach the origin": zipf["hits"],
    }
    print_table(["", "measured"], [[name, f"{value:,.3f}"] for name, value in figures.items()])
    print_table(["", "ratio"], [[name, f"{value:.3f}"] for name, value in ratios.items()])
    write("edge", {name: round(value, 4) for name, value in figures.items()}, ratios)


if __name__ == "__main__":
    main()
