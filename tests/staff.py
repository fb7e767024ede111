"""Staff in tests: the fixture `hire` (tests/conftest.py) makes them, here is what they work with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.test import Client

if TYPE_CHECKING:
    from apps.users.models import Staff

Hire = Callable[..., "Staff"]  # a name, and one role; None: a superuser


def browser(person: "Staff", **options: Any) -> Client:
    """In which this person is signed in."""
    client = Client(**options)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client
