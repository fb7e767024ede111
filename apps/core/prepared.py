"""Statements of the hot paths: Django compiles them once in a process, PostgreSQL plans them once in a connection.

Compiling a query's SQL costs Django many times what sending it costs, and making its models as much again (ADR 26).
Everywhere else a plain queryset does.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, FileField, JSONField, Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from django.db.models.query import FlatValuesListIterable, ModelIterable
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.subqueries import InsertQuery

from apps.core.postgres.base import DatabaseWrapper

Row = TypeVar("Row")
M = TypeVar("M", bound=Model)
N = TypeVar("N", bound=Model)
Columns = Sequence[Any]
Values = Sequence[Any] | Mapping[str, Any]
Converters = dict[int, tuple[list[Callable[..., Any]], Any]]  # by column, with Django's expression for it


class Given(Expression):
    """Stands in a queryset for a value that is known only when the query is asked, by its name.

    The value goes to PostgreSQL as it is, so it has the column's own type: a UUID for a key, not its text.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: object, connection: object) -> tuple[str, Any]:
        return "%s", [self]


class _Plan(NamedTuple):
    sql: str
    params: tuple[object, ...]  # with Given where a value goes
    converters: Converters
    as_row: Callable[[Columns], Any]


class _InsertPlan(NamedTuple):
    sql: str
    params: tuple[object, ...]
    fields: Sequence[Any]
    converted: Sequence[Any]  # those whose values are written otherwise than the model has them


class Prepared(Generic[Row]):
    """A queryset with `Given` values that is built and compiled when it is first asked.

    It may yield models, with `select_related`, or rows of `values_list`; no annotations of models and no prefetches.
    Models are made without `__init__` and its signals.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Row]]) -> None:
        self._build = build

    def all(self, **given: object) -> list[Row]:
        plan = self._plan
        rows = ask(plan.sql, _filled(plan.params, given))
        return [plan.as_row(columns) for columns in _converted(rows, plan.converters)]

    def first(self, **given: object) -> Row | None:
        """The first row, in the queryset's own order; None when there is none."""
        return next(iter(self.all(**given)), None)

    def get(self, **given: object) -> Row:
        """The one row that must be there. Raises ValueError when there is none, or more."""
        (row,) = self.all(**given)
        return row

    def exists(self, **given: object) -> bool:
        return bool(self.all(**given))

    @cached_property
    def _plan(self) -> _Plan:
        queryset = self._build()
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters(column[0] for column in compiler.select)
        return _Plan(sql, params, converters, _row_maker(queryset, compiler))


class PreparedInsert(Generic[M]):
    """Writes one new row as `save` does, but for signals, related caches and the table of a parent class.

    Not when a unique constraint says that it is there already. It waits, as in `tell`, and so the model does not learn
    what PostgreSQL fills in, such as a key that it numbers. Values have the columns' own types, as with `Given`.
    """

    def __init__(self, model: Callable[[], type[M]]) -> None:
        self._model = model

    def once(self, row: M) -> None:
        tell(self._plan.sql, _values(self._plan, row), waits=True)

    @cached_property
    def _plan(self) -> _InsertPlan:
        return _insert_plan(self._model())


class PreparedPair(Generic[M, N]):
    """Writes one new row with another that it refers to, whose key PostgreSQL numbers: both, or neither.

    Neither when a unique constraint says that the first is there already. For the rest as `PreparedInsert`.
    """

    def __init__(self, model: Callable[[], type[M]], link: str) -> None:
        self._model, self._link = model, link

    def once(self, row: M, other: N) -> None:
        sql, first, second = self._plans
        tell(sql, [*_values(first, row), *_values(second, other)], waits=True)

    @cached_property
    def _plans(self) -> tuple[str, _InsertPlan, _InsertPlan]:
        model = self._model()
        link: Any = model._meta.get_field(self._link)
        other = link.related_model
        key, db = other._meta.pk, connections[DEFAULT_DB_ALIAS]
        number = RawSQL("nextval(%s)", [f"{other._meta.db_table}_{key.column}_seq"])
        first = _insert_plan(model, **{link.attname: number})
        second = _insert_plan(other)
        # what is selected must say its type, without the length that it would be cut to
        types = [re.sub(r"\(.*\)", "", field.db_type(db)) for field in second.fields]
        values = ", ".join(f"%s::{type_}" for type_ in types)
        columns = ", ".join(f'"{field.column}"' for field in second.fields)
        return (
            f'WITH written AS ({first.sql} RETURNING "{link.column}")'  # noqa: S608 names of ours
            f' INSERT INTO "{other._meta.db_table}" ("{key.column}", {columns})'
            f' SELECT "{link.column}", {values} FROM written',
            first,
            second,
        )


