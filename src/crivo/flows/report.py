"""Reporting a fraud: a claim about a transfer, known from the moment it is received."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from crivo.domain.clock import CLOCK_AHEAD_MAX, ClockKind, LogClock
from crivo.domain.errors import Code, Refused, Unavailable, invalid
from crivo.domain.event import Event, StoredEvent, make_event_id
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import check_instant, format_rfc3339
from crivo.domain.report import SCHEMA, Report, ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.features.row import report_row
from crivo.flows.codec import decode_report, report_fields
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of
from crivo.flows.pending import Pending, resolved
from crivo.flows.ports import LogReader
from crivo.flows.recording import SOURCE

REPORT_FAMILY: Final = "report"

#: Events that are looked through at a time for the reports of one transfer.
READ_EVENTS: Final = 1_000

_REPORTS: Final = frozenset({Stream.REPORTS})


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What the reporter is told: the report stands in the log since `known_at`, at `seq`."""

    report: Report
    known_at: int
    seq: int


def report_event_id(report_id: str) -> bytes:
    """The identity of a report that came through the door."""
    return make_event_id(REPORT_FAMILY, SOURCE, report_id)


class ReportService:
    """Takes reports, on the thread of its `DecisionService`, whose state it folds them into."""

    def __init__(self, decisions: DecisionService) -> None:
        self._decisions: Final = decisions
        self._log: Final = decisions.log
        self._waiting: Final[dict[str, tuple[Report, Pending[ReportAnswer]]]] = {}

    def report(
        self,
        *,
        report_id: str,
        status: ReportStatus,
        end_to_end_id: str,
        supplied_received_at: int | None = None,
        reviewer: str | None = None,
        caller: str | None = None,
    ) -> Pending[ReportAnswer]:
        """The report as it was taken, when the log has it on disk; a repeat gets the same.

        The transfer's facts are filled in from its decision or its history. Whoever repeats a
        report, its first `reviewer` and `caller` (whose key or token told it) stand.

        Raises:
            Refused: NOT_FOUND where the transfer is unknown, CONFLICT where the report id stands
                for other facts, ID_INVALID, TIME_RANGE.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        end_to_end_id_minute(end_to_end_id)
        transfer = require_transfer(self._decisions, end_to_end_id)
        report = claim_of(
            transfer, report_id=report_id, status=status, reviewer=reviewer, caller=caller
        )
        waiting = self._waiting.get(report_id)
        if waiting is not None:
            check_same_claim(waiting[0], report)
            return waiting[1]
        stored = self._log.find(report_event_id(report_id))
        return (
            self._first(report, supplied_received_at)
            if stored is None
            else self._again(stored, report)
        )

    def _first(self, report: Report, supplied: int | None) -> Pending[ReportAnswer]:
        event = report_event(report, self._decisions.clock, supplied)
        known_at = event.received_at
        pending: Pending[ReportAnswer] = Pending()
        self._waiting[report.report_id] = (report, pending)
        places: list[int] = []

        def done(failure: Exception | None) -> None:
            self._waiting.pop(report.report_id, None)
            if failure is None:
                pending.resolve(ReportAnswer(report, known_at, places[0]))
            else:
                pending.fail(failure)

        row = report_row(report, received_at=known_at, event_id=event.event_id)
        places.append(self._decisions.folded)
        try:
            self._decisions.append(event, [row], done)
        except (Refused, Unavailable):
            del self._waiting[report.report_id]
            raise
        return pending

    def _again(self, stored: StoredEvent, report: Report) -> Pending[ReportAnswer]:
        first = decode_report(stored.event.payload)
        check_same_claim(first, report)
        if stored.seq >= self._log.end():
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                "the report is taken, and not yet on disk",
                hint="The log retries by itself; send the same again in a moment.",
            )
        return resolved(ReportAnswer(first, stored.event.received_at, stored.seq))


def claim_of(
    transfer: Transfer,
    *,
    report_id: str,
    status: ReportStatus,
    reviewer: str | None = None,
    caller: str | None = None,
) -> Report:
    """The report of a transfer, with the facts that the door fills in."""
    return Report(
        report_id=report_id,
        status=status,
        end_to_end_id=transfer.end_to_end_id,
        payer_id=transfer.payer_id,
        payee_id=transfer.payee_id,
        amount_centavos=transfer.amount_centavos,
        transfer_occurred_at=transfer.occurred_at,
        reviewer=reviewer,
        caller=caller,
    )


def told_at(clock: LogClock, supplied: int | None, *, transfer_at: int, hint: str = "") -> int:
    """When something is told of a transfer: now, or as supplied where the log's clock takes it.

    Raises:
        Refused: TIME_RANGE where it would be before the transfer was made.
    """
    if supplied is not None:
        check_instant(supplied, field="received_at")
    is_supplied = clock.kind is ClockKind.REPLAY and supplied is not None
    at = supplied if is_supplied and supplied is not None else clock.now()
    if at < transfer_at - CLOCK_AHEAD_MAX:
        raise invalid(
            Code.TIME_RANGE,
            field="received_at",
            expected=f"after {format_rfc3339(transfer_at)}, when it was made",
            found=format_rfc3339(at),
            hint=hint,
        )
    return at


def report_event(report: Report, clock: LogClock, supplied: int | None) -> Event:
    """The event of a report that is new: known from its receipt on, by the log's clock.

    Raises:
        Refused: TIME_RANGE where it would be known before its transfer was made.
    """
    known_at = told_at(
        clock,
        supplied,
        transfer_at=report.transfer_occurred_at,
        hint="A report becomes known after its transfer.",
    )
    known_at = clock.stamp(occurred_at=known_at, supplied=known_at)
    return event_of(report, occurred_at=known_at, received_at=known_at, source=SOURCE)


def require_transfer(decisions: DecisionService, end_to_end_id: str) -> Transfer:
    """The transfer of an id, from its decision or its history.

    Raises:
        Refused: NOT_FOUND.
    """
    return check_known(decisions.find_transfer(end_to_end_id), end_to_end_id)


def check_known(transfer: Transfer | None, end_to_end_id: str) -> Transfer:
    """The transfer that was found under an id.

    Raises:
        Refused: NOT_FOUND where none was.
    """
    if transfer is None:
        raise Refused(
            Code.NOT_FOUND,
            "no transfer of this EndToEndId is known here",
            hint="Report the id that was sent for decision, or import its history first.",
            field="end_to_end_id",
            expected="the id of a known transfer",
            found=end_to_end_id,
        )
    return transfer


def reports_of(
    log: LogReader, end_to_end_id: str, *, start: int
) -> Iterator[tuple[StoredEvent, Report]]:
    """The durable reports of a transfer from that number on, each with its event, in their order.

    A report has an id of whoever sent it, and none leads there from its transfer: every report of
    the stretch is looked at.

    Raises:
        Refused: as `decode_report`.
    """
    while found := log.read(start=start, limit=READ_EVENTS, streams=_REPORTS):
        for stored in found:
            if stored.event.schema != SCHEMA:
                continue
            if report_fields(stored.event.payload).end_to_end_id == end_to_end_id:
                yield stored, decode_report(stored.event.payload)
        start = found[-1].seq + 1


def check_same_claim(first: Report, repeat: Report) -> None:
    """Nothing, if a report repeats the claim that came first under its id, whoever repeats it.

    Raises:
        Refused: CONFLICT.
    """
    if first != replace(repeat, reviewer=first.reviewer, caller=first.caller):
        raise Refused(
            Code.CONFLICT,
            "this report id was used for another claim",
            hint="A repeat carries the same claim; another claim carries another id.",
            field="report_id",
            expected="the claim that came first under this id",
            found="another",
        )
