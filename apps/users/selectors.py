from uuid import UUID

from apps.core.prepared import Given, Prepared
from apps.users.models import User

_LOCK = Prepared(
    lambda: (
        User.objects.select_for_update(no_key=True)
        .filter(telegram_id=Given("telegram_id"))
        .values_list("pk", flat=True)
    )
)
_MEMBER = Prepared(
    lambda: User.objects.select_related("profile", "preferences", "dialogue__open_conversation__match").filter(
        pk=Given("user_id")
    )
)


def lock_member(telegram_id: int) -> UUID | None:
    """Locks the member's row until the transaction ends; None when unknown.

    NO KEY: a swipe or message of somebody else that refers to this member need not wait, and so cannot deadlock.
    """
    return _LOCK.first(telegram_id=telegram_id)


def member(user_id: UUID) -> User:
    """The member with everything that a turn of the dialogue looks at, in one query.

    Read it after the lock and not with it: a query that waits for a lock sees the other tables as they were before.
    """
    return _MEMBER.get(user_id=user_id)
