"""The body of a request that tells or asks something beside decisions."""

from __future__ import annotations

from fastapi import Request

from crivo.adapters.http.hot import check_ready
from crivo.adapters.http.receive import read_json_body
from crivo.adapters.http.service import Parts


async def told_body(request: Request, parts: Parts) -> bytes:
    """The whole body, once the service is ready to hear it.

    Raises:
        Unavailable: NOT_READY.
        Refused, Disconnected: as `read_json_body`.
    """
    check_ready(parts)
    return await read_json_body(
        request.scope,
        request.receive,
        bytes_max=parts.limits.decision_bytes_max,
        seconds_max=parts.limits.body_seconds_max,
    )
