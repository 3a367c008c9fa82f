"""The inbox: what outsiders produced, judged as over HTTP, as events that the log has not yet.

Judging changes nothing in the log, so that it may be done again: what was appended meanwhile is a
repeat then. On a replay clock it moves that clock, so that a report which brings no receipt may
have a later one when it is judged again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from crivo.decision.record import decision_event_id, decode_record, transfer_of
from crivo.domain.clock import LogClock
from crivo.domain.errors import Refused
from crivo.domain.event import Event, StoredEvent, transfer_event_id
from crivo.domain.fields import check_printable
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.flows.answers import check_same_facts
from crivo.flows.appending import known_transfer
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of, value_of
from crivo.flows.fold import fold_rows
from crivo.flows.ports import EventFinder, Log
from crivo.flows.receiving import check_supplied, imported, receive
from crivo.flows.repeats import check_settlement
from crivo.flows.report import (
    check_known,
    check_same_claim,
    claim_of,
    report_event,
    report_event_id,
)
from crivo.flows.same_party import check_same_party, find_in
from crivo.flows.telling import check_same_event, told_event
from crivo.flows.verdicts import check_no_verdict
from crivo.governance.pseudonym import Pseudonymiser

#: Which door transfers of the inbox come through. What else comes has ids under the name of the
#: HTTP door, so that both tell of one login, and of the steps of one list entry.
SOURCE: Final = "inbox"

#: An event that a door holds itself is asked for what it says, and not for its place.
_NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class AskedTransfer:
    """A transfer that awaits a decision, the receipt it supplies, its identity part in clear."""

    transfer: Transfer
    supplied: int | None = None
    identity: bytes | None = None


@dataclass(frozen=True, slots=True)
class AskedReport:
    """A claim that a transfer was fraud."""

    report_id: str
    status: ReportStatus
    end_to_end_id: str
    supplied: int | None = None


@dataclass(frozen=True, slots=True)
class AskedEvent:
    """An event beside transfers and reports: its schema's name, and its fields by theirs."""

    schema: str
    document: object
    supplied: int | None = None


Asked = AskedTransfer | AskedReport | AskedEvent


class Became(StrEnum):
    """What became of a record that was not refused."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of each record once the log has `fresh`: the events of those to be appended."""

    became: list[Became | Refused]
    fresh: list[Event]


class _Together:
    """The log with what is about to be appended to it."""

    def __init__(self, log: Log) -> None:
        self._log: Final = log
        self.fresh: Final[dict[bytes, Event]] = {}

    def find(self, event_id: bytes) -> StoredEvent | None:
        """As `EventFinder`."""
        event = self.fresh.get(event_id)
        if event is None:
            return self._log.find(event_id)
        return StoredEvent(_NOWHERE, _NOWHERE, _NOWHERE, event)


