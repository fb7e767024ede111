"""The error tree. Everything that MeetsMatch raises on purpose is one of these.

MeetsMatchError
├── RuleError          a rule of the product says no; its code tells the caller which text to show
└── GatewayError       something outside (Telegram, the media store) said no or nothing
    ├── RateLimitedError       come back after `retry_after_secs`
    ├── UnreachableError       this chat cannot be written to: the member blocked the bot or is gone
    └── AwayError              the call was not made: its breaker is open, or too many are under way
"""


class MeetsMatchError(Exception):
    """The root."""


class RuleError(MeetsMatchError):
    """A rule of the product refuses. `code` names the rule, `params` are what the text that explains it needs."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class GatewayError(MeetsMatchError):
    """A call to the outside failed. `permanent`: the same call would fail again."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class RateLimitedError(GatewayError):
    """Too many calls. Nothing was done; the same call may succeed after `retry_after_secs`."""

    def __init__(self, reason: str, *, retry_after_secs: float) -> None:
        super().__init__(reason, permanent=False)
        self.retry_after_secs = retry_after_secs


class UnreachableError(GatewayError):
    """The member blocked the bot or deleted the account: nothing sent to this chat arrives until they come back."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


class AwayError(GatewayError):
    """The call was not made, to spare a dependency that is not well (core.resilience); another may succeed soon."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)
