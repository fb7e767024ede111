"""`make drills`: every drill against the real processes, as a table and in var/drills.json. With names: only those.

Not a part of the tests, for it takes minutes and wants the machine to itself; beside them, because it stands on their
stack of real processes. Ends with 1 when a drill lost, doubled or disordered anything, or recovered too late.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meetsmatch.settings.test")
os.environ.setdefault("MEETSMATCH_VAR", "var/test")  # the stack's own folder is made beside it

from tests.drills.catalogue import DRILLS, Act, Notes
from tests.drills.verdict import Span, Verdict, has_all, judge
from tests.drills.world import ROOT, World, now

CALM_SECS, AFTER_SECS, PATIENCE_SECS = 2.0, 2.0, 60.0
HEADER = ("drill", "what members saw", "messages", "lost", "doubled", "in flight twice", "out of order", "recovered")


def run_drill(world: World, act: Act) -> tuple[Verdict, Notes]:
    """One drill, with load before, during and after it."""
    notes = Notes()
    first = {chat.id: len(chat.written) for chat in world.pairs.values()}
    apologies = sum(chat.apologies for chat in world.pairs.values())
    refused = world.telegram.refused
    with world.load():
        time.sleep(CALM_SECS)
        began = now()
        act(world, notes)
        ended = notes.ended or now()
        time.sleep(AFTER_SECS)
    excused = frozenset(notes.excused)
    photos_at = _wait(world, notes, first, excused)
    world.heal()
    verdict = judge(world.pairs, Span(first, began, ended, notes.cuts, excused))
    apologies = sum(chat.apologies for chat in world.pairs.values()) - apologies
    if notes.needs_photos:
        missing = world.photos_to_store()
        verdict = replace(verdict, lost=verdict.lost + missing, recovery=max(verdict.recovery, photos_at - ended))
    notes.saw = _saw(verdict, apologies, world.telegram.refused - refused)
    return replace(verdict, apologies=apologies), notes


def _wait(world: World, notes: Notes, first: dict[int, int], excused: frozenset[int]) -> float:
    """Until everything has arrived and all photos are stored, or nobody would wait any longer; when the photos were."""
    deadline, photos_at = now() + PATIENCE_SECS, now()
    while now() < deadline:
        has_photos = not notes.needs_photos or not world.photos_to_store()
        if not has_photos:
            photos_at = now()
        if has_photos and has_all(world.pairs, first, excused) and world.has_finished():
            break
        time.sleep(0.1)
    return photos_at


def _saw(verdict: Verdict, apologies: int, refused: int) -> str:
    parts = [f"messages up to {verdict.longest_wait:.1f} s late" if verdict.longest_wait > 0.5 else "nothing"]
    parts += [f"{apologies} apologies"] if apologies else []
    parts += [f"{refused} posts again"] if refused else []
    return ", ".join(parts)


def _line(name: str, verdict: Verdict, notes: Notes) -> tuple[str, ...]:
    figures = (verdict.messages, verdict.lost, verdict.doubled, verdict.in_flight_twice, verdict.out_of_order)
    mark = "" if verdict.is_good else "  ✗"
    return (name, notes.saw, *map(str, figures), f"{verdict.recovery:.1f} s{mark}")


def _print(line: tuple[str, ...]) -> None:
    print(f"{line[0]:18} {line[1]:52}" + "".join(f" {entry:>15}" for entry in line[2:]), flush=True)  # noqa: T201 a table for people


def run_all(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The report by name; prints each line as soon as its drill is through."""
    report: dict[str, dict[str, Any]] = {}
    with World() as world:
        world.seed()
        _print(HEADER)
        for name in names:
            what, act = DRILLS[name]
            try:
                verdict, notes = run_drill(world, act)
            except Exception as error:  # noqa: BLE001 one drill that breaks down leaves the others to be run
                _print((name, f"broke down: {type(error).__name__}: {error}"[:200]))
                report[name] = {"what": what, "saw": f"broke down: {error}", "good": False}
                world.heal()
                continue
            _print(_line(name, verdict, notes))
            if not verdict.is_good:
                _print(("", "; ".join(verdict.problems)))
            report[name] = {"what": what, "saw": notes.saw, **verdict.as_json()}
    return report


def main(names: list[str]) -> int:
    unknown = set(names) - set(DRILLS)
    if unknown:
        sys.exit(f"There is no drill {', '.join(sorted(unknown))}: {', '.join(DRILLS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the way out that leaves no process behind
    report = run_all(names or DRILLS)
    path = ROOT / "var" / "drills.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False))
    return 0 if all(each["good"] for each in report.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
