"""The Bot API's refusals, in Telegram's own form and wording."""

from apps.simulator.schemas import JsonObject


class ApiError(Exception):
    """A call that Telegram would refuse; ``body`` is the JSON it answers with that HTTP status."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description

    @property
    def body(self) -> JsonObject:
        return {"ok": False, "error_code": self.status, "description": self.description}


def bad_request(reason: str) -> ApiError:
    return ApiError(400, f"Bad Request: {reason}")


def blocked_by_user() -> ApiError:
    return ApiError(403, "Forbidden: bot was blocked by the user")
