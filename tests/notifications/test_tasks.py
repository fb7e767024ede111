from datetime import timedelta

import pytest
from django.utils import timezone

from apps.notifications.models import Delivery
from apps.notifications.tasks import purge_deliveries
from apps.users.models import User
from tests.notifications.conftest import tell


@pytest.mark.parametrize(
    ("status", "days", "is_kept"),
    [("sent", 31, False), ("failed", 31, False), ("sent", 29, True), ("failed", 29, True), ("pending", 31, True)],
)
def test_it_drops_what_ended_over_a_month_ago(
    ann: User, monkeypatch: pytest.MonkeyPatch, status: str, days: int, is_kept: bool
) -> None:
    monkeypatch.setattr("apps.notifications.tasks.BATCH", 2)
    tell(ann, "one", "two", "three")
    Delivery.objects.update(status=status, created_at=timezone.now() - timedelta(days=days))

    purge_deliveries()
    purge_deliveries()

    assert Delivery.objects.count() == (3 if is_kept else 0)
