from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from apps.core.progress import ProgressLine
from apps.matching.batches import builds, territory
from apps.matching.batches.models import DeckBuild


class Command(BaseCommand):
    help = (
        "Builds everybody's decks, territory by territory. Joins the build that runs, so that it may be started on any"
        " number of machines, and again after it was killed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--everything", action="store_true", help="also territories in which nothing has changed")
        parser.add_argument("--begin", action="store_true", help="only begins a build, and leaves it to the workers")
        parser.add_argument("--progress", action="store_true", help="only shows how far the build that runs has come")
        parser.add_argument("--stop", action="store_true", help="stops the build that runs, on all machines")

    def handle(self, *_: object, everything: bool, begin: bool, progress: bool, stop: bool, **__: object) -> None:
        self.line = ProgressLine(self.stdout)
        if stop or progress:
            build = builds.running_build()
            if build is None:
                self.stdout.write("No build runs.")
                return
            if stop:
                builds.stop(build)
            self._show(build, is_last=True)
            return
        build = builds.start(why="by hand", everything=everything)
        for _territory in () if begin else builds.work_off(build, territory.build):
            self._show(build)
        build.refresh_from_db()
        self._show(build, is_last=True)

    def _show(self, build: DeckBuild, *, is_last: bool = False) -> None:
        done = builds.progress(build)
        rate = f"{done.rate:,.0f} a second" if done.rate else "-"
        left = f", {done.secs_left / 60:.0f} min left" if done.secs_left is not None else ""
        failed = f", {done.failed} failed" if done.failed else ""
        words = (
            f"{done.built:,} of {done.members:,} members, {done.done} of {done.territories} territories{failed};"
            f" {rate}{left}"
        )
        self.line.show(done.share, words, is_last=is_last)
