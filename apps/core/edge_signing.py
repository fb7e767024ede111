"""What origin and edge worker sign for each other with EDGE_SHARED_SECRET; edge_worker/src/signing.ts does the same.

The first secret signs, all of them verify (rotation). Every message begins with what it is for, so that a signature of
one kind never passes as one of another.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from django.conf import settings

MAX_AGE_SECS = 60
HOUR_SECS = 3600
# A link ends on the full hour, between two and three hours from now, so that within an hour it stays the same. One to
# a photo outlives the card that it is on, which the worker keeps for eleven hours (edge_worker/src/cards/card.ts), but
# not the worker's list of purges, which ends it earlier (purge_log.ts).
LINK_HOURS, MEDIA_LINK_HOURS = 3, 13


@dataclass(frozen=True)
class Call:
    """One side calls the other. `target` is the path with its query."""

    to: Literal["origin", "edge"]
    method: str
    target: str
    body: bytes = b""

    def message(self, timestamp: str, nonce: str) -> str:
        digest = hashlib.sha256(self.body).hexdigest()
        return "\n".join(["v1", f"to {self.to}", self.method, self.target, timestamp, nonce, digest])


def sign_call(call: Call) -> dict[str, str]:
    """The headers that prove who calls, valid for a minute."""
    timestamp, nonce = str(int(time.time())), str(uuid4())
    return {
        "X-Edge-Timestamp": timestamp,
        "X-Edge-Nonce": nonce,
        "X-Edge-Signature": _sign(settings.EDGE_SHARED_SECRETS[0], call.message(timestamp, nonce)),
    }


def nonce_of(call: Call, headers: Mapping[str, str]) -> str | None:
    """The nonce of a call that somebody who knows the secret made within the last minute; None for any other.

    Whoever acts on it sees to it that no nonce is taken twice.
    """
    timestamp, nonce = headers.get("X-Edge-Timestamp", ""), headers.get("X-Edge-Nonce", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > MAX_AGE_SECS:
        return None
    given = headers.get("X-Edge-Signature", "")
    if not re.fullmatch(r"[\w-]{8,64}", nonce, re.ASCII) or not re.fullmatch(r"[0-9a-f]{64}", given):
        return None
    message = call.message(timestamp, nonce)
    is_ours = any(hmac.compare_digest(_sign(secret, message), given) for secret in settings.EDGE_SHARED_SECRETS)
    return nonce if is_ours else None


def profile_path(profile_id: UUID, *, version: int, viewer_id: UUID) -> str:
    """One viewer's link to one profile at the edge. The viewer stands in it under a pseudonym."""
    viewer = _sign(settings.EDGE_SHARED_SECRETS[0], f"v1\nviewer\n{viewer_id}")[:16]
    return _signed(f"/profiles/{profile_id}?e={_ends(LINK_HOURS)}&v={version}&w={viewer}")


def media_path(name: str, *, profile_id: UUID, version: int) -> str:
    """A photo of that version of the profile at the edge; the same for every viewer."""
    return _signed(f"/media/{name}?e={_ends(MEDIA_LINK_HOURS)}&p={profile_id}&v={version}")


def config_path(member_id: UUID) -> str:
    """One member's own flags and the limits at the edge; for nobody but that member."""
    return _signed(f"/config?e={_ends(LINK_HOURS)}&m={member_id}")


def _ends(hours: int) -> int:
    return (int(time.time()) // HOUR_SECS + hours) * HOUR_SECS


def _signed(target: str) -> str:
    signature = _sign(settings.EDGE_SHARED_SECRETS[0], f"v1\nlink\n{target}")
    return f"{target}&sig={signature}"


def _sign(secret: str, message: str) -> str:
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
