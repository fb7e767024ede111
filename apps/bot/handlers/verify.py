"""Photo verification: the bot asks for a selfie with a gesture, which a moderator compares with the photos."""

import telegram

from apps.bot import keyboards, texts
from apps.bot.turn import Reply, Turn
from apps.core.errors import RuleError
from apps.moderation.verification import services
from apps.users.badge import is_verified
from apps.users.models import Photo, User


def is_open(turn: Turn) -> bool:
    return services.is_offered(turn.user)


def has_badge(turn: Turn, user: User, main: Photo | None) -> bool:
    """Whether whoever reads sees a badge with this member, whose first photo is `main`. No query."""
    return is_open(turn) and is_verified(user.profile, main)


def ask(turn: Turn) -> Reply:
    """/verify, or from the profile; the next photo is the selfie."""
    services.check_may_verify(turn.user)
    gesture = services.gesture_for(turn.user)
    turn.wait_for("selfie", gesture=gesture.value)
    return turn.say(texts.account.ask_selfie(gesture), keyboards.cancel())


def take_selfie(turn: Turn, picture: telegram.PhotoSize) -> Reply:
    if turn.message.forward_origin:
        raise RuleError("selfie_forwarded")
    gesture = turn.dialogue.data["gesture"]
    services.submit(turn.user, gesture, file_id=picture.file_id, file_unique_id=picture.file_unique_id)
    turn.stop_waiting()
    return turn.say(texts.account.selfie_taken())
