"""What the tests of the pages of experiments type, press and read."""

from typing import Any

from django.test import Client
from django.urls import reverse

from apps.flags.experiments.models import Experiment

LIST, ADD = "admin:flags_experiment_changelist", "admin:flags_experiment_add"


def at(page: str, study: Experiment) -> str:
    return reverse(f"admin:flags_experiment_{page}", args=[study.pk])


def press(client: Client, study: Experiment, verb: str, **said: str) -> Any:
    url = reverse("admin:flags_experiment_act", args=[study.pk, verb])
    return client.post(url, {"reason": "because", **said}, follow=True)


def typed(**fields: object) -> dict[str, object]:
    """The form of a draft as somebody has filled it in."""
    return {
        "name": "The new deck",
        "flag": "new_deck",
        "hypothesis": "more matches",
        "variants": "old 50 % = off\nnew 50 % = on",
        "segment": "",
        "share": "100",
        "layer": "",
        "metric": "match",
        "also_watched": ["block"],
        "window_days": "7",
        "expected_percent": "20",
        "smallest_lift_percent": "10",
        "seen": "",
        **fields,
    }


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())
