"""What asking for flags and changing them may raise."""

from apps.core.errors import MeetsMatchError


class FlagError(MeetsMatchError):
    """The root of this app's errors."""


class UnknownFlagError(FlagError):
    """The catalogue has no flag of this name, or one of another kind than was asked for."""


class InvalidChangeError(FlagError):
    """The new state does not fit the flag: a value out of bounds, a rule that cannot be read, no reason given."""


class InTheWayError(FlagError):
    """What the flag is set to, or another study, leaves no room for this one."""


class ConflictError(FlagError):
    """Somebody else has changed the flag since the version that this change was made from. Nothing was written."""


class NotAllowedError(FlagError):
    """This person may not do it: they have not the right to, or it is their own request that they would approve."""


class ClosedError(FlagError):
    """What was to be decided has been decided, or has ended, meanwhile."""
