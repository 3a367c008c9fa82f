"""What is told to subscribers: one message an event of the log that somebody should look at.

A message holds ids, outcome and reason codes: nobody's name, account, key or amount. Whoever may
know more asks the service for it by the id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from crivo.decision import follow_up, hold_end, record, revision
from crivo.decision.blocks import standing_of
from crivo.decision.follow_up import FollowUpKind
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.record import decision_event_id, decode_derived, decode_record
from crivo.decision.standing import ends_hold
from crivo.domain import report, review, settlement
from crivo.domain.cut import is_followed
from crivo.domain.event import StoredEvent
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.settlement import Settlement, SettlementStatus
from crivo.domain.streams import Stream
from crivo.flows.event_of import value_of
from crivo.flows.following import RAIL_STEPS, followed
from crivo.flows.ports import LogReader
from crivo.flows.recording import SOURCE

#: Where the events lie that messages are made of.
STREAMS: Final = frozenset({Stream.DECISIONS, Stream.SETTLEMENTS, Stream.REPORTS})


class MessageKind(StrEnum):
    """What a subscription may ask for: the `type` of a message."""

    DECISION_HELD = "decision.held"
    DECISION_REJECTED = "decision.rejected"
    HOLD_ENDED = "hold.ended"
    REVIEW_REQUESTED = "review.requested"
    REVIEW_ANSWERED = "review.answered"
    REPORT_CLAIMED = "report.claimed"
    REPORT_ACCEPTED = "report.accepted"
    REPORT_REJECTED = "report.rejected"


class HoldCause(StrEnum):
    """What ended a hold."""

    TIME_OVER = "TIME_OVER"
    RELEASED = "RELEASED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    REVISED = "REVISED"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its body is sent byte for byte, however often. `seq` is its event's."""

    webhook_id: str
    kind: MessageKind
    seq: int
    body: bytes


class _Body(msgspec.Struct, frozen=True, gc=False):
    type: str
    timestamp: str
    data: dict[str, Any]


_DECIDED: Final = {
    Outcome.HOLD.value: MessageKind.DECISION_HELD,
    Outcome.REJECT.value: MessageKind.DECISION_REJECTED,
}
_ENDING: Final = {
    FollowUpKind.RELEASED: (HoldCause.RELEASED, Outcome.ALLOW.value),
    FollowUpKind.RETURNED: (HoldCause.RETURNED, Outcome.REJECT.value),
    FollowUpKind.CANCELLED: (HoldCause.CANCELLED, None),
}
_OF_RAIL: Final = {
    SettlementStatus.SETTLED: (HoldCause.SETTLED, Outcome.ALLOW.value),
    SettlementStatus.REJECTED: (HoldCause.REJECTED, Outcome.REJECT.value),
    SettlementStatus.CANCELLED: (HoldCause.CANCELLED, None),
}


def message_of(stored: StoredEvent, log: LogReader) -> Message | None:
    """The message that an event of the log makes; None for what nobody is told of, and for what
    was followed from another log, whose service tells of it.

    `log` says what was decided before. The same event always makes the same bytes.

    Raises:
        Refused: FIELD_TYPE and the like for an event that this release does not read.
    """
    schema = stored.event.schema
    if is_followed(stored.event):
        return None
    if schema == record.SCHEMA:
        return _decided(stored)
    if schema == follow_up.SCHEMA:
        return _followed(stored, log)
    if schema == hold_end.SCHEMA:
        value = value_of(stored.event)
        facts = {"outcome": value.outcome.value, "cause": HoldCause.TIME_OVER.value}
        return _message(stored, MessageKind.HOLD_ENDED, _about(value) | facts)
    if schema == revision.SCHEMA:
        value = value_of(stored.event)
        facts = {"outcome": value.outcome.value, "cause": HoldCause.REVISED.value}
        told = _about(value) | facts | {"reasons": value.reasons}
        return _message(stored, MessageKind.HOLD_ENDED, told)
    if schema == settlement.SCHEMA and stored.event.source == SOURCE:
        return _of_rail(stored, log)
    if schema == review.SCHEMA:
        return _reviewed(stored)
    # What an import tells of is past: nobody is called for that.
    if schema == report.SCHEMA and stored.event.source == SOURCE:
        value = value_of(stored.event)
        kind = MessageKind(f"report.{value.status.value.lower()}")
        told = {"end_to_end_id": value.end_to_end_id, "report_id": value.report_id}
        return _message(stored, kind, told)
    return None


def _decided(stored: StoredEvent) -> Message | None:
    decided = decode_record(stored.event.payload)
    derived = decode_derived(decided.derived)
    kind = _DECIDED.get(derived.outcome)
    if kind is None:
        return None
    hold = derived.hold
    until = None if hold is None else format_rfc3339(hold.until)
    return _message(
        stored,
        kind,
        {
            "end_to_end_id": decided.end_to_end_id,
            "phase": decided.phase,
            "outcome": derived.outcome,
            "reasons": derived.reasons,
            "degraded": decided.given.degraded,
            "hold": None if hold is None else {"until": until, "ends_as": hold.ends_as},
        },
    )


def _followed(stored: StoredEvent, log: LogReader) -> Message | None:
    """A release, a return, or the cancellation of a transfer that was held."""
    value = value_of(stored.event)
    if value.kind not in _ENDING:
        return None
    decided = log.find(decision_event_id(value.end_to_end_id, value.phase.value))
    if decided is None:
        return None
    outcome = decode_derived(decode_record(decided.event.payload).derived).outcome
    if outcome != Outcome.HOLD.value:
        return None
    cause, became = _ENDING[value.kind]
    facts = {"outcome": became, "cause": cause.value}
    return _message(stored, MessageKind.HOLD_ENDED, _about(value) | facts)


def _of_rail(stored: StoredEvent, log: LogReader) -> Message | None:
    """The rail's word on a transfer that was held until then; where both phases hold it, the
    settlement is named.
    """
    value: Settlement = value_of(stored.event)
    found = _OF_RAIL.get(value.status)
    if found is None:
        return None
    for phase in (Phase.SETTLEMENT, Phase.INITIATION):
        decided = log.find(decision_event_id(value.end_to_end_id, phase.value))
        if decided is None or decided.seq > stored.seq:
            continue
        derived = decode_derived(decode_record(decided.event.payload).derived)
        steps = followed(log, value.end_to_end_id, phase.value)
        before = [each.step for each in steps if each.seq < stored.seq]
        now = standing_of(OUTCOMES[derived.outcome], derived.reasons, before)
        if ends_hold(now, RAIL_STEPS[value.status]):
            cause, became = found
            facts = {"outcome": became, "cause": cause.value}
            about = {"end_to_end_id": value.end_to_end_id, "phase": phase.value}
            return _message(stored, MessageKind.HOLD_ENDED, about | facts)
    return None


def _reviewed(stored: StoredEvent) -> Message:
    value = value_of(stored.event)
    kind = MessageKind(f"review.{value.status.value.lower()}")
    told: dict[str, Any] = _about(value) | {"side": value.side.value}
    if value.result is not None:
        told["result"] = value.result.value
    return _message(stored, kind, told)


def _about(value: Any) -> dict[str, Any]:
    return {"end_to_end_id": value.end_to_end_id, "phase": value.phase.value}


def _message(stored: StoredEvent, kind: MessageKind, told: dict[str, Any]) -> Message:
    event = stored.event
    body = _Body(kind.value, format_rfc3339(event.received_at), {"seq": stored.seq} | told)
    return Message(f"evt_{event.event_id.hex()}", kind, stored.seq, msgspec.json.encode(body))
