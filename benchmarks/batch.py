"""Decks of everybody, built ahead: members a second and memory, as the world grows from ten thousand to a million.

    python benchmarks/batch.py --scales 0.01 0.1 1

Each scale is built by two processes of `manage.py build_decks`, as on two machines. At the smallest scale one of two
is killed half way, and what that costs is counted. The worlds are those of benchmarks/retrieval.py, each kept in a
database of its own.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WORKERS = 2
# The largest world is the one that benchmarks/retrieval.py measures in.
DATA = {1.0: "var/bench-data"}
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "meetsmatch.settings.test"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.01, 0.1, 1.0])
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)  # in a process of its own, for its database
    arguments = parser.parse_args()
    if arguments.one:
        print(measure(arguments.one, kill=arguments.one == min(arguments.scales)))  # noqa: T201 read by the parent
        return
    figures: dict[str, float] = {}
    for scale in sorted(arguments.scales):
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "MEETSMATCH_VAR": DATA.get(scale, f"var/bench-data-{scale:g}"),
        }
        scales = [str(each) for each in arguments.scales]
        command = [sys.executable, __file__, "--one", str(scale), "--scales", *scales]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        *said, last = done.stdout.strip().splitlines()
        print("\n".join(said))  # noqa: T201
        figures |= eval(last)  # noqa: S307 our own repr
    report(figures, sorted(arguments.scales))


def measure(scale: float, *, kill: bool) -> dict[str, float]:
    import django

    django.setup()
    from apps.matching.batches import builds
    from apps.matching.batches.models import Deck
    from benchmarks.support.world import make_world, step

    world = make_world(scale)
    name = f"{world.members:,} members"
    figures: dict[str, float] = {}
    with step(f"{name}: decks of everybody, {WORKERS} processes"):
        build = builds.start(why="benchmark", everything=True)
        secs, memory = build_by_workers(kill_one=False)
    assert not build.territories.exclude(state="done").exists(), "some territories have failed"
    figures[f"{name}: minutes"] = secs / 60
    figures[f"{name}: members a second"] = world.members / secs
    figures[f"{name}: ms a member"] = secs / world.members * 1000
    figures[f"{name}: memory of the workers (GB)"] = memory
    figures[f"{name}: CPU of the workers, ms a member"] = children_cpu_secs() / world.members * 1000
    figures[f"{name}: decks"] = Deck.objects.count()
    if kill and scale < 1:
        with step(f"{name}: the same, and one worker is killed"):
            build = builds.start(why="benchmark", everything=True)
            killed_secs, _ = build_by_workers(kill_one=True)
        again = sum(build.territories.filter(attempts__gt=1).values_list("members", flat=True))
        figures["one worker killed: members built again, share"] = again / world.members
        figures["one worker killed: territories built again"] = build.territories.filter(attempts__gt=1).count()
        figures["one worker killed: minutes, without the wait for its lease"] = killed_secs / 60
        build.refresh_from_db()
        assert build.state == builds.State.FINISHED
    return figures


def build_by_workers(*, kill_one: bool) -> tuple[float, float]:
    """Seconds until all have ended, and the most memory that they held together, in GB (an upper bound: the sum)."""
    from django.utils import timezone

    from apps.matching.batches.models import DeckTerritory

    begun = time.perf_counter()
    command = [sys.executable, "manage.py", "build_decks"]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(WORKERS)]  # noqa: S603
    if kill_one:
        _wait_until_half_is_built()
        workers[0].send_signal(signal.SIGKILL)
    peaks = dict.fromkeys(range(WORKERS), 0.0)
    while any(worker.poll() is None for worker in workers):
        for number, worker in enumerate(workers):
            peaks[number] = max(peaks[number], _memory_gb(worker.pid))
        time.sleep(0.2)
    if kill_one:  # what the killed one had taken is free when its lease is over; that is not waited for here
        DeckTerritory.objects.filter(state="taken").update(lease_until=timezone.now())
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    return time.perf_counter() - begun, sum(peaks.values())


def children_cpu_secs() -> float:
    """Of all that have ended; without PostgreSQL's own. On a busy machine it says more than the clock."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_until_half_is_built() -> None:
    from apps.matching.batches import builds
    from apps.matching.batches.models import DeckTerritory

    build = builds.running_build()
    while build and builds.progress(build).share < 0.5:
        time.sleep(0.05)
    while build and not DeckTerritory.objects.filter(build=build, state="taken").exists():
        time.sleep(0.01)


def _memory_gb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * resource.getpagesize() / 1e9


def report(figures: dict[str, float], scales: list[float]) -> None:
    from benchmarks.report import print_table, write

    print_table(("", "figure"), [(name, f"{figure:,.3f}") for name, figure in figures.items()])
    names = [f"{int(1_000_000 * scale):,} members" for scale in scales]
    cost = [figures[f"{name}: ms a member"] for name in names]
    ratios = {
        f"cost of a member, {name} against {before}": own / earlier
        for (before, name), (earlier, own) in zip(pairwise(names), pairwise(cost), strict=True)
    }
    print_table(("", "times"), [(name, f"{ratio:.2f}") for name, ratio in ratios.items()])
    write("batch", figures, ratios)


if __name__ == "__main__":
    main()
