from apps.core.prepared import Given, Prepared, tell
from apps.users.models import User

_LOCK = "SELECT FROM users_user WHERE telegram_id = %s FOR NO KEY UPDATE"
_MEMBER = Prepared(
    lambda: User.objects.select_related("profile", "preferences", "dialogue__open_conversation__match").filter(
        telegram_id=Given("telegram_id")
    )
)


def locked_member(telegram_id: int) -> User | None:
    """As `member`, with the member's row locked until the transaction ends.

    NO KEY: a swipe or message of somebody else that refers to this member need not wait, and so cannot deadlock.
    """
    tell(_LOCK, [telegram_id], waits=True)
    return member(telegram_id)


def member(telegram_id: int) -> User | None:
    """The member with everything that a turn of the dialogue looks at, in one query; None when unknown.

    Never together with the lock: a query that waits for a lock sees the other tables as they were before.
    """
    return _MEMBER.first(telegram_id=telegram_id)
