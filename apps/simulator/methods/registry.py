"""From a method's name and raw parameters to its handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction
from pydantic import ValidationError

from apps.simulator.errors import ApiError, bad_request
from apps.simulator.files import Upload
from apps.simulator.schemas import Params

P = TypeVar("P", bound=Params)
Uploads = Mapping[str, Upload]


@dataclass(frozen=True)
class _Method:
    parse: type[Params]
    run: Callable[[Params, Uploads], object]
    atomic: bool


_methods: dict[str, _Method] = {}


def api_method(
    *names: str, params: type[P], atomic: bool = True
) -> Callable[[Callable[[P, Uploads], object]], Callable[[P, Uploads], object]]:
    """Registers a handler under Bot API names. ``atomic=False`` for one that waits."""

    def register(handler: Callable[[P, Uploads], object]) -> Callable[[P, Uploads], object]:
        def run(parsed: Params, uploads: Uploads) -> object:
            assert isinstance(parsed, params)
            return handler(parsed, uploads)

        for name in names:
            _methods[name.lower()] = _Method(params, run, atomic)
        return handler

    return register


def call(name: str, raw: Mapping[str, object], uploads: Uploads | None = None) -> object:
    """The ``result`` of a Bot API call. Raises ApiError for whatever Telegram would refuse."""
    method = _methods.get(name.lower())
    if method is None:
        raise ApiError(404, "Not Found: method not found")
    try:
        parsed = method.parse.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as error:
        raise _refusal(error) from error
    if not method.atomic:
        return method.run(parsed, uploads or {})
    with transaction.atomic():
        return method.run(parsed, uploads or {})


def _refusal(error: ValidationError) -> ApiError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return bad_request(f"{place} is empty")
    return bad_request(f"can't parse {place}: {first['msg']}")
