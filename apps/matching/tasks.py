"""What is learned from swipes, and decks that are built ahead."""

from celery import shared_task

from apps import flags
from apps.matching.batches import builds
from apps.matching.learning import impressions, standings, trainer
from apps.matching.learning.running import running_model

BUILD_WORKERS = 1
SECS_BETWEEN_LOOKS = 60.0


@shared_task(name="matching.refresh_standings")
def refresh_standings() -> None:
    """Counts again whom swipes, undone ones and erased members concern. Safe to run twice, and to break off."""
    standings.refresh(running_model().population)


@shared_task(name="matching.recount_standings")
def recount_standings() -> None:
    """Has everybody counted again by the refreshes that follow. Safe to run twice: it only marks."""
    standings.mark_everybody()


@shared_task(name="matching.train_ranker")
def train_ranker() -> None:
    """A new model from the last weeks, which replaces the running one if it is better. Run twice, the second is not."""
    trainer.train_ranker()


@shared_task(name="matching.learn_tastes")
def learn_tastes() -> None:
    """Tonight's fit of everybody's tastes, kept if it is better. Run twice, the second does nothing."""
    from apps.matching.learning import tastes  # imports numba, as below

    if flags.is_enabled("matching.learn_tastes"):
        tastes.learn_tastes()


@shared_task(name="matching.purge_impressions")
def purge_impressions() -> None:
    """Safe to run twice: each batch is whatever is left."""
    impressions.purge()


@shared_task(name="matching.start_decks")
def start_decks() -> None:
    """Begins tonight's build of decks. Safe to run twice: the second finds the first one's."""
    if flags.is_enabled("matching.build_decks"):
        builds.start(why="every night")


@shared_task(name="matching.build_decks")
def build_decks() -> None:
    """Builds a few territories of the build that runs, if one does. Safe to run twice: each is built by one at a time.

    Sent every minute, so that a build goes on wherever a worker was lost.
    """
    from apps.matching.batches import territory  # imports numba: 1.5 s that every other process is spared

    if build := builds.running_build():
        at_once = flags.value("matching.build_workers", None, BUILD_WORKERS)
        for _territory in builds.work_off(build, territory.build, most_secs=SECS_BETWEEN_LOOKS, at_once=at_once):
            pass
