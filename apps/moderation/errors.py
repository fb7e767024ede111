"""What refuses a moderator, said in words for staff. For members see `apps.core.errors.RuleError`.

ModerationError
├── NotAllowedError        this person may not do this, or not to this row
├── ConflictError          somebody else was first; the message says who and what
├── InvalidDecisionError   it cannot be done to this member as they are now
└── ExpressionError        an expression of a rule is wrong; the message says where
"""

from apps.core.errors import MeetsMatchError


class ModerationError(MeetsMatchError):
    """The root of these; `str` is a sentence for the moderator."""


class NotAllowedError(ModerationError):
    """This person may not do this, or not to this row."""


class ConflictError(ModerationError):
    """Somebody else was first."""


class InvalidDecisionError(ModerationError):
    """It cannot be done, or not any more."""


class ExpressionError(ModerationError):
    """An expression of a rule is wrong: `line` and `column` (both from 1) say where."""

    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(message)
        self.line, self.column = line, column
