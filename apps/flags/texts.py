"""States and changes in words, for the admin and the command."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.flags.catalogue import Definition
from apps.flags.state import State, rule_in_words

FIELDS: dict[str, Promise] = {
    "killed": gettext_lazy("killed"),
    "everyone": gettext_lazy("everyone"),
    "percent": gettext_lazy("percent"),
    "segment": gettext_lazy("segment"),
    "value": gettext_lazy("value"),
}


def audience_in_words(definition: Definition, state: State) -> str:
    """Who has it, in a few words; for a value also what it is."""
    who = _audience(definition, state)
    if not definition.is_value:
        return who
    if state.killed or state.everyone is False or state.value is None:
        return _("{value} (default)").format(value=definition.default)
    return _("{value} for {who}").format(value=state.value, who=who)


def _audience(definition: Definition, state: State) -> str:
    if state.killed:
        return _("killed")
    if state.everyone is not None:
        return _("everyone") if state.everyone else _("no one")
    if state.percent is None and not state.segment:
        if definition.is_value:
            return _("everyone")
        return _("everyone (default)") if definition.default else _("no one (default)")
    rules = _(" and ").join(str(rule) for rule in state.segment)
    if state.percent is None:
        return rules
    percent = f"{state.percent.normalize():f} %"
    return _("{percent} of: {rules}").format(percent=percent, rules=rules) if rules else percent


def diff_in_words(diff: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """One line for each field: what was before → what is since."""
    for name, (before, now) in diff.items():
        yield f"{FIELDS.get(name, name)}: {_plain(before)} → {_plain(now)}"


def _plain(value: object) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return _(" and ").join(rule_in_words(rule) for rule in value)
    return str(value)
