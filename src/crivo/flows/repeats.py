"""Repeats: what was asked before under an id gets the first answer, and other facts a conflict."""

from __future__ import annotations

from crivo.decision.record import decision_event_id, decode_record, transfer_of
from crivo.domain.event import StoredEvent
from crivo.domain.phase import Phase
from crivo.domain.transfer import Transfer
from crivo.flows.answers import (
    SHARED_FACTS,
    Answer,
    Memory,
    answer_of_stored,
    check_same_facts,
    not_durable,
)
from crivo.flows.pending import Pending, resolved
from crivo.flows.ports import EventFinder, Log


def repeat(memory: Memory, log: Log, transfer: Transfer) -> Pending[Answer] | None:
    """The answer to a transfer whose id is remembered; None for one that is new to the memory.

    Raises:
        Refused: CONFLICT where the id was decided with other facts.
        Unavailable: LOG_UNAVAILABLE while the first answer is not on disk.
    """
    decided = memory.recent(transfer.end_to_end_id)
    if decided is None:
        place = memory.place(transfer.end_to_end_id)
        if place is None:
            return None
        if place >= log.end():
            # Another service's, which is followed: the log reads nothing that may yet be lost.
            raise not_durable()
        return repeat_of(log, log.read(start=place, limit=1)[0], transfer)
    check_same_facts(decided.transfer, transfer)
    if decided.pending is not None:
        return decided.pending
    if decided.answer.seq >= log.end():
        raise not_durable()
    decided.pending = resolved(decided.answer)
    return decided.pending


def repeat_of(log: Log, stored: StoredEvent, transfer: Transfer) -> Pending[Answer]:
    """The answer that stands in the log under the transfer's id.

    Raises:
        As `repeat`.
    """
    check_same_facts(transfer_of(decode_record(stored.event.payload)), transfer)
    if stored.seq >= log.end():
        raise not_durable()
    return resolved(answer_of_stored(stored))


def check_settlement(log: EventFinder, transfer: Transfer) -> None:
    """Nothing, unless the settlement phase of this id was decided as another transfer's.

    Raises:
        Refused: CONFLICT.
    """
    stored = log.find(decision_event_id(transfer.end_to_end_id, Phase.SETTLEMENT))
    if stored is not None:
        settled = transfer_of(decode_record(stored.event.payload))
        check_same_facts(settled, transfer, names=SHARED_FACTS)