def _insert_plan(model: type[Model], **fixed: Expression) -> _InsertPlan:
    by_database = model._meta.db_returning_fields
    fields: list[Any] = [field for field in model._meta.local_concrete_fields if field not in by_database]
    query = InsertQuery(model)
    given = {field.attname: Given(field.attname) for field in fields}
    query.insert_values(fields, [model(**given | fixed)], raw=True)
    [(sql, params)] = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    sql = f"{sql} ON CONFLICT DO NOTHING"
    return _InsertPlan(sql, tuple(params), fields, [field for field in fields if _is_converted(field)])


def _values(plan: _InsertPlan, row: Model) -> list[Any]:
    values, db = dict(row.__dict__), connections[DEFAULT_DB_ALIAS]
    for field in plan.converted:
        values[field.attname] = field.get_db_prep_save(field.pre_save(row, True), db)
    return _filled(plan.params, values)


def ask(sql: str, params: Values) -> list[tuple[Any, ...]]:
    """The rows of a statement that PostgreSQL plans once in each connection.

    Values go beside the text: cast them where PostgreSQL cannot tell their type. What no single plan suits goes through
    an ordinary cursor, which has it planned each time.
    """
    rows: list[tuple[Any, ...]] = tell(sql, params).fetchall()
    return rows


def tell(sql: str, params: Values, *, waits: bool = False) -> CursorWrapper:
    """The same for one whose rows are not wanted, or not yet: they are the cursor's to fetch.

    One that `waits` is sent along with the next statement or COMMIT, in one round trip, or when its rows are fetched.
    What it goes along with raises its errors, too.
    """
    db = connections[DEFAULT_DB_ALIAS]
    assert isinstance(db, DatabaseWrapper)
    cursor = db.preparing_cursor(waits=waits)
    cursor.execute(sql, params)
    return cursor


def models_of(model: type[M], cursor: CursorWrapper) -> list[M]:
    """The rows of a statement by hand, as `objects.raw` makes them, but cheaper. Other columns are read when used."""
    fields: list[Any] = [model._meta.get_field(column.name) for column in cursor.description]
    names, db = [field.attname for field in fields], connections[DEFAULT_DB_ALIAS]
    converters = {place: (field.get_db_converters(db), None) for place, field in enumerate(fields)}
    converters = {place: found for place, found in converters.items() if found[0]}
    return [_made(model, names, columns) for columns in _converted(cursor.fetchall(), converters)]


def _is_converted(field: "Field[Any, Any]") -> bool:
    """Whether the value that is written is another one than the model's own: encrypted, say, or the time of writing."""
    is_clock = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return is_clock or isinstance(field, (JSONField, FileField)) or not type(field).__module__.startswith("django.")


def _filled(params: Sequence[object], given: Mapping[str, object]) -> list[Any]:
    return [given[param.name] if isinstance(param, Given) else param for param in params]


def _row_maker(queryset: QuerySet[Any, Any], compiler: SQLCompiler) -> Callable[[Columns], Any]:
    """What Django's own iterables do with each row of this queryset."""
    if queryset._iterable_class is FlatValuesListIterable:
        return lambda columns: columns[0]
    if queryset._iterable_class is not ModelIterable:
        return tuple
    return _model_maker(compiler.klass_info, compiler.select)


def _model_maker(info: Any, select: Any) -> Callable[[Columns], Any]:
    """Makes the model of this `klass_info`, and those that are joined to it; None where an outer join found nothing."""
    model, first, behind = info["model"], info["select_fields"][0], info["select_fields"][-1] + 1
    names = [column[0].target.attname for column in select[first:behind]]
    key = first + names.index(model._meta.pk.attname)
    joined = [
        (_model_maker(other, select), other["local_setter"], other["remote_setter"])
        for other in info.get("related_klass_infos", [])
    ]

    def make(columns: Columns) -> Any:
        if columns[key] is None:
            return None
        made = _made(model, names, columns[first:behind])
        for make_other, keep, keep_back in joined:
            other = make_other(columns)
            keep(made, other)
            if other is not None:
                keep_back(other, made)
        return made

    return make


def _made(model: type[M], names: Sequence[str], columns: Columns) -> M:
    made = model.__new__(model)
    made._state = ModelState()
    made._state.adding, made._state.db = False, DEFAULT_DB_ALIAS
    made.__dict__.update(zip(names, columns, strict=True))
    return made


def _converted(rows: Sequence[Columns], converters_of: Converters) -> Iterator[Columns]:
    """With the values as the fields have them: decrypted, say."""
    if not converters_of:
        yield from rows
        return
    db = connections[DEFAULT_DB_ALIAS]
    for row in rows:
        columns = list(row)
        for position, (converters, expression) in converters_of.items():
            for convert in converters:
                columns[position] = convert(columns[position], expression, db)
        yield columns
