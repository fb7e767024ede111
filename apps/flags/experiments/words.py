"""The words of experiments: variants as people type them (`old 50 % = off`, one a line), and what was found."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.flags.catalogue import Definition, Value
from apps.flags.errors import InvalidChangeError
from apps.flags.experiments.assignment import MAX_VARIANTS
from apps.flags.experiments.statistics import Comparison
from apps.flags.texts import signed

_LINE = re.compile(r"(?P<name>.*\S)\s+(?P<weight>\d{1,4})\s*(?P<percent>%?)\s*=\s*(?P<answer>.+)")
_ANSWERS = {"on": True, "off": False}


def read_variants_typed(text: str, definition: Definition) -> list[dict[str, Any]]:
    """As `read_variants` takes them. Shares are per cent, of 100 together; without the sign they are parts of any sum.

    Raises InvalidChangeError for a line of another form, too few or many, or percentages that are not 100 together.
    """
    found = [_read_line(line) for line in text.splitlines() if line.strip()]
    if not 2 <= len(found) <= MAX_VARIANTS:
        text = _("From 2 to {most} variants are compared, not {count}. The first is the control.")
        raise InvalidChangeError(text.format(most=MAX_VARIANTS, count=len(found)))
    total = sum(int(each["weight"]) for each in found)
    if total != 100 and any(each["percent"] for each in found):
        raise InvalidChangeError(
            _(
                "The shares of the variants are {total} % together, and not 100 %. How many of all members take part "
                "is asked further down."
            ).format(total=total)
        )
    return [
        {"name": each["name"].strip(), "weight": int(each["weight"]), "value": _read_answer(each["answer"], definition)}
        for each in found
    ]


def variants_typed(variants: Iterable[Mapping[str, Any]]) -> str:
    """What `read_variants_typed` reads back."""
    variants = list(variants)
    sign = " %" if sum(each["weight"] for each in variants) == 100 else ""
    return "\n".join(f"{each['name']} {each['weight']}{sign} = {answer_typed(each['value'])}" for each in variants)


def answer_typed(answer: bool | Value) -> str:
    if isinstance(answer, bool):
        return "on" if answer else "off"
    return str(answer)


def example_for(definition: Definition) -> str:
    """Two variants to begin with: what the flag answers today, and something else."""
    if definition.is_value:
        other = next((choice for choice in definition.choices if choice != definition.default), definition.default)
        return f"control 50 % = {definition.default}\nother 50 % = {other}"
    return f"control 50 % = {answer_typed(definition.default)}\nother 50 % = {answer_typed(not definition.default)}"


def interval_in_words(found: Comparison) -> str:
    if found.low is None:
        return _("too early to say")
    return _("{low} to {high}").format(low=signed(found.low), high=signed(found.high))


def p_value_in_words(p_value: float) -> str:
    if p_value < 0.001:
        return f"< {number_format(0.001, 3)}"
    return "1" if p_value > 0.9995 else number_format(round(p_value, 3), 3)


def percent_in_words(share: float, digits: int = 1) -> str:
    """Of a share from 0 to 1."""
    return f"{number_format(round(100 * share, digits), digits)} %"


def _read_line(line: str) -> re.Match[str]:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise InvalidChangeError(
            _("“{line}” is no variant such as “{example}”: a name, a share, and what the flag answers.").format(
                line=line.strip(), example="new 50 % = on"
            )
        )
    return found


def _read_answer(text: str, definition: Definition) -> bool | Value:
    """Raises InvalidChangeError; whether a value is within the flag's bounds is another question."""
    text = text.strip()
    if definition.is_value:
        return definition.read(text)
    if text not in _ANSWERS:
        raise InvalidChangeError(_("“{text}”: this flag answers on or off.").format(text=text))
    return _ANSWERS[text]
