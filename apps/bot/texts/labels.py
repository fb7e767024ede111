"""Labels that come back as plain text, because Telegram's keyboard below the input field sends them."""

from collections.abc import Callable
from functools import cache

from django.utils.translation import override

from apps.users.models import Language


@cache
def in_every_language(label: Callable[[], str]) -> frozenset[str]:
    """A label as it may stand on a keyboard that is older than a change of language."""
    labels = set()
    for language in Language.values:
        with override(language):
            labels.add(label())
    return frozenset(labels)
