"""Verdicts: what a person found of a decision, and which decisions wait for one.

A verdict is a report under an id of its own, so that training knows it as it knows every label.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.decision.record import INITIATION
from crivo.domain.errors import Code, invalid
from crivo.domain.report import ReportStatus
from crivo.flows.decision_index import DecisionIndex, DecisionQuery, IndexedDecision
from crivo.flows.ports import LogReader
from crivo.flows.report import report_event_id

#: What a person is asked about: the payer was made to wait, or stopped.
OUTCOMES: Final = (Outcome.STEP_UP, Outcome.HOLD, Outcome.REJECT)

#: The newest decisions of each outcome that are looked through, and how many wait at most.
LOOKED_MAX: Final = 200
WAITING_MAX: Final = 50


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
    return f"verdict/{end_to_end_id}"


def waiting_for_verdict(index: DecisionIndex, log: LogReader) -> list[IndexedDecision]:
    """Decisions that stopped or delayed somebody and have no verdict, the riskiest first.

    Raises:
        Unavailable: INDEX_UNAVAILABLE.
    """
    found = [
        each
        for outcome in OUTCOMES
        for each in index.search(DecisionQuery(outcome=outcome.value, limit=LOOKED_MAX))
        if each.phase == INITIATION
    ]
    ids = {
        each.end_to_end_id: report_event_id(verdict_report_id(each.end_to_end_id)) for each in found
    }
    judged = log.known(list(ids.values()))
    waiting = [each for each in found if ids[each.end_to_end_id] not in judged]
    waiting.sort(key=lambda each: (-each.score, -each.seq))
    return waiting[:WAITING_MAX]
