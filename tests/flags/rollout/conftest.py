from datetime import datetime, timedelta
from itertools import count

import pytest
from django.utils import timezone

from apps.flags.experiments.models import Exposure, Metric, Outcome
from apps.flags.models import RampStep
from apps.users.models import User
from tests.flags.conftest import Define

_numbers = count(9_000_000_001)
DANGEROUS, HARMLESS = "signup.open", "bot.notes"


@pytest.fixture
def new_chat(define: Define) -> str:
    """A flag that nobody has yet, and anybody may change."""
    return define("new_chat").name


@pytest.fixture
def open_doors(define: Define) -> str:
    """A flag that nobody has yet, and that is dangerous."""
    return define("open_doors", dangerous=True).name


class Clock:
    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, which stands still until it is moved forward."""
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


def observe(
    step: RampStep, variant: str, members: int, *, did: int = 0, metric: Metric = Metric.REPORT, at: datetime
) -> None:
    """So many asked for the flag at that time, and `did` of them did it an hour later."""
    asked = User.objects.bulk_create([User(telegram_id=next(_numbers)) for _ in range(members)])
    exposures = Exposure.objects.bulk_create(
        [Exposure(study=step.pk, variant=variant, member=user, at=at) for user in asked]
    )
    Outcome.objects.bulk_create(
        [Outcome(exposure=exposure, metric=metric, at=at + timedelta(hours=1)) for exposure in exposures[:did]]
    )
