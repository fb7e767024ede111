from itertools import count

import pytest

from apps.notifications.models import Delivery, Priority
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import User
from tests.fakes import FakeBotApi

_telegram_ids = count(1001)


@pytest.fixture
def api() -> FakeBotApi:
    return FakeBotApi()


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create(telegram_id=next(_telegram_ids))


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create(telegram_id=next(_telegram_ids))


def tell(
    user: User, *texts: str, priority: Priority = Priority.REPLY, method: str = "sendMessage", **params: object
) -> list[Delivery]:
    """Writes one delivery for each text; without texts, one with just these parameters."""
    bodies = [{"text": text, **params} for text in texts] or [params]
    enqueue([Outgoing(user.telegram_id or 0, method, body, user, priority) for body in bodies])
    return list(Delivery.objects.order_by("-pk")[: len(bodies)])[::-1]


def make_due() -> None:
    """Lets the pause of everything that waits be over."""
    Delivery.objects.update(due_at=Delivery.objects.latest("created_at").created_at)
