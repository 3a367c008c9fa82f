"""What the door needs from behind it, and its own limits. Bootstrap hands both in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from crivo.adapters.http.bodies import ReportClaim
from crivo.decision.record import Record
from crivo.domain.report import Report
from crivo.domain.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Answered:
    """A durable decision: its record, when it was received, and whether it had been made before.

    `stages` gives seconds by stage, and is empty for a repeat.
    """

    record: Record
    received_at: int
    repeat: bool
    stages: Mapping[str, float]


#: Called once, on the event loop, when the outcome of a submission is known.
DecisionDone = Callable[[Answered | Exception], None]
ReportDone = Callable[[Exception | None], None]


class DecisionDoor(Protocol):
    """Decides transfers and takes reports; every method returns at once and answers by callback."""

    def decide(self, transfer: Transfer, supplied: int | None, done: DecisionDone) -> None:
        """Calls `done` when the decision is on disk, or will not be.

        Raises:
            Refused: CONFLICT, ID_TIME, CLOCK_AHEAD, MODEL_NOT_FOR_TRANSFERS.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        ...

    def report(self, claim: ReportClaim, done: ReportDone) -> tuple[Report, int]:
        """The report with its transfer's facts and its `known_at`; durable when `done` is called.

        Raises:
            Refused: NOT_FOUND where neither the log nor the claim has the facts, CONFLICT.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        ...

    def recent(self, end_to_end_id: str) -> Answered | None:
        """A durable decision of the last minute, from memory."""
        ...

    def stored(self, end_to_end_id: str) -> Answered | None:
        """A decision from the table of decisions; reads a file."""
        ...


class Predictor(Protocol):
    """The served model."""

    @property
    def model_hash(self) -> str:
        """The artifact's hash."""
        ...

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs in the model's order."""
        ...

    def scores(self, rows: Sequence[Sequence[float]]) -> list[int]:
        """One score of 10⁻⁹ a row."""
        ...

    def card(self) -> Mapping[str, object]:
        """What `GET /v1/model` says: kind, hashes, signature, training metadata."""
        ...


class Telemetry(Protocol):
    """What the door tells of itself."""

    media_type: str

    def answered(self, route: str, status: int, code: str) -> None: ...
    def failed(self, route: str) -> None: ...
    def flying(self, requests: int) -> None: ...
    def decided(
        self, outcome: str, degraded: Sequence[str], stages: Mapping[str, float]
    ) -> None: ...
    def decision_answered(self, seconds: float, *, repeat: bool) -> None: ...
    def reported(self, status: str) -> None: ...
    def predicted(self, rows: int) -> None: ...
    def render(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the door takes at most; each has a setting of the same name."""

    decision_bytes_max: int
    predict_bytes_max: int
    predict_rows_max: int
    in_flight_max: int
    body_seconds_max: float
    answer_seconds_max: float
