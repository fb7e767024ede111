"""What is learned from swipes: standings, models, and the end of what is too old to learn from."""

from celery import shared_task

from apps.matching.learning import impressions, standings, trainer
from apps.matching.learning.running import running_model


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


@shared_task(name="matching.purge_impressions")
def purge_impressions() -> None:
    """Safe to run twice: each batch is whatever is left."""
    impressions.purge()
