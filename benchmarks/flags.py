"""Asking for a flag: `flags.is_enabled` for a known member against waffle's own `flag_is_active`, its cache warm.

Both in one process, in turns, so that a slower moment of the machine hits both. waffle is asked as its documentation
says: with a request of the member, and for a flag of its own semantics (one that the catalogue does not have).
"""

import json
import os
import platform
import sys
import timeit
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")

import django  # noqa: E402

django.setup()

import waffle  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from apps import flags  # noqa: E402
from apps.flags.experiments import services as experiments  # noqa: E402
from apps.flags.experiments.models import Experiment, Metric  # noqa: E402
from apps.flags.models import Flag  # noqa: E402
from apps.flags.services import change  # noqa: E402
from apps.flags.state import read_segment  # noqa: E402
from apps.users.models import User  # noqa: E402

ROUNDS, CALLS = 15, 2000
SEGMENT = read_segment("language in en, es\naccount_age_days >= 0\nstaff is no")


def microseconds(call: Callable[[], object]) -> float:
    return timeit.timeit(call, number=CALLS) / CALLS * 1e6


def measure(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median over the rounds, in microseconds a call."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            taken[name].append(microseconds(call))
    return {name: median(times) for name, times in taken.items()}


def calls_of(member: User) -> dict[str, Callable[[], object]]:
    request = RequestFactory().get("/")
    request.user = member
    Flag.objects.create(name="benchmark_everyone", everyone=True)
    Flag.objects.create(name="benchmark_user", superusers=False).users.add(member)
    change("bot.notes", by=None, reason="benchmark", percent=Decimal(50))
    change("bot.like_notice", by=None, reason="benchmark", percent=Decimal(50), segment=SEGMENT)
    change("matching.pool_limit", by=None, reason="benchmark", value=500)
    start_experiment("signup.open")
    return {
        "waffle: on for everyone": lambda: waffle.flag_is_active(request, "benchmark_everyone"),
        "waffle: on for this user": lambda: waffle.flag_is_active(request, "benchmark_user"),
        "is_enabled: on for everyone": lambda: flags.is_enabled("bot.contact_exchange", member),
        "is_enabled: percentage": lambda: flags.is_enabled("bot.notes", member),
        "is_enabled: segment of three rules and percentage": lambda: flags.is_enabled("bot.like_notice", member),
        "is_enabled: in an experiment, exposed before": lambda: flags.is_enabled("signup.open", member),
        "value": lambda: flags.value("matching.pool_limit", member, 2000),
    }


def start_experiment(flag: str) -> None:
    """On all members, with a segment and three variants."""
    variants = [{"name": name, "weight": 1, "value": name != "old"} for name in ("old", "new", "newest")]
    draft = Experiment(
        name=f"benchmark {uuid4()}",
        flag=flag,
        hypothesis="a benchmark",
        variants=variants,
        segment=SEGMENT,
        metric=Metric.MATCH,
    )
    starter = User.objects.create(telegram_id=-uuid4().int % 2**62)
    experiments.start(experiments.save_draft(draft, by=None), by=starter)


def remember_exposures() -> None:
    """As after the commit of the turn in which the member was exposed: the benchmark's own is never committed."""
    for _, hook, *_ in connection.run_on_commit:
        hook()
    connection.run_on_commit.clear()


def report(figures: dict[str, float], queries: int) -> dict[str, object]:
    everyone, user = figures["waffle: on for everyone"], figures["waffle: on for this user"]
    ratios = {name: everyone / taken for name, taken in figures.items() if not name.startswith("waffle")}
    print(f"{'':52} {'µs a call':>10} {'times as fast as waffle':>24}")  # noqa: T201 a table for people
    for name, taken in figures.items():
        print(f"{name:52} {taken:>10.2f} {f'{ratios[name]:.0f}' if name in ratios else '':>24}")  # noqa: T201
    print(f"queries in {CALLS} calls of is_enabled: {queries}; waffle for a user: {user / everyone:.1f} × for everyone")  # noqa: T201
    return {
        "figures": {f"{name} (µs)": round(taken, 3) for name, taken in figures.items()} | {"queries": queries},
        "ratios": {name: round(ratio, 1) for name, ratio in ratios.items()},
        "machine": {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def main() -> None:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        member = User.objects.create(telegram_id=-uuid4().int % 2**62)
        calls = calls_of(member)
        for call in calls.values():
            call()
        remember_exposures()
        with CaptureQueriesContext(connection) as captured:
            for name, call in calls.items():
                if not name.startswith("waffle"):
                    microseconds(call)
        written = report(measure(calls), len(captured))
        transaction.set_rollback(True)
    path = ROOT / "var" / "bench" / "flags.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(written, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
