"""Recording: the event and the answer of a decision, from what was judged."""

from __future__ import annotations

from typing import Final

from crivo.decision.outcome import OUTCOMES
from crivo.decision.reasons import REASON_CODES
from crivo.decision.record import (
    INITIATION,
    SCHEMA,
    WORKER,
    Given,
    Versions,
    decision_event_id,
    encode_derived,
    encode_record,
)
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer
from crivo.flows.judging import Judge, Judged

SOURCE: Final = "http"


def record(
    transfer: Transfer,
    judged: Judged,
    *,
    received_at: int,
    place: int,
    log_id: str,
    versions: Versions,
    identity: bytes | None,
    phase: str = INITIATION,
    source: str = SOURCE,
    caller: str | None = None,
) -> tuple[Event, Answer]:
    """The event of a decision that will stand at `place` of the log, and what the caller is told.

    It had seen the log's events before that place. The log seals `identity`; `caller` is whose key
    or token asked. A worker's decision answers the transfer at that place, and is no attempt
    itself.
    """
    derived, degraded, sums = judged.derived, judged.degraded, judged.sums
    lists = tuple([hit.text for hit in judged.listed]) if judged.listed else ()
    reasons = tuple([REASON_CODES[code] for code in derived.reasons]) if derived.reasons else ()
    id_, occurred_at = transfer.end_to_end_id, transfer.occurred_at
    payload = encode_record(
        transfer,
        given=Given(place - 1, log_id, versions, degraded, lists, sums),
        derived=encode_derived(derived),
        observed=judged.observed,
        kept=judged.kept,
        phase=phase,
        in_place=source != WORKER,
        caller=caller,
    )
    event = Event(
        Stream.DECISIONS,
        transfer.payer_id,
        decision_event_id(id_, phase),
        occurred_at,
        received_at,
        SCHEMA,
        source,
        payload,
        identity,
    )
    answer = Answer(
        id_,
        phase,
        OUTCOMES[derived.outcome],
        derived.score,
        reasons,
        versions,
        as_of=place - 1,
        seq=place,
        occurred_at=occurred_at,
        received_at=received_at,
        degraded=degraded,
        hold=derived.hold,
        lists=lists,
        sums=sums,
    )
    return event, answer


class Recorder:
    """Records what a judge judged, in the log of this id, by the versions that judge just now."""

    def __init__(self, judge: Judge, log_id: str) -> None:
        self._judge: Final = judge
        self._log_id: Final = log_id

    def __call__(
        self,
        transfer: Transfer,
        received_at: int,
        judged: Judged,
        place: int,
        identity: bytes | None,
        caller: str | None = None,
        phase: str = INITIATION,
    ) -> tuple[Event, Answer]:
        """As `record`."""
        return record(
            transfer,
            judged,
            received_at=received_at,
            place=place,
            log_id=self._log_id,
            versions=self._judge.bundle.versions,
            identity=identity,
            phase=phase,
            caller=caller,
        )
