"""The language of rules: typed, bounded, and clear about what is wrong and where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.moderation.errors import ExpressionError
from apps.moderation.rules.expressions import MAX_LENGTH, EvaluationError, asked, check
from apps.moderation.rules.facts import CATALOGUE, facts_about

FACTS = {fact.name: fact.type() for fact in facts_about("message")}


def says(expression: str, **facts: object) -> bool:
    return check(expression, "message").holds(asked("message", {**FACTS, **facts}))  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("links > 0 && account_age_days < 7", True),
        ("links > 1 || is_disguised", False),
        ('text.contains("crypto") && !is_disguised', True),
        ('text.matches("cr[iy]pto\\\\b")', True),
        ('language in ["en", "de"]', True),
        ("(money > 0 ? scam : harm) >= 60", False),
    ],
)
def test_it_says_what_holds(expression: str, expected: bool) -> None:
    assert says(expression, links=1, account_age_days=3, text="buy crypto", language="en") is expected


@pytest.mark.parametrize(
    ("expression", "line", "column", "words"),
    [
        ("links > 0 and money > 0", 1, 11, "Write “&&” for “and”"),
        ("not is_disguised", 1, 5, "Write “!” for “not”"),
        ("links = 1", 1, 7, "Write “==” for “=”"),
        ("lnks > 0", 1, 1, "Did you mean “links”?"),
        ("links > 0 &&\n  mony > 0", 2, 3, "Did you mean “money”?"),
        ("nudity > 50", 1, 1, "“nudity” is not known of this"),
        ('links > "many"', 1, 7, "does not work between these: number, text"),
        ("links", 1, 1, "It must say yes or no"),
        ("links > 0 ||", 1, 13, "Something is missing at the end"),
        ("", 1, 1, "Something is missing at the end"),
        ('links > 0 && text.matches("a(")', 1, 27, "This pattern is wrong: missing )"),
        ("text.__class__ == text", 1, 5, "no parts"),
        ("[1, 2].all(n, n > 0)", 1, 12, "There is no fact and no function"),
        ("(" * 100 + "is_disguised" + ")" * 100, 1, 1, "cannot be read"),
        ("links > 0 && " * 100 + "links > 0", 1, 1, f"{MAX_LENGTH} are allowed"),
    ],
)
def test_it_tells_what_is_wrong_and_where(expression: str, line: int, column: int, words: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        check(expression, "message")
    assert (raised.value.line, raised.value.column) == (line, column)
    assert words in str(raised.value)


def test_it_knows_before_sending_only_what_costs_nothing() -> None:
    check("harm > 50 && account_age_days < 7", "message", cheap_only=True)
    with pytest.raises(ExpressionError, match="not known yet when a message is about to be sent"):
        check("toxicity > 50", "message", cheap_only=True)


def test_it_knows_which_facts_it_needs() -> None:
    assert check("links > 0 && language == 'en'", "message").mentions == {"links", "language"}


def test_it_says_when_it_cannot_be_worked_out() -> None:
    with pytest.raises(EvaluationError):
        says("10 / links > 1", links=0)


def test_it_takes_no_longer_for_a_pattern_that_is_meant_to_hang() -> None:
    """A backtracking engine would take more than the age of the universe: 2 ** 4000 steps."""
    assert says('text.matches("^(a+)+$")', text="a" * 4000 + "!") is False


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="linksmoey()[]{}<>=!&|.\"'\\ 0123456789+-*/%?:,\n", max_size=60))
def test_it_takes_every_text_or_says_what_is_wrong_with_it(expression: str) -> None:
    wrong = None
    try:
        check(expression, "message")
    except ExpressionError as error:
        wrong = error
    assert wrong is None or (str(wrong) and 1 <= wrong.line <= expression.count("\n") + 1 and wrong.column >= 1)


def test_it_explains_every_fact() -> None:
    assert all(fact.about and str(fact.help) for fact in CATALOGUE.values())
