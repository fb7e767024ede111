from collections.abc import Callable
from itertools import count

import pytest

from apps.payments import services
from apps.payments.models import Purchase
from apps.users.models import User
from tests.factories import member

Buy = Callable[..., Purchase]
_charges = count(1)


@pytest.fixture
def ann(db: None) -> User:
    return member("Ann")


@pytest.fixture
def buy() -> Buy:
    """The member has paid for Plus."""

    def pay(buyer: User, *, stars: int = 250, days: int = 30) -> Purchase:
        charge_id = f"charge-{next(_charges)}"
        purchase = services.take_payment(buyer, charge_id=charge_id, stars=stars, item=f"plus:{days}")
        assert purchase
        return purchase

    return pay
