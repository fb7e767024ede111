"""A rule tried on a text that somebody typed, with facts as they like: nothing is read or stored."""

from dataclasses import asdict, dataclass

from django.utils.translation import gettext as _

from apps.moderation.checks.text import text_facts
from apps.moderation.errors import ExpressionError, InvalidDecisionError
from apps.moderation.models import Rule
from apps.moderation.rules.expressions import EvaluationError, asked, check
from apps.moderation.rules.facts import CATALOGUE, Value, facts_about


@dataclass(frozen=True)
class Trial:
    """`fires` is None when it could not be worked out; `facts` are those it mentions, and what the text has in it."""

    error: ExpressionError | None = None
    problem: str = ""
    fires: bool | None = None
    facts: tuple[tuple[str, Value], ...] = ()


def try_rule(expression: str, about: str, action: str, *, text: str, others: str) -> Trial:
    """`others` are further facts, one a line, as in “account_age_days = 3”; what is not given is 0, no or empty."""
    if about not in Rule.About.values:
        return Trial(problem=_("Say what the rule is about."))
    try:
        given = read_facts(others, about)
        program = check(expression, about, cheap_only=action in Rule.BEFORE_SENDING)
    except ExpressionError as error:
        return Trial(error=error)
    except InvalidDecisionError as error:
        return Trial(problem=str(error))
    facts: dict[str, Value] = {fact.name: fact.type() for fact in facts_about(about)}
    known = asdict(text_facts(text)) if "text" in facts else {}
    facts |= known | given
    shown = [name for name in facts if name != "text" and (name in program.mentions or (name in known and facts[name]))]
    pairs = tuple((name, facts[name]) for name in shown)
    try:
        return Trial(fires=program.holds(asked(about, facts)), facts=pairs)
    except EvaluationError as error:
        return Trial(problem=_("It cannot be worked out: {reason}").format(reason=error), facts=pairs)


def read_facts(lines: str, about: str) -> dict[str, Value]:
    """Raises InvalidDecisionError that names the line which is wrong."""
    given: dict[str, Value] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        name, _sign, value = (part.strip() for part in line.partition("="))
        fact = CATALOGUE.get(name)
        if fact is None or about not in fact.about:
            raise InvalidDecisionError(_("There is no fact “{name}”.").format(name=name))
        try:
            given[name] = fact.read(value)
        except (ValueError, KeyError):
            wrong = _("“{line}”: {name} is a {type}, such as {name} = 1.")
            raise InvalidDecisionError(wrong.format(line=line, name=name, type=fact.type_name)) from None
    return given
