"""Reads of payments: what is on offer to a member, how long their purchases last, what has come in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from apps import flags
from apps.payments.models import Purchase
from apps.users.models import User

CURRENCY = "XTR"  # Telegram Stars: whole ones only
STARS, DAYS = 250, 30
ITEM = "plus"


@dataclass(frozen=True)
class Offer:
    """What Plus costs a member at this moment, and for how long it is."""

    stars: int
    days: int

    @property
    def item(self) -> str:
        """What an invoice says it is for."""
        return f"{ITEM}:{self.days}"


def has_plus(user: User) -> bool:
    """No query: the column came with the member."""
    return bool(user.plus_until and user.plus_until > timezone.now())


def is_on_sale(user: User) -> bool:
    """Never while there is nobody whom members could ask about a payment. No query."""
    return bool(settings.SUPPORT_CONTACT) and flags.is_enabled("plus.on_sale", user)


def offer(user: User) -> Offer | None:
    """None while Plus is not on sale to them. No query."""
    if not is_on_sale(user):
        return None
    return Offer(flags.value("plus.stars", user, STARS), flags.value("plus.days", user, DAYS))


def days_of(item: str) -> int:
    """For how many days of Plus an invoice was; 0 when it was for something else."""
    name, _, days = item.partition(":")
    return int(days) if name == ITEM and days.isascii() and days.isdecimal() and len(days) <= 4 else 0


def last_day(purchases: Iterable[Purchase]) -> datetime | None:
    """When the last day of these has passed: each begins when it is bought, or after those before it. None of none."""
    ends: datetime | None = None
    for each in sorted(purchases, key=lambda purchase: purchase.bought_at):
        if each.days and not each.refunded_at:
            begins = max(ends, each.bought_at) if ends else each.bought_at
            ends = begins + timedelta(days=each.days)
    return ends


def purchases_of(user: User) -> QuerySet[Purchase]:
    """The newest first."""
    return Purchase.objects.filter(buyer=user).order_by("-bought_at")


@dataclass(frozen=True)
class Books:
    purchases: int
    stars: int
    refunded: int

    @property
    def kept(self) -> int:
        return self.stars - self.refunded


def books(purchases: QuerySet[Purchase]) -> Books:
    """What these come to, in Stars. One query."""
    sums = purchases.order_by().aggregate(
        made=Count("pk"), taken=Sum("stars"), refunded=Sum("stars", filter=Q(refunded_at__isnull=False))
    )
    return Books(sums["made"], sums["taken"] or 0, sums["refunded"] or 0)
