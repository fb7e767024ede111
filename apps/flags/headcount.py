"""How many members have a flag, counted in the database by the same rules that `apps.flags.rules` asks one by one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import BooleanField, DateField, ExpressionWrapper, F, Func, IntegerField, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from apps.flags import release
from apps.flags.catalogue import Definition
from apps.flags.rules import ALL_BUCKETS, Audience, bucket
from apps.flags.selectors import audience_of, member_model
from apps.flags.state import AnyRule, AtLeast, Bound, Is, OneOf, State

# Where each member falls in a percentage is not in the database: of more members than this, a sample is looked at.
MAX_LOOKED_AT = 20_000
_BATCH = 2_000


@dataclass(frozen=True)
class Headcount:
    """Listed members who have it, out of `total`; `is_sampled`: there are more, and the total are some drawn by lot."""

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


@dataclass(frozen=True)
class Comparison:
    """The same members under two states of a flag; `affected` are those whom the product answers something else."""

    before: Headcount
    after: Headcount
    affected: int

    @property
    def affected_percent(self) -> float:
        return 100 * self.affected / self.before.total if self.before.total else 0.0


def headcount(definition: Definition, state: State) -> Headcount:
    """One query, and one more where a rule asks for groups."""
    answers, is_sampled = _answers(definition, state)
    return _headcount(answers, 0, is_sampled)


def compare(definition: Definition, before: State, after: State) -> Comparison:
    """One query, and one more for each state with a rule that asks for groups."""
    answers, is_sampled = _answers(definition, before, after)
    is_other_value = before.value != after.value
    affected = sum(members for (had, has), members in answers.items() if had != has or (had and has and is_other_value))
    return Comparison(_headcount(answers, 0, is_sampled), _headcount(answers, 1, is_sampled), affected)


def listed_members() -> QuerySet[Any]:
    """Who stands in decks."""
    listed: QuerySet[Any] = member_model().objects.in_state("listed")
    return listed


def fitting(segment: Iterable[AnyRule]) -> QuerySet[Any]:
    """Listed members who fit all these rules."""
    return listed_members().filter(_condition(segment))


def _headcount(answers: Counter[tuple[bool, ...]], which: int, is_sampled: bool) -> Headcount:
    included = sum(members for each, members in answers.items() if each[which])
    return Headcount(included, answers.total(), is_sampled)


def _answers(definition: Definition, *states: State) -> tuple[Counter[tuple[bool, ...]], bool]:
    """How many members get which answers under these states, and whether there are more members than were asked.

    Ids are random (UUID 4), so the first by id are drawn by lot, by an index, and are the same ones every time.
    """
    audiences = [audience_of(definition, state) for state in states]
    fits = {f"fits_{number}": _fits(audience) for number, audience in enumerate(audiences)}
    members = listed_members().annotate(**fits).order_by("pk").values_list("pk", *fits)
    answers: Counter[tuple[bool, ...]] = Counter()
    for asked, (member, *rows) in enumerate(members[: MAX_LOOKED_AT + 1].iterator(_BATCH)):
        if asked == MAX_LOOKED_AT:
            return answers, True
        answers[
            tuple(
                is_fit and (audience.threshold == ALL_BUCKETS or bucket(audience.key, member) < audience.threshold)
                for audience, is_fit in zip(audiences, rows, strict=True)
            )
        ] += 1
    return answers, False


# ---- The rules in SQL


_EVERYBODY = Q(pk__isnull=False)


class _Age(Func):
    """Full years on a day."""

    template = "EXTRACT(YEAR FROM AGE(%(expressions)s))::int"
    output_field = IntegerField()


def _fits(audience: Audience) -> Combinable:
    """Whether a member fits all rules; where they fall in the percentage is another question."""
    if audience.fixed is not None:
        return Value(audience.fixed, output_field=BooleanField())
    return ExpressionWrapper(_condition(audience.rules), output_field=BooleanField())


def _condition(rules: Iterable[AnyRule]) -> Q:
    return reduce(and_, map(_rule_condition, rules), _EVERYBODY)


def _rule_condition(rule: AnyRule) -> Q:
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
            return Q(**{_COLUMNS[rule.attribute]: rule.value})
        case AtLeast():
            # of this process, which counts: the others may run another release
            return _EVERYBODY if release.runs_at_least(rule.value) else ~_EVERYBODY


def _one_of(rule: OneOf) -> Q:
    if rule.attribute == "group":
        through = get_user_model().groups.through
        return Q(pk__in=through.objects.filter(group__name__in=rule.value).values("user_id"))
    return Q(**{f"{_COLUMNS[rule.attribute]}__in": rule.value})


_COLUMNS = {
    "language": "language",
    "source": "source",
    "gender": "profile__gender",
    "country": "profile__country",
    "staff": "is_staff",
    "telegram_premium": "has_telegram_premium",
}
