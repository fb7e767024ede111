"""Expressions of rules: CEL, checked against the types of the facts before anything is saved.

CEL has no loops that do not end, no attributes of Python objects and no way to anything but the facts; its regular
expressions (RE2) take time in proportion to the text. The macros that go through lists are left out, so an expression
costs what its length says. See docs/adr/0020-rules-in-cel.md.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.moderation.errors import ExpressionError
from apps.moderation.rules.facts import CATALOGUE, Facts, facts_about

if TYPE_CHECKING:
    from cel_expr_python import cel

MAX_LENGTH = 1000
_CONFIG = """
name: rules
stdlib:
  exclude_macros: [all, exists, exists_one, map, filter, has]
"""
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.+)")
_UNDECLARED = re.compile(r"undeclared reference to '(\w+)'")
_OVERLOAD = re.compile(r"found no matching overload for '(.+?)' applied to '(.+)'")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PATTERN = re.compile(r"""matches\(\s*(r?"(?:[^"\\]|\\.)*"|r?'(?:[^'\\]|\\.)*')""")
# What people write out of habit, and what CEL writes.
_HABITS = {"and": "&&", "or": "||", "not": "!", "=": "=="}


class EvaluationError(Exception):
    """A correct expression could not be worked out with these facts (a division by zero)."""


@dataclass(frozen=True)
class Expression:
    """A checked expression. `mentions` are the facts without which it cannot be asked."""

    source: str
    mentions: frozenset[str]
    _program: Any

    def holds(self, facts: "Asked") -> bool:
        """Raises EvaluationError."""
        value = self._program.eval(activation=facts.activation)
        if value.type().name() != "BOOL":
            raise EvaluationError(str(value.value()).removeprefix("INVALID_ARGUMENT: "))
        return bool(value.value())


@dataclass(frozen=True)
class Asked:
    """Facts in CEL's form, made once for all expressions about the same thing."""

    activation: Any
    names: frozenset[str]


def asked(about: str, facts: Facts) -> Asked:
    known = {fact.name: facts[fact.name] for fact in facts_about(about) if fact.name in facts}
    return Asked(_environment(about, False).Activation(known), frozenset(known))


def check(source: str, about: str, *, cheap_only: bool = False) -> Expression:
    """Raises ExpressionError with a message for whoever wrote it, and the place."""
    if len(source) > MAX_LENGTH:
        too_long = _("It has {length} characters; {max} are allowed.")
        raise ExpressionError(too_long.format(length=len(source), max=MAX_LENGTH), line=1, column=1)
    environment = _environment(about, cheap_only)
    try:
        program = environment.compile(source)
    except RuntimeError as error:
        raise _explained(str(error), source, about, cheap_only=cheap_only) from None
    if program.return_type().name() != "BOOL":
        raise ExpressionError(_("It must say yes or no: compare with something, as in “links != 0”."), line=1, column=1)
    _check_patterns(source, environment)
    # names within quotes count as well: then the rule waits for one fact more than it needs
    mentions = frozenset(_NAME.findall(source)) & {fact.name for fact in facts_about(about)}
    return Expression(source, mentions, program)


@lru_cache(maxsize=16)
def _environment(about: str, cheap_only: bool) -> "cel.Env":
    # imported with the first rule: most processes never read one
    from cel_expr_python import cel

    types: Mapping[type, cel.Type] = {int: cel.Type.INT, bool: cel.Type.BOOL, str: cel.Type.STRING}
    variables = {fact.name: types[fact.type] for fact in facts_about(about, cheap_only=cheap_only)}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG), variables=variables)


def _check_patterns(source: str, environment: "cel.Env") -> None:
    """CEL looks at a pattern only when it gets there: here every one that is written out is tried."""
    for match in _PATTERN.finditer(source):
        tried = environment.compile(f'"".matches({match[1]})').eval(data={})
        if tried.type().name() == "ERROR":
            line = source.count("\n", 0, match.start(1)) + 1
            column = match.start(1) - (source.rfind("\n", 0, match.start(1)) + 1) + 1
            reason = str(tried.value()).rpartition("expression: ")[2]
            raise ExpressionError(_("This pattern is wrong: {reason}").format(reason=reason), line=line, column=column)


# ---- What is wrong, in words


def _explained(told: str, source: str, about: str, *, cheap_only: bool) -> ExpressionError:
    found = _PLACE.search(told)
    if found is None:
        return ExpressionError(_("It cannot be read: {reason}").format(reason=told[:200]), line=1, column=1)
    line, column, message = int(found[1]), int(found[2]), found[3].strip()
    for pattern, explain in _EXPLANATIONS:
        if match := pattern.search(message):
            return ExpressionError(explain(match, about, cheap_only), line=line, column=column)
    text = [*source.splitlines(), ""][line - 1]
    return ExpressionError(_syntax(text[: column - 1], text[column - 1 :]), line=line, column=column)


def _unknown_name(match: re.Match[str], about: str, cheap_only: bool) -> str:
    name = match[1]
    known = CATALOGUE.get(name)
    if known and about in known.about and cheap_only:
        late = _("“{name}” is not known yet when a message is about to be sent. Only facts marked “at once” are.")
        return late.format(name=name)
    if known:
        return _("“{name}” is not known of this. Look at the list of facts for what is.").format(name=name)
    names = [fact.name for fact in facts_about(about, cheap_only=cheap_only)]
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return _("There is no fact “{name}”. Did you mean “{close}”?").format(name=name, close=close[0])
    return _("There is no fact and no function “{name}”.").format(name=name)


def _wrong_types(match: re.Match[str], _about: str, _cheap_only: bool) -> str:
    sign = match[1].strip("_").replace("_", "") or match[1]
    kinds = (
        match[2].strip("()").replace("int", _("number")).replace("string", _("text")).replace("bool", _("yes or no"))
    )
    return _("“{sign}” does not work between these: {kinds}.").format(sign=sign, kinds=kinds)


def _no_parts(_match: re.Match[str], _about: str, _cheap_only: bool) -> str:
    return _("A fact has no parts that could be named behind a dot.")


_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, bool], str]], ...] = (
    (_UNDECLARED, _unknown_name),
    (_OVERLOAD, _wrong_types),
    (re.compile("cannot be the operand of a select operation"), _no_parts),
)


def _syntax(before: str, rest: str) -> str:
    word = re.search(r"\bnot$", before.rstrip()) or re.match(r"\w+|=", rest)
    if word and word[0] in _HABITS:
        return _("Write “{right}” for “{wrong}”.").format(right=_HABITS[word[0]], wrong=word[0])
    if not rest.strip():
        return _("Something is missing at the end.")
    return _("It cannot be read from here on: “{rest}”.").format(rest=rest[:20])
