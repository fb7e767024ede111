"""How many members have a flag, counted in the database by the same rules that `apps.flags.rules` asks one by one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, DateField, F, Func, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from apps.flags.catalogue import Definition
from apps.flags.rules import ALL_BUCKETS, Audience, bucket
from apps.flags.selectors import audience_of, member_model
from apps.flags.state import Bound, Is, OneOf, State

# Where each member falls in a percentage is not in the database: of more members than this, the latest are looked at.
MAX_LOOKED_AT = 20_000
_BATCH = 2_000


@dataclass(frozen=True)
class Headcount:
    """Listed members who have it, out of `total`; `is_sampled`: the total is the most recently active ones only."""

    included: int
    total: int
    is_sampled: bool = False

    @property
    def excluded(self) -> int:
        return self.total - self.included

    @property
    def percent(self) -> float:
        """0 while there are no members."""
        return 100 * self.included / self.total if self.total else 0.0


def headcount(definition: Definition, state: State) -> Headcount:
    """One query, and one more where a rule asks for groups."""
    audience = audience_of(definition, state)
    if audience.fixed is not None:
        total = listed_members().count()
        return Headcount(total if audience.fixed else 0, total)
    fits = _condition(audience.rules)
    if audience.threshold >= ALL_BUCKETS:
        counts = listed_members().aggregate(total=Count("pk"), included=Count("pk", filter=fits))
        return Headcount(counts["included"], counts["total"])
    return _look_at_each(audience, fits)


def listed_members() -> QuerySet[Any]:
    """Who stands in decks."""
    listed: QuerySet[Any] = member_model().objects.in_state("listed")
    return listed


def _look_at_each(audience: Audience, fits: Q) -> Headcount:
    latest = listed_members().annotate(fits=fits).order_by("-last_active_at").values_list("pk", "fits")
    total = included = 0
    for member, is_fit in latest[: MAX_LOOKED_AT + 1].iterator(_BATCH):
        if total == MAX_LOOKED_AT:
            return Headcount(included, total, is_sampled=True)
        total += 1
        included += is_fit and bucket(audience.key, member) < audience.threshold
    return Headcount(included, total)


# ---- The rules in SQL


class _Age(Func):
    """Full years on a day."""

    template = "EXTRACT(YEAR FROM AGE(%(expressions)s))::int"
    output_field = IntegerField()


def _condition(rules: Iterable[OneOf | Bound | Is]) -> Q:
    everybody = Q(pk__isnull=False)
    return reduce(and_, map(_rule_condition, rules), everybody)


def _rule_condition(rule: OneOf | Bound | Is) -> Q:
    match rule:
        case OneOf():
            fits = _one_of(rule)
            return fits if rule.operator == "in" else ~fits
        case Bound(attribute="age"):
            compare = GreaterThanOrEqual if rule.operator == ">=" else LessThanOrEqual
            today = Cast(Value(timezone.localdate()), DateField())
            return Q(compare(_Age(today, F("profile__birth_date")), rule.value))
        case Bound():
            now = timezone.now()
            if rule.operator == ">=":
                return Q(date_joined__lte=now - timedelta(days=rule.value))
            return Q(date_joined__gt=now - timedelta(days=rule.value + 1))
        case Is():
            return Q(is_staff=rule.value)


def _one_of(rule: OneOf) -> Q:
    if rule.attribute == "group":
        through = get_user_model().groups.through
        return Q(pk__in=through.objects.filter(group__name__in=rule.value).values("user_id"))
    field = "profile__gender" if rule.attribute == "gender" else rule.attribute
    return Q(**{f"{field}__in": rule.value})
