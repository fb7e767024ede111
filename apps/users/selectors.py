from uuid import UUID

from apps.users.models import User


def lock_member(telegram_id: int) -> UUID | None:
    """Locks the member's row until the transaction ends; None when unknown.

    NO KEY: a swipe or message of somebody else that refers to this member need not wait, and so cannot deadlock.
    """
    return (
        User.objects.select_for_update(no_key=True).filter(telegram_id=telegram_id).values_list("pk", flat=True).first()
    )


def member(user_id: UUID) -> User:
    """The member with everything that a turn of the dialogue looks at, in one query.

    Read it after the lock and not with it: a query that waits for a lock sees the other tables as they were before.
    """
    return User.objects.select_related("profile", "preferences", "dialogue").get(pk=user_id)
