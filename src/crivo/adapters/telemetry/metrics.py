"""The catalogue of metrics: each figure the service tells, with type, unit, labels and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from crivo.flows.noted import Seen


class Kind(StrEnum):
    """What a figure may do: only grow, move freely, or spread over fixed edges."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue. A histogram's edges are upper bounds in its unit."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


#: 100 µs to 5 s: fine around the 10 ms that an answer may take.
LATENCY_SECONDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
)  # fmt: skip

#: 5 µs to 100 ms: what one stage inside a decision may take.
STAGE_SECONDS: Final = (
    0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.1,
)  # fmt: skip

GROUP_EVENTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

REQUESTS: Final = Metric(
    "crivo_http_requests_total",
    Kind.COUNTER,
    "requests",
    "Requests answered, by route, status and error code (empty where there was none).",
    ("route", "status", "code"),
)
IN_FLIGHT: Final = Metric(
    "crivo_http_requests_in_flight",
    Kind.GAUGE,
    "requests",
    "Requests to the hot routes that are being answered now.",
)
DECISION_LATENCY: Final = Metric(
    "crivo_decision_latency_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From the first byte read of a transfer to its answer, durable log included.",
    edges=LATENCY_SECONDS,
)
STAGE_LATENCY: Final = Metric(
    "crivo_decision_stage_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "Time of one stage of a decision: waiting, features, model, log.",
    ("stage",),
    STAGE_SECONDS,
)
DECISIONS: Final = Metric(
    "crivo_decisions_total",
    Kind.COUNTER,
    "decisions",
    "Transfers decided for the first time, by outcome.",
    ("outcome",),
)
REPEATS: Final = Metric(
    "crivo_decision_repeats_total",
    Kind.COUNTER,
    "requests",
    "Requests that were answered with a decision made before.",
)
DEGRADED: Final = Metric(
    "crivo_decisions_degraded_total",
    Kind.COUNTER,
    "decisions",
    "Decisions made without a part, by the degraded mode.",
    ("mode",),
)
REPORTS: Final = Metric(
    "crivo_reports_total", Kind.COUNTER, "reports", "Reports accepted, by status.", ("status",)
)
EVENTS: Final = Metric(
    "crivo_events_total",
    Kind.COUNTER,
    "events",
    "Events beside transfers and reports accepted, by schema.",
    ("schema",),
)
REVIEWS: Final = Metric(
    "crivo_reviews_total",
    Kind.COUNTER,
    "steps",
    "Reviews of decisions that were asked for or answered, by status.",
    ("status",),
)
FOLLOW_UPS: Final = Metric(
    "crivo_follow_ups_total",
    Kind.COUNTER,
    "events",
    "What became of decisions, as it was told, by event.",
    ("event",),
)
REFUSED: Final = Metric(
    "crivo_requests_refused_total",
    Kind.COUNTER,
    "requests",
    "Requests refused, by error code.",
    ("code",),
)
FAULTS: Final = Metric(
    "crivo_faults_total",
    Kind.COUNTER,
    "faults",
    "Unexpected exceptions while a request was answered: each is a bug.",
    ("route",),
)
PREDICTIONS: Final = Metric(
    "crivo_predictions_total", Kind.COUNTER, "rows", "Rows scored by POST /predict."
)
LOG_END: Final = Metric(
    "crivo_log_end_events", Kind.GAUGE, "events", "The next sequence number of the log."
)
LOG_GROUP: Final = Metric(
    "crivo_log_group_events",
    Kind.HISTOGRAM,
    "events",
    "Decisions that became durable together in one group commit.",
    edges=GROUP_EVENTS,
)
PROJECTION_LAG: Final = Metric(
    "crivo_projection_lag_events",
    Kind.GAUGE,
    "events",
    "Events of the log that the table of decisions does not show yet.",
)
STATE_KEYS: Final = Metric("crivo_state_keys", Kind.GAUGE, "keys", "Keys held in feature state.")
STATE_BYTES: Final = Metric(
    "crivo_state_bytes", Kind.GAUGE, "bytes", "Memory that feature state holds."
)
LATE: Final = Metric(
    "crivo_transfers_late",
    Kind.GAUGE,
    "transfers",
    "Transfers of the log that came over an hour late: scored where asked, and in no window.",
)
MODEL_INFO: Final = Metric(
    "crivo_model_info",
    Kind.GAUGE,
    "1",
    "Always 1; the labels name what decides.",
    ("model", "features", "plan", "policy", "rules", "bundle"),
)
HOLDS_OPEN: Final = Metric(
    "crivo_holds_open", Kind.GAUGE, "holds", "Transfers that are held and whose hold is not over."
)
HOLD_ENDS: Final = Metric(
    "crivo_hold_ends_total",
    Kind.COUNTER,
    "holds",
    "Holds that nobody ended in time, by what the policy made of them.",
    ("outcome",),
)
REVISIONS: Final = Metric(
    "crivo_revisions_total",
    Kind.COUNTER,
    "holds",
    "Degraded holds that were judged whole in time and became another outcome.",
    ("outcome",),
)
POLICY_RELOADS: Final = Metric(
    "crivo_policy_reloads_total",
    Kind.COUNTER,
    "changes",
    "Changes of the policy files seen while serving: adopted, or refused with the old in force.",
    ("result",),
)
LEDGER_SEGMENTS: Final = Metric(
    "crivo_ledger_segments_total",
    Kind.COUNTER,
    "segments",
    "Segments closed, signed and published.",
)
LEDGER_PENDING: Final = Metric(
    "crivo_ledger_pending_records",
    Kind.GAUGE,
    "records",
    "Durable decisions that were read and are in no segment yet.",
)
LEDGER_FAILURES: Final = Metric(
    "crivo_ledger_failures_total",
    Kind.COUNTER,
    "turns",
    "Turns of the ledger that failed and began anew, by error code.",
    ("code",),
)
TRACES_DROPPED: Final = Metric(
    "crivo_traces_dropped_total",
    Kind.COUNTER,
    "decisions",
    "Decisions that were to be traced, and were not since too many waited to be sent.",
)
READY: Final = Metric(
    "crivo_ready", Kind.GAUGE, "1", "1 while the service takes transfers, else 0."
)