class Door:
    """Judges what came to the inbox, one after the other, each with those before it known.

    Args:
        log: The log, as its writer.
        pseudonyms: What makes pseudonyms of raw ids.
        clock: The log's.
    """

    def __init__(self, log: Log, pseudonyms: Pseudonymiser, clock: LogClock) -> None:
        self._log: Final = log
        self._pseudonyms: Final = pseudonyms
        self._clock: Final = clock

    def judge(self, asked: Sequence[Asked | Refused]) -> Judged:
        """What becomes of each; one that could not even be read is among them with its refusal.

        A repeat of what the log holds, or of one before it, is a duplicate; with other facts under
        its id it is refused as CONFLICT.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the log does not tell what came first under an id.
        """
        before = _Together(self._log)
        became: list[Became | Refused] = []
        for each in asked:
            try:
                event = self._event(each, before)
            except Refused as refusal:
                became.append(refusal)
                continue
            if event is None:
                became.append(Became.DUPLICATE)
            else:
                before.fresh[event.event_id] = event
                became.append(Became.APPENDED)
        return Judged(became, list(before.fresh.values()))

    def _event(self, asked: Asked | Refused, before: EventFinder) -> Event | None:
        """The event of what is new; None for a repeat.

        Raises:
            Refused: for what is neither.
        """
        match asked:
            case Refused():
                raise asked
            case AskedTransfer():
                return self._transfer(asked, before)
            case AskedReport():
                return self._report(asked, before)
            case AskedEvent():
                return self._told(asked, before)

    def _transfer(self, asked: AskedTransfer, before: EventFinder) -> Event | None:
        transfer = asked.transfer
        check_supplied(self._clock, asked.supplied)
        # First: a repeat is none, however long ago the first came.
        if _is_repeat(before, transfer):
            return None
        event = event_of(
            transfer,
            occurred_at=transfer.occurred_at,
            received_at=receive(self._clock, transfer, asked.supplied),
            source=SOURCE,
            stream=Stream.TRANSFERS,
        )
        return event if asked.identity is None else event._replace(sealed=asked.identity)

    def _report(self, asked: AskedReport, before: EventFinder) -> Event | None:
        check_printable(asked.report_id, field="report_id")
        check_no_verdict(asked.report_id)
        check_supplied(self._clock, asked.supplied)
        end_to_end_id_minute(asked.end_to_end_id)
        transfer = check_known(known_transfer(before, asked.end_to_end_id), asked.end_to_end_id)
        report = claim_of(transfer, report_id=asked.report_id, status=asked.status)
        stored = before.find(report_event_id(asked.report_id))
        if stored is not None:
            check_same_claim(decode_report(stored.event.payload), report)
            return None
        return report_event(report, self._clock, asked.supplied)

    def _told(self, asked: AskedEvent, before: EventFinder) -> Event | None:
        check_supplied(self._clock, asked.supplied)
        value, event = told_event(
            asked.schema,
            asked.document,
            self._pseudonyms,
            clock=self._clock,
            find_transfer=partial(known_transfer, before),
            supplied=asked.supplied,
        )
        stored = before.find(event.event_id)
        if stored is not None:
            check_same_event(value_of(stored.event), value)
            return None
        check_same_party(find_in(before), event, value)
        return event


class InboxService:
    """Takes what came to the inbox, on the thread of a `DecisionService`, whose state it folds it
    into.
    """

    def __init__(self, decisions: DecisionService, pseudonyms: Pseudonymiser) -> None:
        self._decisions: Final = decisions
        self._door: Final = Door(decisions.log, pseudonyms, decisions.clock)

    def take(self, asked: Sequence[Asked | Refused]) -> tuple[list[Became | Refused], int]:
        """What becomes of each, and up to which number the log must be durable for that.

        A duplicate may be one of an event that waits for the disk still.

        Raises:
            Unavailable: LOG_UNAVAILABLE, OVERLOADED: none of them is taken then.
        """
        decisions, fresh = self._decisions, (judged := self._door.judge(asked)).fresh
        if fresh:
            place = decisions.folded
            rows = fold_rows(
                [StoredEvent(place + at, -1, -1, each) for at, each in enumerate(fresh)]
            )
            # After a failure the log writes the same bytes again by itself.
            decisions.append_all(fresh, rows, lambda _failure: None)
        return judged.became, decisions.folded


def _is_repeat(before: EventFinder, transfer: Transfer) -> bool:
    """Whether the transfer waits for its decision already, or was decided.

    Raises:
        Refused: CONFLICT where its id is another transfer's, in either phase, or was imported.
    """
    id_ = transfer.end_to_end_id
    stored = before.find(transfer_event_id(id_)) or before.find(decision_event_id(id_))
    if stored is None:
        check_settlement(before, transfer)
        return False
    event = stored.event
    match event.stream:
        case Stream.HISTORY:
            raise imported(transfer)
        case Stream.TRANSFERS:
            first = decode_transfer(event.payload)
        case _:
            first = transfer_of(decode_record(event.payload))
    check_same_facts(first, transfer)
    return True
