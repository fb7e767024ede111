"""States and changes in words, for the admin and the command."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.flags.catalogue import Definition
from apps.flags.rules import Cause, Check, Explanation
from apps.flags.state import AtLeast, OneOf, State, rule_in_words

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


def signed(change: float | None) -> str:
    """A relative change as people read it: +12 %, −3.4 %; a dash where nothing can be said (None)."""
    if change is None:
        return "–"
    digits = 0 if abs(change) >= 0.0995 else 1
    rounded = round(100 * change, digits)
    return f"{'−' if rounded < 0 else '+'}{number_format(abs(rounded), digits, force_grouping=True)} %"


@dataclass(frozen=True)
class Line:
    """One part of an explanation, and whether it speaks for the member's being in."""

    passes: bool
    text: str


def explanation_in_words(explanation: Explanation) -> Iterator[Line]:
    """What holds for everybody, or rule by rule what the member has and what is wanted."""
    if explanation.part is not None:
        text = _("takes part in the experiment {experiment}, as one of the variant {variant}")
        part = explanation.part
        yield Line(explanation.answer, text.format(experiment=part.experiment, variant=part.variant))
    if explanation.cause is not None:
        yield Line(explanation.answer, _cause_in_words(explanation.cause, explanation.answer))
    for check in explanation.checks:
        yield Line(check.passes, _check_in_words(check))
    standing = explanation.standing
    if standing is not None:
        text = _("falls at {position} of 100, and the flag has {percent} %")
        yield Line(
            standing.passes, text.format(position=standing.position, percent=f"{standing.percent.normalize():f}")
        )


def _cause_in_words(cause: Cause, answer: bool) -> str:
    match cause:
        case Cause.KILLED:
            return _("the kill switch is on: off for everyone")
        case Cause.EVERYONE:
            return _("switched on for everyone") if answer else _("switched off for everyone")
        case Cause.DEFAULT:
            return _("nothing narrows it down: on for everyone") if answer else _("nothing is set: off, as in the code")
        case Cause.NO_VALUE:
            return _("no value is set: everyone gets the default")
        case Cause.NO_PERCENT:
            return _("the flag has 0 %")
        case Cause.ALL_PERCENT:
            return _("the flag has 100 %, and no rule")


def _check_in_words(check: Check) -> str:
    rule = check.rule
    if isinstance(rule, OneOf) and rule.attribute == "group":
        is_inside = check.passes is (rule.operator == "in")
        text = (
            _("is in such a group, and the rule wants: {rule}")
            if is_inside
            else _("is in no such group, and the rule wants: {rule}")
        )
        return text.format(rule=rule)
    if isinstance(rule, AtLeast):
        return _("the process that shows you this runs release {found}, and the rule wants: {rule}").format(
            found=check.found, rule=rule
        )
    if check.found is None or check.found == "":
        return _("{attribute} is not known, and the rule wants: {rule}").format(attribute=rule.attribute, rule=rule)
    return _("{attribute} is {found}, and the rule wants: {rule}").format(
        attribute=rule.attribute, found=_plain(check.found), rule=rule
    )


def _plain(value: object) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return _(" and ").join(rule_in_words(rule) for rule in value)
    return str(value)
