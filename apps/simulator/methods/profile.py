"""What the bot says of itself: getMe, commands, names, descriptions, menu button."""

from apps.simulator import payloads
from apps.simulator.chats import locked_chat, record
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.models import BotSetting, Event, Persona
from apps.simulator.schemas import (
    CommandScope,
    CommandsOf,
    JsonObject,
    Params,
    SetChatMenuButton,
    SetMyCommands,
    SetMyText,
)


@api_method("getMe", params=Params)
def get_me(_: Params, __: Uploads) -> JsonObject:
    return payloads.bot_user() | {
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def _keep(key: str, language_code: str, value: object) -> None:
    BotSetting.objects.update_or_create(key=key, language_code=language_code, defaults={"value": value})


def _scope_key(scope: CommandScope) -> str:
    return f"commands:{scope.type}" + (f":{scope.chat_id}" if scope.chat_id else "")


@api_method("setMyCommands", params=SetMyCommands)
def set_my_commands(params: SetMyCommands, _: Uploads) -> bool:
    commands = [
        {"command": command.command.lstrip("/"), "description": command.description} for command in params.commands
    ]
    _keep(_scope_key(params.scope), params.language_code, commands)
    _show_in_chat(params.scope)
    return True


@api_method("getMyCommands", params=CommandsOf)
def get_my_commands(params: CommandsOf, _: Uploads) -> list[JsonObject]:
    key = _scope_key(params.scope)
    kept = BotSetting.objects.filter(key=key, language_code=params.language_code).first()
    return list(kept.value) if kept else []


@api_method("deleteMyCommands", params=CommandsOf)
def delete_my_commands(params: CommandsOf, _: Uploads) -> bool:
    BotSetting.objects.filter(key=_scope_key(params.scope), language_code=params.language_code).delete()
    _show_in_chat(params.scope)
    return True


def _show_in_chat(scope: CommandScope) -> None:
    """A chat's own commands change in the window that is open on it; those of all chats when it is next opened."""
    if scope.chat_id:
        record(locked_chat(scope.chat_id), Event.Kind.CHAT)


def commands_for(persona: Persona) -> list[JsonObject]:
    """The commands that this person's client shows: the narrowest scope first, their language before none."""
    rows = BotSetting.objects.filter(key__startswith="commands:", language_code__in=["", persona.language_code])
    kept = {(row.key, row.language_code): row.value for row in rows}
    for scope in (f"chat:{persona.pk}", "all_private_chats", "default"):
        for language_code in (persona.language_code, ""):
            if (f"commands:{scope}", language_code) in kept:
                return list(kept[f"commands:{scope}", language_code])
    return []


@api_method("setMyName", params=SetMyText)
def set_my_name(params: SetMyText, _: Uploads) -> bool:
    _keep("name", params.language_code, params.name)
    return True


@api_method("setMyDescription", params=SetMyText)
def set_my_description(params: SetMyText, _: Uploads) -> bool:
    _keep("description", params.language_code, params.description)
    return True


@api_method("setMyShortDescription", params=SetMyText)
def set_my_short_description(params: SetMyText, _: Uploads) -> bool:
    _keep("short_description", params.language_code, params.short_description)
    return True


def text_for(key: str, persona: Persona) -> str:
    """The bot's name or description as this person's client shows it; empty without one."""
    rows = BotSetting.objects.filter(key=key, language_code__in=["", persona.language_code])
    kept = {row.language_code: str(row.value) for row in rows}
    return kept.get(persona.language_code) or kept.get("", "")


@api_method("setChatMenuButton", params=SetChatMenuButton)
def set_chat_menu_button(params: SetChatMenuButton, _: Uploads) -> bool:
    _keep(f"menu_button:{params.chat_id or ''}", "", params.menu_button)
    return True
