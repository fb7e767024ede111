"""What a change of a flag would do, before anybody makes it."""

from dataclasses import dataclass

from apps.flags.catalogue import Definition
from apps.flags.headcount import Comparison, compare
from apps.flags.models import state_diff
from apps.flags.services import needs_second_person
from apps.flags.state import State
from apps.flags.texts import diff_in_words

# From this share of the members on, a change is not made without showing what it does.
WIDE_PERCENT = 20
# Those are answered for the system as a whole, too, whoever the members are.
_WIDE_FIELDS = {"killed", "everyone"}


@dataclass(frozen=True)
class Effect:
    """`lines` say what is different, field by field; none: nothing. `is_wide`: somebody should look twice.

    `needs_approval`: it will not be made before a second person has agreed.
    """

    lines: tuple[str, ...]
    members: Comparison
    is_wide: bool
    needs_approval: bool


def effect(definition: Definition, now: State, then: State) -> Effect:
    """One query, and one more for each state with a rule that asks for groups."""
    diff = state_diff(now.as_json(), then.as_json())
    members = compare(definition, now, then)
    is_wide = bool(_WIDE_FIELDS & diff.keys()) or members.affected_percent >= WIDE_PERCENT
    return Effect(tuple(diff_in_words(diff)), members, is_wide, needs_second_person(definition.name, diff))
