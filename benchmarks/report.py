"""How every benchmark reports: a table for people, and `var/bench/NAME.json` for machines."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column to the left, the others to the right, each as wide as its longest entry."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        first, *others = (
            f"{entry:{'<' if column == 0 else '>'}{width}}"
            for column, (entry, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))  # noqa: T201 a table for people


def write(name: str, figures: Mapping[str, float], ratios: Mapping[str, float]) -> None:
    machine = {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()}
    written = {"figures": dict(figures), "ratios": dict(ratios), "machine": machine}
    path = ROOT / "var" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(written, indent=2, ensure_ascii=False))
