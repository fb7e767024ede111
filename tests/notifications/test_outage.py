"""The sender while Telegram is away: it waits with what it has, and one delivery finds out for all."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync

from apps.core.errors import GatewayError
from apps.core.resilience.policies import TELEGRAM
from apps.notifications.models import Delivery
from apps.notifications.sender import Sender
from apps.users.models import User
from tests.fakes import FakeBotApi
from tests.notifications.conftest import tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def _telegram_down(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(TELEGRAM, "policy", replace(TELEGRAM.policy, rest_secs=0.2))
    for _ in range(TELEGRAM.policy.failures):
        with pytest.raises(GatewayError), TELEGRAM.guard():
            raise GatewayError("Bad Gateway", permanent=False)
    yield
    TELEGRAM.reset()


@pytest.mark.usefixtures("_telegram_down")
def test_it_claims_nothing_while_telegram_rests_and_then_one_delivery(ann: User, ben: User, api: FakeBotApi) -> None:
    tell(ann, "one")
    tell(ben, "two")
    assert async_to_sync(Sender(api).run_once)() == 0
    assert set(Delivery.objects.values_list("status", "attempts")) == {(Delivery.Status.PENDING, 0)}

    time.sleep(0.2)
    assert async_to_sync(Sender(api).run_once)() == 1
