"""The parameters of Bot API calls. Forms carry nested values as JSON text, JSON bodies carry them as they are."""

import json
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

JsonObject = dict[str, object]


def _decoded(value: object) -> object:
    """The value behind JSON text; anything else as it is. Raises ValueError for text that is no JSON."""
    return json.loads(value) if isinstance(value, str) else value


FromJson = BeforeValidator(_decoded)


class Params(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Recipient(Params):
    chat_id: int | str


class ReplyParameters(BaseModel):
    message_id: int
    allow_sending_without_reply: bool = False


class Sending(Recipient):
    reply_parameters: Annotated[ReplyParameters | None, FromJson] = None
    reply_to_message_id: int | None = None
    allow_sending_without_reply: bool = False
    protect_content: bool = False
    reply_markup: Annotated[JsonObject | None, FromJson] = None


class Captioned(Params):
    caption: str = ""
    parse_mode: str = ""
    caption_entities: Annotated[list[JsonObject] | None, FromJson] = None
    show_caption_above_media: bool = False
    has_spoiler: bool = False


class SendMessage(Sending):
    text: str = ""
    parse_mode: str = ""
    entities: Annotated[list[JsonObject] | None, FromJson] = None


class SendMedia(Sending, Captioned):
    """The file comes under the name of its kind: photo, voice, video..."""

    model_config = ConfigDict(extra="allow")

    duration: int = 0
    width: int = 0
    height: int = 0
    length: int = 0
    emoji: str = ""


class InputMedia(Captioned):
    type: str
    media: str
    duration: int = 0
    width: int = 0
    height: int = 0


class SendMediaGroup(Sending):
    media: Annotated[list[InputMedia], FromJson]


class SendContact(Sending):
    phone_number: str
    first_name: str
    last_name: str = ""
    vcard: str = ""


class SendLocation(Sending):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class SendChatAction(Recipient):
    action: str


class CopyMessage(Sending):
    from_chat_id: int | str
    message_id: int
    caption: str | None = None
    parse_mode: str = ""
    caption_entities: Annotated[list[JsonObject] | None, FromJson] = None


class OneMessage(Recipient):
    message_id: int


class SeveralMessages(Recipient):
    message_ids: Annotated[list[int], FromJson]


class EditReplyMarkup(OneMessage):
    reply_markup: Annotated[JsonObject | None, FromJson] = None


class EditMessageText(EditReplyMarkup):
    text: str = ""
    parse_mode: str = ""
    entities: Annotated[list[JsonObject] | None, FromJson] = None


class EditMessageCaption(EditReplyMarkup, Captioned):
    pass


class EditMessageMedia(EditReplyMarkup):
    media: Annotated[InputMedia, FromJson]


class UnpinChatMessage(Recipient):
    message_id: int | None = None


class SetMessageReaction(OneMessage):
    reaction: Annotated[list[JsonObject], FromJson] = []


class AnswerCallbackQuery(Params):
    callback_query_id: str
    text: str = Field("", max_length=200)
    show_alert: bool = False
    url: str = ""


class LabeledPrice(BaseModel):
    label: str
    amount: int = Field(ge=1, le=10_000)


class SendInvoice(Sending):
    title: str = Field(min_length=1, max_length=32)
    description: str = Field(min_length=1, max_length=255)
    payload: str
    provider_token: str = ""
    currency: str
    prices: Annotated[list[LabeledPrice], FromJson]
    start_parameter: str = ""


class AnswerPreCheckoutQuery(Params):
    pre_checkout_query_id: str
    ok: bool
    error_message: str = ""


class RefundStarPayment(Params):
    user_id: int
    telegram_payment_charge_id: str


class GetFile(Params):
    file_id: str


class SetWebhook(Params):
    url: str = ""
    secret_token: str = Field("", max_length=256, pattern=r"^[A-Za-z0-9_-]*$")
    max_connections: int = Field(40, ge=1, le=100)
    allowed_updates: Annotated[list[str] | None, FromJson] = None
    drop_pending_updates: bool = False


class DeleteWebhook(Params):
    drop_pending_updates: bool = False


class GetUpdates(Params):
    offset: int = 0
    limit: int = Field(100, ge=1, le=100)
    timeout: int = Field(0, ge=0)
    allowed_updates: Annotated[list[str] | None, FromJson] = None


class CommandScope(BaseModel):
    type: str = "default"
    chat_id: int | None = None


class BotCommand(BaseModel):
    command: str = Field(pattern=r"^/?[a-z0-9_]{1,32}$")
    description: str = Field(min_length=1, max_length=256)


class CommandsOf(Params):
    scope: Annotated[CommandScope, FromJson] = CommandScope()
    language_code: str = ""


class SetMyCommands(CommandsOf):
    commands: Annotated[list[BotCommand], FromJson] = Field(max_length=100)


class SetMyText(Params):
    """One of setMyName, setMyDescription, setMyShortDescription: the text has the name of what is set."""

    name: str = Field("", max_length=64)
    description: str = Field("", max_length=512)
    short_description: str = Field("", max_length=120)
    language_code: str = ""


class SetChatMenuButton(Params):
    chat_id: int | None = None
    menu_button: Annotated[JsonObject, FromJson] = {"type": "default"}
