"""Tables: keys that tell nothing, names for what PostgreSQL keeps, a reason for every index, lasting migrations."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models

from tests.guards.tree import migrations, name_of, product_files, syntax

MODELS = [model for model in apps.get_models() if model.__module__.startswith("apps.") and not model._meta.proxy]
# Numbered on purpose: the order of writing is the order of sending; Telegram's own numbers; a list to work off.
NUMBERED = {"notifications.Delivery", "bot.Update", "users.AbandonedFile", "matching.OutdatedStanding"}
# Telegram's side of the wire, and waffle's own table.
NOT_OURS = {"simulator", "flags"}


def _has_uuid_key(model: type[models.Model]) -> bool:
    key = model._meta.pk
    while isinstance(key, models.OneToOneField):
        key = key.target_field
    return isinstance(key, models.UUIDField)


def test_it_gives_domain_tables_random_keys() -> None:
    ours = [model for model in MODELS if model._meta.app_label not in NOT_OURS]
    assert {model._meta.label for model in ours if not _has_uuid_key(model)} == NUMBERED


def _indexes(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call) and re.search(r"Index$", ast.unparse(node.func)):
            yield node


@pytest.mark.parametrize("path", [path for path in product_files() if path.name == "models.py"], ids=name_of)
def test_it_says_which_query_needs_an_index(path: Path) -> None:
    lines = path.read_text().splitlines()
    unexplained = [call.lineno for call in _indexes(path) if not lines[call.lineno - 2].lstrip().startswith("# ")]
    unnamed = [call.lineno for call in _indexes(path) if "name" not in {keyword.arg for keyword in call.keywords}]
    assert {"without a comment above": unexplained, "without a name": unnamed} == {
        "without a comment above": [],
        "without a name": [],
    }


DOUBLE_INDEXES = """
    SELECT narrow.indexrelid::regclass::text FROM pg_index AS narrow JOIN pg_index AS wide USING (indrelid)
    JOIN pg_class AS narrow_class ON narrow_class.oid = narrow.indexrelid
    JOIN pg_class AS wide_class ON wide_class.oid = wide.indexrelid AND wide_class.relam = narrow_class.relam
    WHERE narrow.indexrelid <> wide.indexrelid AND narrow.indrelid::regclass::text = ANY(%s) AND NOT narrow.indisunique
    AND narrow.indpred IS NULL AND wide.indpred IS NULL AND narrow.indexprs IS NULL AND wide.indexprs IS NULL
    AND wide.indkey::text || ' ' LIKE narrow.indkey::text || ' %%'
    AND wide.indclass::text || ' ' LIKE narrow.indclass::text || ' %%'
"""


@pytest.mark.django_db
def test_it_has_no_index_that_another_one_begins_with() -> None:
    with connection.cursor() as cursor:
        cursor.execute(DOUBLE_INDEXES, [[model._meta.db_table for model in MODELS]])
        assert [name for (name,) in cursor.fetchall()] == []


@pytest.mark.django_db
def test_it_keeps_every_index_and_constraint_of_the_models_in_the_database() -> None:
    missing = set()
    with connection.cursor() as cursor:
        for model in MODELS:
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
            named = [each.name for each in (*model._meta.constraints, *model._meta.indexes)]
            missing |= {f"{model._meta.label}: {name}" for name in named if name not in there}
    assert missing == set()


def test_it_names_every_constraint() -> None:
    for model in MODELS:
        assert not model._meta.unique_together, f"{model._meta.label}: a UniqueConstraint has a name"
        for constraint in model._meta.constraints:
            assert re.fullmatch(r"[a-z]+(_[a-z]+)+", constraint.name), constraint.name


def _imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports; `from` shows as the module with a dot and the name."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", migrations(), ids=name_of)
def test_it_writes_migrations_that_outlive_the_code(path: Path) -> None:
    ours = {name for name in _imports(path) if name.partition(".")[0] in ("apps", "meetsmatch")}
    # Django itself writes `import apps.x.models`, for the classes of fields and managers, and only so.
    assert {name for name in ours if not re.fullmatch(r"apps\.\w+\.models", name)} == set()


@pytest.mark.django_db
def test_it_has_a_migration_for_every_change_of_a_model() -> None:
    said = StringIO()
    with suppress(SystemExit):  # so it ends when it would write one
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=said)
    assert said.getvalue().strip() == "No changes detected", "run manage.py makemigrations"
