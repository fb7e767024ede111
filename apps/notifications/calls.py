"""What a delivery becomes on the wire: placeholders are filled in, and a refused edit turns into a new message.

Placeholders, anywhere in the parameters of a delivery:
- `{"$photo": "<id of a users.Photo>"}`: the photo's file id; a photo that has none yet is uploaded.
- `{"$message": <id of a delivery>}`: the message that this earlier delivery became, in the same chat.

An edit may carry parameters that only new messages take (NEW_MESSAGE_PARAMS): they are for the message that is sent
where Telegram does not let the old one be edited.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from django.conf import settings

from apps.core.errors import GatewayError, UnreachableError
from apps.core.gateways.telegram import JSON
from apps.notifications.models import CHATLESS, Delivery
from apps.users.models import Photo

NEW_MESSAGE_PARAMS = {"protect_content", "disable_notification", "message_effect_id"}

# Allowed beyond 30 messages a second, each of which costs: only what makes a new message knows the parameter.
_MAY_BE_PAID = re.compile(r"(send(?!ChatAction)|copyMessage$)")
_NOT_MODIFIED = re.compile(r"message is not modified", re.IGNORECASE)
_CANNOT_EDIT = re.compile(
    r"message to edit not found|message can't be edited|there is no \w+ in the message to edit|message_id_invalid",
    re.IGNORECASE,
)

# What a message without a photo takes of one with a photo, beside its words.
_SAID = ("reply_parameters", "protect_content", "disable_notification")

Placeholder = tuple[str, str]


@dataclass(frozen=True)
class Call:
    """One call of the Bot API. `uploads` has the photo of each NAME that `params` mention as `attach://NAME`."""

    method: str
    params: dict[str, JSON]
    uploads: dict[str, Photo] = field(default_factory=dict)
    new_message_params: dict[str, JSON] = field(default_factory=dict)


class _GoneError(GatewayError):
    """What a placeholder stands for is gone, or never became a message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


def prepare(delivery: Delivery) -> Call | None:
    """The call that sends this delivery, its placeholders filled in; None when what it should delete never was.

    A reply to a message that is gone becomes a plain message. Raises a permanent GatewayError when a photo, or the
    message to edit, is gone.
    """
    placeholders = set(_placeholders(delivery.params))
    uploads: dict[str, Photo] = {}
    values = _messages(delivery.chat_id, placeholders) | _photos(placeholders, uploads)
    params: dict[str, JSON] = {} if delivery.method in CHATLESS else {"chat_id": delivery.chat_id}
    for name, value in delivery.params.items():
        try:
            params[name] = _fill(value, values)
        except _GoneError:
            if delivery.method.startswith("delete"):
                return None
            if name != "reply_parameters":
                raise
    if settings.TELEGRAM_PAID_BROADCASTS and _MAY_BE_PAID.match(delivery.method):
        params["allow_paid_broadcast"] = True
    is_edit = delivery.method.startswith("edit")
    kept = {name: params.pop(name) for name in NEW_MESSAGE_PARAMS & params.keys()} if is_edit else {}
    return Call(delivery.method, params, uploads, kept)


def instead_of(call: Call, error: GatewayError) -> Call | None:
    """The new message with what a refused edit should have shown.

    None when nothing is to be done any more: the message is as the edit wants it, or what was to be deleted is gone.
    Raises `error` again in all other cases.
    """
    if _NOT_MODIFIED.search(str(error)) or (call.method.startswith("delete") and _is_final(error)):
        return None
    if not (error.permanent and _CANNOT_EDIT.search(str(error))):
        raise error
    params = {name: value for name, value in call.params.items() if name != "message_id"} | call.new_message_params
    if call.method == "editMessageText":
        return Call("sendMessage", params)
    if call.method == "editMessageMedia":
        media = dict(cast(dict[str, JSON], params.pop("media")))
        kind = str(media.pop("type"))
        return Call(f"send{kind.capitalize()}", {**params, kind: media.pop("media"), **media}, call.uploads)
    raise error


