"""The edge worker, as far as the origin calls it."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import httpx
import orjson
from django.conf import settings

from apps.core.edge_signing import Call, sign_call
from apps.core.errors import GatewayError

MAX_PURGES = 200
TIMEOUT_SECS = 3.0
PURGE_PATH = "/internal/purge"


class Edge(Protocol):
    """What the origin wants of the edge."""

    def purge(self, versions: Mapping[UUID, int]) -> None:
        """From now on nothing of these profiles that is older than these versions is served, from any cache.

        At most MAX_PURGES. Safe to call twice, and late: an older version never undoes a newer one. Raises
        GatewayError.
        """


class EdgeWorker:
    """The worker at `url`, called over one kept connection."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECS)

    def purge(self, versions: Mapping[UUID, int]) -> None:
        purges = [{"tag": f"profile:{profile}", "version": version} for profile, version in versions.items()]
        body = orjson.dumps({"purges": purges})
        headers = sign_call(Call("edge", "POST", PURGE_PATH, body))
        try:
            status = self._client.post(PURGE_PATH, content=body, headers=headers).status_code
        except httpx.HTTPError as error:
            raise GatewayError(f"edge: {type(error).__name__}", permanent=False) from None
        if status != httpx.codes.OK:
            raise GatewayError(f"edge: {status}", permanent=status in (400, 413))


def edge() -> Edge | None:
    """The configured edge; None when there is none."""
    return EdgeWorker(settings.EDGE_URL) if settings.EDGE_URL else None
