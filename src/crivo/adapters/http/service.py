"""What the door stands on: flows, its own limits, and whom it tells. Bootstrap hands them in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from crivo.adapters.http.auth import ApiKeys, PageAccess
from crivo.adapters.http.feed import Feed
from crivo.domain.phase import Phase
from crivo.flows.answers import Answer
from crivo.flows.decide import DecisionService
from crivo.flows.decision_index import DecisionIndex
from crivo.flows.erase import PrivacyService
from crivo.flows.explain import Explainer
from crivo.flows.follow_up import FollowUpService
from crivo.flows.judged_scores import JudgedScores
from crivo.flows.ledger_proof import Proof
from crivo.flows.report import ReportService
from crivo.flows.review import ReviewService
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.telling import TellingService
from crivo.flows.webhook_deliveries import Deliveries
from crivo.governance.pseudonym import Pseudonymiser


class Telemetry(Protocol):
    """What the door tells of itself."""

    @property
    def media_type(self) -> str:
        """The media type of `render`."""
        ...

    def answered(self, route: str, status: int, code: str) -> None:
        """A request got its answer; `code` is empty where nothing was refused."""
        ...

    def refused(self, code: str) -> None:
        """A transfer of a batch was refused; the request itself was answered."""
        ...

    def failed(self, route: str) -> None:
        """An unexpected exception ended a request."""
        ...

    def decisions_answered(
        self, seconds: float, log_seconds: float, *, decisions: int, repeats: int
    ) -> None:
        """So many decisions, of them repeats, left the door together, and how long they waited for
        the disk.
        """
        ...

    def reported(self, status: str) -> None:
        """A report was accepted."""
        ...

    def told(self, schema: str) -> None:
        """An event beside transfers and reports was accepted."""
        ...

    def reviewed(self, status: str) -> None:
        """A review was asked for or answered."""
        ...

    def followed_up(self, event: str) -> None:
        """What became of a decision was told."""
        ...

    def predicted(self, rows: int) -> None:
        """Rows were scored without a transfer."""
        ...

    def render(self) -> bytes:
        """Everything told so far, for a scraper."""
        ...


class Traces(Protocol):
    """Who follows decisions and batches through the door."""

    def answered(
        self, route: str, parent: bytes | None, answer: Answer, instants_ns: tuple[int, ...]
    ) -> None:
        """A decision left; its caller named `parent` (W3C `traceparent`), or nothing.

        `instants_ns` says when it arrived, was sequenced, durable and answered.
        """
        ...

    def batch_answered(
        self,
        route: str,
        parent: bytes | None,
        first: str,
        counts: tuple[int, int],
        instants_ns: tuple[int, ...],
    ) -> None:
        """A batch left whose first answer is of the id `first`: so many were answered and refused;
        `parent` and `instants_ns` as of one decision.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the door takes at most; each has a setting of the same name."""

    decision_bytes_max: int
    batch_bytes_max: int
    batch_max: int
    predict_bytes_max: int
    predict_rows_max: int
    in_flight_max: int
    body_seconds_max: float
    answer_seconds_max: float
    rate_max: float | None
    key_rate_max: float | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the door stands on. `keys` is None where no key is asked for, `deliveries` where
    no webhooks are set.

    `prove` gives the checked proof that the decision of a phase is in the ledger, `judged` the
    scores of the rows that the serving model was judged by, None where they are not here.
    `is_ready` says whether transfers are taken, `check_log` raises where the log takes nothing;
    `running` is entered before the first request and left after the last one. `settle` tells those
    whose events are on disk by now. `monotonic_ns` is the clock of deadlines and latencies.
    """

    decisions: DecisionService
    settlement_phase: SettlementPhase
    index: DecisionIndex
    reports: ReportService
    telling: TellingService
    reviews: ReviewService
    privacy: PrivacyService
    follow_ups: FollowUpService
    explainer: Explainer
    prove: Callable[[str, Phase], Proof]
    judged: Callable[[], JudgedScores | None]
    deliveries: Deliveries | None
    pseudonyms: Pseudonymiser
    keys: ApiKeys | None
    page: PageAccess
    feed: Feed
    telemetry: Telemetry
    traces: Traces | None
    limits: Limits
    is_ready: Callable[[], bool]
    check_log: Callable[[], None]
    running: Callable[[], AbstractAsyncContextManager[None]]
    settle: Callable[[], None]
    monotonic_ns: Callable[[], int]
    now: Callable[[], int]
    version: str