CATALOGUE: Final = (
    REQUESTS, IN_FLIGHT, DECISION_LATENCY, STAGE_LATENCY, DECISIONS, REPEATS, DEGRADED, REPORTS,
    EVENTS, REFUSED, FAULTS, PREDICTIONS, LOG_END, LOG_GROUP, PROJECTION_LAG, STATE_KEYS,
    STATE_BYTES, LATE, MODEL_INFO, FOLLOW_UPS, HOLDS_OPEN, HOLD_ENDS, REVISIONS,
    POLICY_RELOADS, READY, REVIEWS, LEDGER_SEGMENTS, LEDGER_PENDING, LEDGER_FAILURES,
    TRACES_DROPPED,
)  # fmt: skip

_Child = Counter | Gauge | Histogram


class Metrics:
    """One registry with exactly the catalogue in it, and one method for each thing that happens.

    Children are kept, so that a call costs about a microsecond.
    """

    media_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._parents = {metric.name: _register(metric, self._registry) for metric in CATALOGUE}
        self._children: dict[tuple[str, ...], _Child] = {}
        self._served: tuple[str, ...] = ()

    def answered(self, route: str, status: int, code: str) -> None:
        """A request got its answer; `code` is empty where nothing was refused."""
        self._count(REQUESTS, route, str(status), code)
        if code:
            self._count(REFUSED, code)

    def failed(self, route: str) -> None:
        """An unexpected exception ended a request."""
        self._count(FAULTS, route)

    def flying(self, requests: int) -> None:
        """So many requests to the hot routes are under way."""
        self._set(IN_FLIGHT, to=requests)

    def seen(self, seen: Seen) -> None:
        """A decision is durable; it was made for the first time."""
        self._count(DECISIONS, seen.answer.outcome.value)
        for mode in seen.answer.degraded:
            self._count(DEGRADED, mode)
        observed = seen.observed
        self._observe(STAGE_LATENCY, "waiting", value=observed.waited_ns / 1e9)
        self._observe(STAGE_LATENCY, "features", value=observed.read_ns / 1e9)
        self._observe(STAGE_LATENCY, "model", value=observed.score_ns / 1e9)

    def decision_answered(self, seconds: float, log_seconds: float, *, repeat: bool) -> None:
        """A decision left the door after so many seconds, so many of them waiting for the disk."""
        self._observe(DECISION_LATENCY, value=seconds)
        self._observe(STAGE_LATENCY, "log", value=log_seconds)
        if repeat:
            self._count(REPEATS)

    def reported(self, status: str) -> None:
        """A report was accepted."""
        self._count(REPORTS, status)

    def told(self, schema: str) -> None:
        """An event beside transfers and reports was accepted."""
        self._count(EVENTS, schema)

    def reviewed(self, status: str) -> None:
        """A review was asked for or answered."""
        self._count(REVIEWS, status)

    def followed_up(self, event: str) -> None:
        """What became of a decision was told."""
        self._count(FOLLOW_UPS, event)

    def predicted(self, rows: int) -> None:
        """Rows were scored without a transfer."""
        self._count(PREDICTIONS, by=rows)

    def committed(self, submissions: int) -> None:
        """So many submissions became durable together."""
        self._observe(LOG_GROUP, value=submissions)

    def log_end(self, end: int) -> None:
        """The sequence number that comes next."""
        self._set(LOG_END, to=end)

    def projected(self, behind: int) -> None:
        """The table of decisions is so many events behind the log."""
        self._set(PROJECTION_LAG, to=behind)

    def state(self, keys: int, state_bytes: int, *, late: int) -> None:
        """What feature state holds, and how many transfers came too late to enter it."""
        self._set(LATE, to=late)
        self._set(STATE_KEYS, to=keys)
        self._set(STATE_BYTES, to=state_bytes)

    def serves(self, versions: Mapping[str, str]) -> None:
        """What decides from now on, by hash; what decided before is told no longer."""
        served = tuple(versions.get(label, "") for label in MODEL_INFO.labels)
        if self._served not in {(), served}:
            self._parents[MODEL_INFO.name].remove(*self._served)
            del self._children[MODEL_INFO.name, *self._served]
        self._served = served
        self._set(MODEL_INFO, *served, to=1)

    def held(self, holds: int) -> None:
        """So many transfers are held now."""
        self._set(HOLDS_OPEN, to=holds)

    def hold_ended(self, outcome: str) -> None:
        """A hold's time was over, and it became that."""
        self._count(HOLD_ENDS, outcome)

    def revised(self, outcome: str) -> None:
        """A degraded hold was judged again, and became that."""
        self._count(REVISIONS, outcome)

    def policy_reloaded(self, result: str) -> None:
        """A change of the policy files was adopted or refused."""
        self._count(POLICY_RELOADS, result)

    def sealed(self, segments: int, pending: int) -> None:
        """So many segments were closed; so many records were read and are in none yet."""
        self._count(LEDGER_SEGMENTS, by=segments)
        self._set(LEDGER_PENDING, to=pending)

    def not_sealed(self, code: str) -> None:
        """A turn of the ledger failed."""
        self._count(LEDGER_FAILURES, code)

    def trace_dropped(self) -> None:
        """A decision that was to be traced was not."""
        self._count(TRACES_DROPPED)

    def ready(self, *, yes: bool) -> None:
        """Whether the service takes transfers."""
        self._set(READY, to=int(yes))

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def touched(self) -> frozenset[str]:
        """Names in the catalogue that anything has been told of (for the test of producers)."""
        return frozenset(name for name, *_ in self._children)

    def _count(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        child = self._child(metric, labels)
        assert isinstance(child, Counter), metric
        child.inc(by)

    def _set(self, metric: Metric, *labels: str, to: float) -> None:
        child = self._child(metric, labels)
        assert isinstance(child, Gauge), metric
        child.set(to)

    def _observe(self, metric: Metric, *labels: str, value: float) -> None:
        child = self._child(metric, labels)
        assert isinstance(child, Histogram), metric
        child.observe(value)

    def _child(self, metric: Metric, labels: Sequence[str]) -> _Child:
        key = (metric.name, *labels)
        child = self._children.get(key)
        if child is None:
            parent = self._parents[metric.name]
            child = parent.labels(*labels) if labels else parent
            self._children[key] = child
        return child


def _register(metric: Metric, registry: CollectorRegistry) -> _Child:
    match metric.kind:
        case Kind.COUNTER:
            return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(
                metric.name, metric.meaning, metric.labels, buckets=metric.edges, registry=registry
            )
