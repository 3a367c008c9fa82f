"""Verdicts: what a person found of a decision, and which decisions wait for one.

A verdict is a report under an id of its own, so that training knows it as it knows every label.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.decision.record import INITIATION
from crivo.domain.errors import Code, invalid
from crivo.domain.event import StoredEvent
from crivo.domain.report import Report, ReportStatus
from crivo.flows.codec import decode_report
from crivo.flows.decision_index import DecisionIndex, DecisionQuery, IndexedDecision
from crivo.flows.ports import LogReader
from crivo.flows.report import report_event_id

#: What a person is asked about: the payer was made to wait, or stopped.
OUTCOMES: Final = (Outcome.STEP_UP, Outcome.HOLD, Outcome.REJECT)

#: What the ids of verdicts begin with, and those of no other report.
_VERDICTS: Final = "verdict/"

_STOPPING: Final = frozenset(outcome.value for outcome in OUTCOMES)

#: Decisions that a page of the queue holds, that are read at a time of each outcome, and that are
#: looked through for a page: where most have a verdict, it may be short and still not be the last.
PAGE: Final = 50
READ: Final = 200
LOOKED_MAX: Final = 6_000


class Verdict(StrEnum):
    """What a person found."""

    FRAUD = "fraud"
    LEGITIMATE = "legitimate"

    @property
    def status(self) -> ReportStatus:
        """What that makes of the claim."""
        is_fraud = self is Verdict.FRAUD
        return ReportStatus.ACCEPTED if is_fraud else ReportStatus.REJECTED


def parse_verdict(text: str) -> Verdict:
    """The verdict of this name.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        return Verdict(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="verdict", expected=" or ".join(Verdict), found=text[:80]
        ) from None


def verdict_report_id(end_to_end_id: str) -> str:
    """The id of the report that a verdict is: a decision has one."""
    return _VERDICTS + end_to_end_id


def verdict_of(log: LogReader, end_to_end_id: str) -> tuple[StoredEvent, Report] | None:
    """The durable verdict on a transfer with its event; None where nobody gave one.

    Raises:
        Refused: as `decode_report`.
    """
    stored = log.find(report_event_id(verdict_report_id(end_to_end_id)))
    if stored is None or stored.seq >= log.end():
        return None
    return stored, decode_report(stored.event.payload)


def is_verdict(report_id: str) -> bool:
    """Whether a report of this id is a verdict."""
    return report_id.startswith(_VERDICTS)


def check_verdict(report_id: str, end_to_end_id: str, status: ReportStatus) -> None:
    """Nothing, if a report of a verdict's id is that decision's, and says what was found.

    Raises:
        Refused: FIELD_VALUE.
    """
    own = verdict_report_id(end_to_end_id)
    if report_id != own:
        raise invalid(Code.FIELD_VALUE, field="report_id", expected=own, found=report_id)
    found = [verdict.status for verdict in Verdict]
    if status not in found:
        expected = f"of a verdict {' or '.join(found)}"
        raise invalid(Code.FIELD_VALUE, field="status", expected=expected, found=status)


def check_no_verdict(report_id: str) -> None:
    """Nothing, unless the id is one of a verdict: a person gives those, on the page or over HTTP.

    Raises:
        Refused: FIELD_VALUE.
    """
    if is_verdict(report_id):
        raise invalid(
            Code.FIELD_VALUE,
            field="report_id",
            expected=f"an id that does not begin with {_VERDICTS}: an analyst gives verdicts, on "
            "the page or over HTTP",
            found=report_id,
        )


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page of the queue, its riskiest first, and the `before` of the next; None on the last."""

    waiting: list[IndexedDecision]
    before: int | None


def waiting_for_verdict(
    index: DecisionIndex, log: LogReader, *, before: int | None = None
) -> WaitingPage:
    """Decisions that stopped or delayed somebody and have no verdict: the newest below `before`.

    Pages that follow each other hold each such decision once.

    Raises:
        Unavailable: INDEX_UNAVAILABLE.
    """
    waiting: list[IndexedDecision] = []
    looked = 0
    while True:
        stretch, before = _stretch(index, before)
        looked += len(stretch)
        waiting += _unjudged(stretch, index, log)
        if len(waiting) > PAGE:
            # What did not fit is read again by the next page.
            del waiting[PAGE:]
            before = waiting[-1].seq
        if before is None or len(waiting) == PAGE or looked >= LOOKED_MAX:
            waiting.sort(key=lambda each: (-each.score, -each.seq))
            return WaitingPage(waiting, before)


def _stretch(index: DecisionIndex, before: int | None) -> tuple[list[IndexedDecision], int | None]:
    """The newest decisions of all outcomes below `before`, the newest first, and what is next.

    Of an outcome with more than were read nothing below its last one is known, so the stretch ends
    at the latest of these.
    """
    read = [
        index.search(DecisionQuery(outcome=outcome.value, before=before, limit=READ))
        for outcome in OUTCOMES
    ]
    ends = [found[-1].seq for found in read if len(found) == READ]
    least = max(ends, default=None)
    found = [each for one in read for each in one if least is None or each.seq >= least]
    return sorted(found, key=lambda each: -each.seq), least


def _unjudged(
    decisions: list[IndexedDecision], index: DecisionIndex, log: LogReader
) -> list[IndexedDecision]:
    """Those that a person is asked about, and that nobody gave a verdict on.

    A transfer is asked about once: by its settlement where that alone stopped somebody.
    """
    asked = {
        report_event_id(verdict_report_id(each.end_to_end_id)): each
        for each in decisions
        if each.phase == INITIATION or not _stopped_before(each, index)
    }
    judged = log.known(list(asked))
    return [each for event_id, each in asked.items() if event_id not in judged]


def _stopped_before(settlement: IndexedDecision, index: DecisionIndex) -> bool:
    """Whether the initiation of the same transfer is asked about already."""
    initiation = index.get(settlement.end_to_end_id)
    return initiation is not None and initiation.outcome in _STOPPING
