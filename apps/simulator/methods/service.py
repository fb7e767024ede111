"""What happens around messages: answers to taps, chat actions, pins and reactions."""

from django.utils import timezone

from apps.simulator.chats import find_message, locked_chat, pin, reachable_chat, react_to, record
from apps.simulator.errors import bad_request
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.models import CallbackQuery, Event
from apps.simulator.schemas import AnswerCallbackQuery, OneMessage, SendChatAction, SetMessageReaction, UnpinChatMessage

CHAT_ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}


@api_method("answerCallbackQuery", params=AnswerCallbackQuery)
def answer_callback_query(params: AnswerCallbackQuery, _: Uploads) -> bool:
    numeric = params.callback_query_id.isdecimal()
    query = CallbackQuery.objects.filter(pk=int(params.callback_query_id)).first() if numeric else None
    if query is None or query.expired:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    chat = locked_chat(query.message.chat_id)
    query.answered_at = timezone.now()
    query.save(update_fields=["answered_at"])
    answer = {"query": query.pk, "text": params.text, "show_alert": params.show_alert, "url": params.url}
    record(chat, Event.Kind.ANSWER, query.message, answer)
    return True


@api_method("sendChatAction", params=SendChatAction)
def send_chat_action(params: SendChatAction, _: Uploads) -> bool:
    if params.action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    record(reachable_chat(params.chat_id), Event.Kind.ACTION, payload={"action": params.action})
    return True


@api_method("pinChatMessage", params=OneMessage)
def pin_chat_message(params: OneMessage, _: Uploads) -> bool:
    chat = reachable_chat(params.chat_id)
    message = find_message(chat, params.message_id)
    if message is None:
        raise bad_request("message to pin not found")
    pin(chat, message.message_id)
    return True


@api_method("unpinChatMessage", params=UnpinChatMessage)
def unpin_chat_message(params: UnpinChatMessage, _: Uploads) -> bool:
    chat = reachable_chat(params.chat_id)
    if chat.pinned_message_id is None or params.message_id not in (None, chat.pinned_message_id):
        raise bad_request("message to unpin not found")
    pin(chat, None)
    return True


@api_method("setMessageReaction", params=SetMessageReaction)
def set_message_reaction(params: SetMessageReaction, _: Uploads) -> bool:
    message = find_message(reachable_chat(params.chat_id), params.message_id)
    if message is None:
        raise bad_request("message to react not found")
    emojis = [reaction.get("emoji") for reaction in params.reaction]
    if len(emojis) > 1 or not all(isinstance(emoji, str) and emoji for emoji in emojis):
        raise bad_request("REACTION_INVALID")
    react_to(message, [str(emoji) for emoji in emojis])
    return True
