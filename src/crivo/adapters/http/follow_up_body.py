"""The body of what is told of a decision."""

from __future__ import annotations

from typing import Final

import msgspec

from crivo.adapters.http.bodies import decode_body
from crivo.decision.standing import Step
from crivo.domain.instant import parse_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection
from crivo.flows.follow_up import FollowUpName, Told


class FollowUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/decisions/{end_to_end_id}/events`; `rejection` is of `rejected`."""

    event: FollowUpName
    occurred_at: str
    phase: Phase | None = None
    rejection: Rejection | None = None
    received_at: str | None = None


_FOLLOW_UP: Final = msgspec.json.Decoder(FollowUpBody)


def parse_follow_up(raw: bytes, end_to_end_id: str) -> tuple[Told, int | None]:
    """The follow-up in a body, and the receipt it supplies (for logs with a replay clock).

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be.
    """
    body = decode_body(_FOLLOW_UP, raw)
    told = Told(
        end_to_end_id=end_to_end_id,
        phase=body.phase or Phase.INITIATION,
        step=Step(body.event.value),
        occurred_at=parse_rfc3339(body.occurred_at, field="occurred_at"),
        rejection=body.rejection,
    )
    received_at = body.received_at
    return told, None if received_at is None else parse_rfc3339(received_at, field="received_at")
