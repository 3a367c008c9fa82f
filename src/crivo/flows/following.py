"""What followed a decision: the events of its id and phase, found by their identities.

There are few kinds, each follows once, and its identity is made of id, phase and kind. So nothing
has to be kept beside the log to find them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crivo.decision import follow_up, hold_end, revision
from crivo.decision.follow_up import FollowUpKind
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import Outcome
from crivo.decision.revision import DecisionRevised
from crivo.decision.standing import Step
from crivo.domain import settlement
from crivo.domain.event import RAIL_SOURCE, StoredEvent, make_event_id
from crivo.domain.settlement import SettlementStatus
from crivo.flows.event_body import CALLER
from crivo.flows.event_of import value_of
from crivo.flows.ports import LogReader
from crivo.flows.schemas import BY_NAME

#: What the rail did, by the step that its status is. A return has ids of its own: where it ends a
#: block, a follow-up says so.
RAIL_STEPS: Final[Mapping[SettlementStatus, Step]] = {
    SettlementStatus.SETTLED: Step.SETTLED,
    SettlementStatus.REJECTED: Step.REJECTED,
    SettlementStatus.CANCELLED: Step.ORDER_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Followed:
    """One event that followed a decision. `outcome` is what a hold became; None for other events.

    `step` is how it moved the transfer, for a revision the outcome that it gave; `seq` its place in
    the log; `caller` whose key or token told it, None where nobody did or it was not kept.
    """

    name: str
    step: Step | Outcome
    occurred_at: int
    received_at: int
    seq: int
    outcome: str | None = None
    caller: str | None = None


def followed(log: LogReader, end_to_end_id: str, phase: str) -> tuple[Followed, ...]:
    """What followed the decision of an id and phase, in the order of the log.

    The writer also finds what is sequenced and not yet on disk (`seq` ≥ `log.end()`).
    """
    ids = _ids(end_to_end_id, phase)
    known = log.known(ids)
    found = [stored for each in ids if each in known and (stored := log.find(each)) is not None]
    return tuple(_followed(stored) for stored in sorted(found, key=lambda each: each.seq))


def _ids(end_to_end_id: str, phase: str) -> list[bytes]:
    """The identities of everything that may follow: the rail's are the same in both phases."""
    decided = f"{end_to_end_id}/{phase}"
    own = {
        hold_end.SCHEMA: (decided,),
        revision.SCHEMA: (decided,),
        follow_up.SCHEMA: tuple(f"{decided}/{kind}" for kind in FollowUpKind),
        settlement.SCHEMA: tuple(f"{end_to_end_id}/{status}" for status in RAIL_STEPS),
    }
    return [
        make_event_id(BY_NAME[schema].family, RAIL_SOURCE, id_)
        for schema, each in own.items()
        for id_ in each
    ]


def _followed(stored: StoredEvent) -> Followed:
    event = stored.event
    value: Any = value_of(event)
    name, step, outcome = _named(event.schema, value)
    caller = getattr(value, CALLER, None)
    return Followed(name, step, event.occurred_at, event.received_at, stored.seq, outcome, caller)


def _named(schema: str, value: Any) -> tuple[str, Step | Outcome, str | None]:
    if schema == settlement.SCHEMA:
        return value.status.value.lower(), RAIL_STEPS[value.status], None
    if isinstance(value, DecisionRevised):
        return "revised", value.outcome, value.outcome.value
    if isinstance(value, HoldEnd):
        is_paid = value.outcome is Outcome.ALLOW
        step = Step.HOLD_PAID if is_paid else Step.HOLD_REJECTED
        return "hold_end", step, value.outcome.value
    return value.kind.value, Step(value.kind.value), None