def without_photos(call: Call, error: GatewayError) -> Call:
    """The words of a card whose photo cannot be had now: nobody's chat waits for the media store.

    Raises `error` again where nothing is left to say, or where it is another message than one photo.
    """
    params = dict(call.params)
    if call.method == "editMessageMedia":  # an edit cannot turn a photo into words
        params |= {**cast(dict[str, JSON], params["media"]), **call.new_message_params}
    elif call.method != "sendPhoto":
        raise error
    if not params.get("caption"):
        raise error
    kept = {name: params[name] for name in ("chat_id", "parse_mode", "reply_markup", *_SAID) if name in params}
    return Call("sendMessage", {**kept, "text": params["caption"]})


def message_id_of(call: Call, result: JSON) -> int | None:
    """Telegram's id of the message that the call made (of an album: its first) or edited; None when there is none."""
    message = result[0] if isinstance(result, list) and result else result
    if not isinstance(message, dict):
        message = call.params if call.method.startswith("edit") else {}
    return cast(int | None, message.get("message_id"))


def learn_file_ids(call: Call, result: JSON) -> None:
    """Keeps the file ids that Telegram gave to what the call uploaded. `result` has one message for each medium."""
    messages = cast(list[dict[str, JSON]], result if isinstance(result, list) else [result])
    for medium, message in zip(_media(call), messages, strict=False):
        photo = call.uploads.get(medium.removeprefix("attach://"))
        sizes = cast(list[dict[str, str]], message.get("photo") or [])
        if photo and sizes:
            ids = {name: sizes[-1][name] for name in ("file_id", "file_unique_id")}
            Photo.objects.filter(pk=photo.pk).update(**ids)


def _is_final(error: GatewayError) -> bool:
    return error.permanent and not isinstance(error, UnreachableError)


def _media(call: Call) -> Iterator[str]:
    """What the call shows: file ids, URLs and names of uploads, one for each message that it makes."""
    media = call.params.get("media") or [{"media": call.params.get("photo")}]
    for item in cast(list[dict[str, JSON]], media if isinstance(media, list) else [media]):
        yield str(item["media"])


def _placeholders(value: JSON) -> Iterator[Placeholder]:
    if placeholder := _as_placeholder(value):
        yield placeholder
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _placeholders(part)


def _as_placeholder(value: JSON) -> Placeholder | None:
    if isinstance(value, dict) and len(value) == 1:
        [(name, target)] = value.items()
        return (name, str(target)) if name in ("$photo", "$message") else None
    return None


def _fill(value: JSON, values: Mapping[Placeholder, JSON]) -> JSON:
    if placeholder := _as_placeholder(value):
        if placeholder in values:
            return values[placeholder]
        raise _GoneError("the photo is gone" if placeholder[0] == "$photo" else "nothing to edit or reply to")
    if isinstance(value, dict):
        return {name: _fill(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, values) for part in value]
    return value


def _messages(chat_id: int, placeholders: set[Placeholder]) -> dict[Placeholder, JSON]:
    ids = [int(target) for name, target in placeholders if name == "$message"]
    if not ids:
        return {}
    sent = Delivery.objects.filter(pk__in=ids, chat_id=chat_id, message_id__isnull=False)
    return {("$message", str(pk)): message_id for pk, message_id in sent.values_list("pk", "message_id")}


def _photos(placeholders: set[Placeholder], uploads: dict[str, Photo]) -> dict[Placeholder, JSON]:
    """What stands for each photo that is there. Adds to `uploads` those that Telegram does not have yet."""
    ids = [target for name, target in placeholders if name == "$photo"]
    values: dict[Placeholder, JSON] = {}
    for photo in Photo.objects.filter(pk__in=ids) if ids else ():
        if not photo.file_id:
            uploads[f"{photo.pk.hex}.jpg"] = photo
        values["$photo", str(photo.pk)] = photo.file_id or f"attach://{photo.pk.hex}.jpg"
    return values
