"""Personas that play by themselves, as a person with a phone would: they read, wait a moment, and tap or write.

All rules are here. They see only what a client shows, and know nothing of the bot but the prefixes of its buttons.
"""

import random
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from apps.simulator.models import Message, PlannedAct
from apps.simulator.wakeups import wake

LIKE_PREFIX = "like:"
# Buttons under "somebody likes you".
NOTICE_PREFIXES = ("browse", "likes")
RELAYED = ("text", "photo", "voice", "video", "video_note", "sticker", "document", "animation", "audio")
MAX_ACTS_PER_MINUTE = 6
ANSWERS_PER_CHAT = (2, 6)
DELAY_SECS = (1.0, 3.0)
BROWSING_TIME = timedelta(minutes=1)
ANSWERS = {
    "en": (
        "Hi! Nice to meet you 😊",
        "Ha, I was hoping you would write! How is your day going?",
        "That sounds lovely. Tell me more!",
        "I would love that. Coffee this week?",
        "You have great taste, by the way.",
        "Let us talk more tomorrow — I am smiling at my phone 🙂",
    ),
    "es": (
        "¡Hola! ¡Qué gusto conocerte! 😊",
        "¡Qué bien que escribes! ¿Qué tal tu día?",
        "Suena genial. ¡Cuéntame más!",
        "Me encantaría. ¿Un café esta semana?",
        "Tienes muy buen gusto, por cierto.",
        "Hablamos más mañana, ¡me has hecho sonreír! 🙂",
    ),
    "ru": (
        "Привет! Приятно познакомиться 😊",
        "Здорово, что мы пишем друг другу! Как проходит день?",
        "Звучит здорово. Расскажи ещё!",
        "С удовольствием. Может, кофе на этой неделе?",
        "У тебя, кстати, отличный вкус.",
        "Давай продолжим завтра, я сижу и улыбаюсь 🙂",
    ),
}


def react(message: Message) -> None:
    """Plans what the persona does about a new or edited message of the bot, if they are on autopilot at all."""
    if not message.chat.autopilot or message.chat.blocked_bot:
        return
    act = _decide(message)
    if act is None or _acts_in_last_minute(message) >= MAX_ACTS_PER_MINUTE:
        return
    act.due_at = timezone.now() + timedelta(seconds=_dice(message).uniform(*DELAY_SECS))
    act.save()
    wake()


def _decide(message: Message) -> PlannedAct | None:
    """The act that this message calls for; None to leave it."""
    buttons = message.button_data()
    if any(data.startswith(LIKE_PREFIX) for data in buttons):
        return _act(message, PlannedAct.Kind.LIKE) if _looks_for_a_card(message) else None
    ways_to_browse = [data for data in buttons if data.startswith(NOTICE_PREFIXES)]
    if message.protected and not ways_to_browse and any(kind in message.content for kind in RELAYED):
        return _answer(message)
    # A match card offers to browse among other things: it is no notice, and nobody wrote anything yet.
    if buttons and ways_to_browse == buttons and not _browsed_lately(message):
        return _act(message, PlannedAct.Kind.BROWSE)
    return None


def _answer(message: Message) -> PlannedAct | None:
    answered = _acts(message, PlannedAct.Kind.SAY).count()
    already = _acts(message, PlannedAct.Kind.SAY).filter(message=message).exists()
    if already or answered >= random.Random(message.chat_id).randint(*ANSWERS_PER_CHAT):  # noqa: S311
        return None
    sentences = ANSWERS.get(message.chat.language_code, ANSWERS["en"])
    act = _act(message, PlannedAct.Kind.SAY)
    act.text = sentences[answered % len(sentences)]
    return act


def _act(message: Message, kind: PlannedAct.Kind) -> PlannedAct:
    return PlannedAct(persona=message.chat, kind=kind, message=message)


def _acts(message: Message, kind: PlannedAct.Kind) -> QuerySet[PlannedAct]:
    return message.chat.planned_acts.filter(kind=kind)


def _browsed_lately(message: Message) -> bool:
    return _acts(message, PlannedAct.Kind.BROWSE).filter(created_at__gt=timezone.now() - BROWSING_TIME).exists()


def _looks_for_a_card(message: Message) -> bool:
    """Whether they went to browse after a notice and have not liked a card since."""
    browsed = _acts(message, PlannedAct.Kind.BROWSE).order_by("-id").first()
    return browsed is not None and not _acts(message, PlannedAct.Kind.LIKE).filter(id__gt=browsed.id).exists()


def _acts_in_last_minute(message: Message) -> int:
    return message.chat.planned_acts.filter(created_at__gt=timezone.now() - timedelta(minutes=1)).count()


def _dice(message: Message) -> random.Random:
    """The same message gives the same delay in every run."""
    return random.Random(message.chat_id * 100_003 + message.message_id)  # noqa: S311
