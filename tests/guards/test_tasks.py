"""Slow work: every task is named, routed to a queue that a worker takes, and scheduled under that name."""

import ast
import re

import pytest
from celery import Task
from django.conf import settings

from meetsmatch.celery import app
from tests.guards.tree import ROOT, product_files, syntax

app.loader.import_default_modules()
TASKS: dict[str, Task] = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
QUEUES = {queue.name for queue in settings.CELERY_TASK_QUEUES}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_it_names_a_task_after_its_app_and_what_it_does(name: str) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)+", name), "app.verb_noun, given explicitly"
    assert TASKS[name].__module__ == f"apps.{name.partition('.')[0]}.tasks"


def test_it_routes_every_task() -> None:
    assert set(settings.CELERY_TASK_ROUTES) == set(TASKS)
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} <= QUEUES


def test_it_has_a_worker_for_every_queue() -> None:
    worker = re.search(r"^worker: .* -Q (\S+)", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert worker
    assert set(worker[1].split(",")) == QUEUES


def test_it_schedules_only_tasks_that_exist() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(TASKS)


def test_it_sends_only_tasks_that_exist() -> None:
    """By name, for where the task itself would be an import against the layers."""
    sent = {
        call.args[0].value
        for path in product_files()
        for call in ast.walk(syntax(path))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr in ("signature", "send_task") and isinstance(call.args[0], ast.Constant)
    }
    assert sent <= set(TASKS)
