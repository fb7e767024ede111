"""Queries and inserts of the hot paths that Django compiles once in a process, and not again each time.

Compiling a query's SQL costs Django many times what sending it costs (ADR 26). Everywhere else a plain queryset does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Expression, Model, QuerySet
from django.db.models.query import FlatValuesListIterable, ModelIterable, get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.subqueries import InsertQuery

Row = TypeVar("Row")
M = TypeVar("M", bound=Model)
Columns = Sequence[Any]


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
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]  # by column
    as_row: Callable[[Columns], Any]


class Prepared(Generic[Row]):
    """A queryset with `Given` values that is built and compiled when it is first asked.

    It may yield models, with `select_related`, or rows of `values_list`; no annotations of models and no prefetches.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Row]]) -> None:
        self._build = build

    def all(self, **given: object) -> list[Row]:
        plan = self._plan
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, _filled(plan.params, given))
            return [plan.as_row(columns) for columns in _converted(cursor.fetchall(), plan)]

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

    Columns with a default of the database's get that.
    """

    def __init__(self, model: Callable[[], type[M]]) -> None:
        self._model = model

    def __call__(self, row: M) -> M:
        sql, params, fields, returned = self._plan
        values = {field.attname: field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields}
        with connection.cursor() as cursor:
            cursor.execute(sql, _filled(params, values))
            for field, value in zip(returned, cursor.fetchone() if returned else (), strict=True):
                setattr(row, field.attname, value)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return row

    @cached_property
    def _plan(self) -> tuple[str, tuple[object, ...], list[Any], list[Any]]:
        model = self._model()
        returned: list[Any] = list(model._meta.db_returning_fields)
        fields: list[Any] = [field for field in model._meta.local_concrete_fields if field not in returned]
        query = InsertQuery(model)
        query.insert_values(fields, [model(**{field.attname: Given(field.attname) for field in fields})], raw=True)
        compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        compiler.returning_fields = returned
        [(sql, params)] = compiler.as_sql()
        return sql, tuple(params), fields, returned


def _filled(params: Sequence[object], given: Mapping[str, object]) -> list[Any]:
    return [given[param.name] if isinstance(param, Given) else param for param in params]


def _row_maker(queryset: QuerySet[Any, Any], compiler: SQLCompiler) -> Callable[[Columns], Any]:
    """What Django's own iterables do with each row of this queryset."""
    if queryset._iterable_class is FlatValuesListIterable:
        return lambda columns: columns[0]
    if queryset._iterable_class is not ModelIterable:
        return tuple
    fields = compiler.klass_info["select_fields"]
    first, behind = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:behind]]
    # the stubs are a release ahead of Django
    populators = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def as_model(columns: Columns) -> Any:
        model = queryset.model.from_db(DEFAULT_DB_ALIAS, names, columns[first:behind])
        for populator in populators:
            populator.populate(columns, model)
        return model

    return as_model


def _converted(rows: list[Columns], plan: _Plan) -> Iterator[Columns]:
    """With the values as the fields have them: decrypted, say."""
    if not plan.converters:
        yield from rows
        return
    for row in rows:
        columns = list(row)
        for position, (converters, expression) in plan.converters.items():
            for convert in converters:
                columns[position] = convert(columns[position], expression, connection)
        yield columns
