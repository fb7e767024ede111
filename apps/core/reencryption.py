"""Writes what is encrypted anew with the first of FIELD_ENCRYPTION_KEYS, so that older keys can be taken away.

Goes through every table that has encrypted fields, some rows at a time, while members go on talking. How far it came is
kept in the cache: whoever starts it again goes on from there. Where that is lost it begins again, which only costs
time, for what the first key reads is left as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection, models, transaction

from apps.core import encryption
from apps.core.encryption import UndecryptableError
from apps.core.models import EncryptedJSONField, EncryptedTextField

ROWS_AT_ONCE = 500
DEADLOCK = "40P01"

Row = tuple[Any, ...]  # its key, then its encrypted values as PostgreSQL has them


@dataclass(frozen=True, order=True)
class Table:
    """The names are quoted, as SQL takes them."""

    name: str
    key: str
    key_type: str
    columns: tuple[str, ...]


@dataclass
class Lot:
    """What was found in some rows, in the order of their keys."""

    table: Table
    rows: int
    outdated: list[tuple[Row, Row]] = field(default_factory=list)  # with a value of an older key, and what it becomes
    unreadable: int = 0  # values that no key reads


def inspect() -> Iterator[Lot]:
    """Only looks at all rows."""
    for table in tables():
        yield from _lots(table, None, is_written=False)


def reencrypt() -> Iterator[Lot]:
    """Writes values anew, from where that was stopped. What no key reads stays as it is."""
    begun, reached = _place()
    for table in tables():
        if table.name >= begun:
            yield from _lots(table, reached if table.name == begun else None, is_written=True)
    cache.delete(_place_key())


def rows() -> tuple[int, int]:
    """How many there are to look at, and how many of them `reencrypt` has already left behind."""
    begun, reached = _place()
    counts = {table: _count(table) for table in tables()}
    behind = [
        _count(table, up_to=reached) if table.name == begun else count
        for table, count in counts.items()
        if table.name <= begun
    ]
    return sum(counts.values()), sum(behind)


def tables() -> list[Table]:
    """All that have encrypted fields, in an order that stays the same."""
    quoted = connection.ops.quote_name
    found = []
    for model in apps.get_models():
        key: Any = model._meta.pk
        if columns := tuple(quoted(each.column) for each in _encrypted(model)):
            found.append(Table(quoted(model._meta.db_table), quoted(key.column), key.db_type(connection), columns))
    return sorted(found)


def _encrypted(model: type[models.Model]) -> list[Any]:
    fields = [] if model._meta.proxy else model._meta.local_concrete_fields
    return [each for each in fields if isinstance(each, (EncryptedTextField, EncryptedJSONField))]


def _count(table: Table, *, up_to: Any = None) -> int:
    where = "" if up_to is None else f"WHERE {table.key} <= %s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table.name} {where}", None if up_to is None else [up_to])  # noqa: S608
        return int(cursor.fetchone()[0])


def _lots(table: Table, reached: Any, *, is_written: bool) -> Iterator[Lot]:
    while found := _read(table, reached):
        lot = _examined(table, found)
        if is_written and not _write(lot):
            continue  # somebody else wrote or deleted some of them meanwhile: once more as they are now
        reached = found[-1][0]
        if is_written:
            cache.set(_place_key(), (table.name, reached), timeout=None)
        yield lot


def _read(table: Table, after: Any) -> list[Row]:
    where, given = ("", []) if after is None else (f"WHERE {table.key} > %s", [after])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {table.key}, {', '.join(table.columns)} FROM {table.name} {where}"  # noqa: S608 names of ours
            f" ORDER BY {table.key} LIMIT {ROWS_AT_ONCE}",
            given,
        )
        return list(cursor.fetchall())


def _examined(table: Table, found: list[Row]) -> Lot:
    lot = Lot(table, len(found))
    for key, *values in found:
        becomes = []
        for value in values:
            try:
                becomes.append(encryption.renewed(value) if value else value)
            except UndecryptableError:
                becomes.append(value)
                lot.unreadable += 1
        if becomes != values:
            lot.outdated.append(((key, *values), (key, *becomes)))
    return lot


def _write(lot: Lot) -> bool:
    """False when not all of them are as they were read: what members wrote meanwhile is theirs."""
    if not lot.outdated:
        return True
    table, places = lot.table, range(len(lot.table.columns))
    types = f"%s::{table.key_type}[]" + ", %s::text[]" * 2 * len(places)
    names = ", ".join(["key", *(f"was_{place}, is_{place}" for place in places)])
    changes = ", ".join(f"{column} = new.is_{place}" for place, column in enumerate(table.columns))
    same = " AND ".join(
        f"old.{column} IS NOT DISTINCT FROM new.was_{place}" for place, column in enumerate(table.columns)
    )
    given: list[list[Any]] = [[was[0] for was, _ in lot.outdated]]
    for place in places:
        given += [[pair[side][place + 1] for pair in lot.outdated] for side in (0, 1)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # the log of decisions, which nothing else may change, knows it by this
            cursor.execute("SET LOCAL meetsmatch.reencrypts = 'on'")
            cursor.execute(
                f"UPDATE {table.name} AS old SET {changes} FROM unnest({types}) AS new ({names})"  # noqa: S608
                f" WHERE old.{table.key} = new.key AND {same}",
                given,
            )
            return bool(cursor.rowcount == len(lot.outdated))
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != DEADLOCK:
            raise
        return False


def _place() -> tuple[str, Any]:
    """The table that was begun, and the key that was reached in it; ("", None) before the first."""
    return cache.get(_place_key()) or ("", None)


def _place_key() -> str:
    """Another first key is another task."""
    return "reencryption:" + sha256(settings.FIELD_ENCRYPTION_KEYS[0].encode()).hexdigest()[:16]
