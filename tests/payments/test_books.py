"""What is written down of payments, and what it comes to."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from hypothesis import given
from hypothesis import strategies as some

from apps.payments.models import Purchase
from apps.payments.selectors import Books, books, days_of, last_day
from apps.payments.services import refund
from apps.users.models import Staff, User
from tests.payments.conftest import Buy
from tests.staff import Hire

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

purchases = some.lists(
    some.builds(
        lambda hour, days, is_refunded: Purchase(
            days=days,
            bought_at=NOON + timedelta(hours=hour),
            refunded_at=NOON + timedelta(days=400) if is_refunded else None,
        ),
        some.integers(0, 24 * 90),
        some.integers(0, 60),
        some.booleans(),
    ),
    max_size=6,
)


def days_held(of: list[Purchase]) -> set[int]:
    """Hours at which somebody with these has Plus, counted one by one."""
    held: set[int] = set()
    for each in sorted(of, key=lambda purchase: purchase.bought_at):
        left, hour = each.days * 24 if not each.refunded_at else 0, int((each.bought_at - NOON) / timedelta(hours=1))
        while left:
            if hour not in held:
                held.add(hour)
                left -= 1
            hour += 1
    return held


@given(purchases)
def test_it_gives_every_day_that_was_paid_for_and_no_other(of: list[Purchase]) -> None:
    ends = last_day(of)
    held = days_held(of)
    assert len(held) == sum(each.days * 24 for each in of if not each.refunded_at)
    assert ends == (NOON + timedelta(hours=max(held) + 1) if held else None)


@given(purchases)
def test_it_does_not_depend_on_the_order_of_reading(of: list[Purchase]) -> None:
    assert last_day(of) == last_day(of[::-1])


@pytest.mark.parametrize(
    ("item", "days"),
    [("plus:30", 30), ("plus:1", 1), ("plus:", 0), ("plus:-3", 0), ("plus:³", 0), ("coins:30", 0), ("", 0)],
)
def test_it_reads_what_an_invoice_was_for(item: str, days: int) -> None:
    assert days_of(item) == days


def test_it_keeps_the_books_as_they_are(ann: User, buy: Buy) -> None:
    purchase = buy(ann)
    rows = Purchase.objects.filter(pk=purchase.pk)
    for change in ({"stars": 1}, {"days": 400}, {"charge_id": "other"}, {"bought_at": NOON}, {"item": "plus:1"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()


def test_it_forgets_a_buyer_and_never_puts_one_in(ann: User, buy: Buy) -> None:
    purchase = buy(ann)
    Purchase.objects.update(buyer=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Purchase.objects.filter(pk=purchase.pk).update(buyer=ann)


def test_it_notes_a_refund_once(ann: User, buy: Buy, hire: Hire) -> None:
    cleo = hire("cleo", "Payments")
    purchase = refund(buy(ann).pk, by=cleo, reason="did not work")
    for change in ({"refunded_at": None, "refunded_by": None, "refund_reason": ""}, {"refund_reason": "other"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Purchase.objects.filter(pk=purchase.pk).update(**change)
    with pytest.raises(ProtectedError):
        Staff.objects.get(pk=cleo.pk).delete()


def test_it_adds_up(ann: User, buy: Buy, hire: Hire) -> None:
    buy(ann, stars=250)
    refund(buy(ann, stars=100).pk, by=hire("cleo", "Payments"), reason="did not work")
    assert books(Purchase.objects.all()) == Books(purchases=2, stars=350, refunded=100)
    assert books(Purchase.objects.all()).kept == 250
    assert books(Purchase.objects.none()).kept == 0
