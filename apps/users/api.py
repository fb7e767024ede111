"""What the edge worker asks of the origin. Signed by the worker; open to nobody else, staff included."""

from uuid import UUID

import redis
import structlog
from django.http import Http404, HttpRequest
from ninja import Router

from apps.core.edge_signing import MAX_AGE_SECS, Call, nonce_of
from apps.core.impatient_redis import impatient_redis
from apps.users.cards import PublicCard, public_card

log = structlog.get_logger(__name__)


def signed_by_the_edge(request: HttpRequest) -> bool:
    """Whether the worker made this call, within the last minute and not before.

    While Redis is away a call may be played back within its minute: these routes only read.
    """
    call = Call("origin", request.method or "", request.get_full_path(), request.body)
    nonce = nonce_of(call, request.headers)
    if nonce is None:
        return False
    try:
        return bool(impatient_redis().set(f"meetsmatch:edge:{nonce}", 1, nx=True, ex=2 * MAX_AGE_SECS))
    except redis.RedisError as error:
        log.warning("nonce_not_checked", error=type(error).__name__)
        return True


router = Router(tags=["edge"], auth=signed_by_the_edge)


@router.get("/profiles/{uuid:profile_id}", response=PublicCard, summary="A profile, the same for every viewer")
def profile(request: HttpRequest, profile_id: UUID) -> PublicCard:
    card = public_card(profile_id)
    if card is None:
        raise Http404
    return card
