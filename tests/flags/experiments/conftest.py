from collections.abc import Callable, Iterator

import pytest

from apps.flags.experiments import recording, services
from apps.flags.experiments.models import Experiment, Metric

Design = Callable[..., Experiment]


@pytest.fixture(autouse=True)
def _nobody_remembered() -> Iterator[None]:
    """Members of another test were exposed in another database."""
    recording.forget()
    yield
    recording.forget()


@pytest.fixture
def draft(new_deck: str) -> Design:
    """An experiment on the new deck, half of the members without it and half with it, that has not started."""

    def make(**design: object) -> Experiment:
        fields = {
            "name": f"experiment {Experiment.objects.count() + 1}",
            "flag": new_deck,
            "hypothesis": "more matches",
            "variants": [{"name": "old", "weight": 1, "value": False}, {"name": "new", "weight": 1, "value": True}],
            "metric": Metric.MATCH,
            **design,
        }
        return services.save_draft(Experiment(**fields), by=None)

    return make


@pytest.fixture
def running(draft: Design) -> Design:
    def make(**design: object) -> Experiment:
        return services.start(draft(**design), by=None)

    return make
