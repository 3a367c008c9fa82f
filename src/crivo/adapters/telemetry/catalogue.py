"""The catalogue of metrics: each figure the service tells, with type, unit, labels and meaning."""

from __future__ import annotations

from typing import Final

from crivo.adapters.telemetry.engines import ENGINES
from crivo.adapters.telemetry.metric import Kind, Metric

#: 100 µs to 5 s: fine around the 10 ms that an answer may take.
LATENCY_SECONDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
)  # fmt: skip

#: 5 µs to 100 ms: what one stage inside a decision may take.
STAGE_SECONDS: Final = (
    0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.1,
)  # fmt: skip

#: 10 ms to six hours: from a receiver that is there to one that comes back.
WEBHOOK_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0, 21_600.0)

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
    "Requests and transfers of batches refused, by error code.",
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
STREAM_AGE: Final = Metric(
    "crivo_stream_age_seconds",
    Kind.GAUGE,
    "seconds",
    "By the log's clock, since the newest event of a stream was received: how stale what is known "
    "of its kind is (`pix.dict.v1`: what the directory told). No value while there is none.",
    ("stream",),
)
SNAPSHOT_LAG: Final = Metric(
    "crivo_snapshot_lag_events",
    Kind.GAUGE,
    "events",
    "Events of the log behind the newest snapshot of this plan: what the next start must fold.",
)
SNAPSHOT_FAILURES: Final = Metric(
    "crivo_snapshot_failures_total", Kind.COUNTER, "snapshots", "Snapshots that could not be kept."
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
    "crivo_holds_open",
    Kind.GAUGE,
    "holds",
    "Orders that are held and credits that are blocked, while that is not over.",
)
LIST_ENTRIES: Final = Metric(
    "crivo_list_entries",
    Kind.GAUGE,
    "entries",
    "Entries of lists, and fraud markers of persons and keys, that were ever added.",
)
SUMS_ATTEMPTS: Final = Metric(
    "crivo_sums_attempts",
    Kind.GAUGE,
    "attempts",
    "Attempts of the newest days that limits of sums are asked of.",
)
HOLD_ENDS: Final = Metric(
    "crivo_hold_ends_total",
    Kind.COUNTER,
    "holds",
    "Holds and blocks that nobody ended in time, by what the policy made of them.",
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
WEBHOOK_ATTEMPTS: Final = Metric(
    "crivo_webhook_attempts_total",
    Kind.COUNTER,
    "attempts",
    "Webhooks that were sent, by what came of it: delivered, failed (tried again), dead.",
    ("subscription", "result"),
)
WEBHOOK_LATENCY: Final = Metric(
    "crivo_webhook_delivery_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From the making of a webhook, right behind the log, to its delivery.",
    ("subscription",),
    WEBHOOK_SECONDS,
)
WEBHOOKS_WAITING: Final = Metric(
    "crivo_webhooks_waiting",
    Kind.GAUGE,
    "webhooks",
    "Webhooks that are still to be delivered.",
    ("subscription",),
)
WEBHOOKS_DEAD: Final = Metric(
    "crivo_webhooks_dead",
    Kind.GAUGE,
    "webhooks",
    "Webhooks that were given up, until somebody has them sent again.",
    ("subscription",),
)
WEBHOOK_LAG: Final = Metric(
    "crivo_webhook_lag_events",
    Kind.GAUGE,
    "events",
    "Events of the log that no webhook was made of yet, where one may have to be.",
)
WEBHOOK_RELOADS: Final = Metric(
    "crivo_webhook_reloads_total",
    Kind.COUNTER,
    "changes",
    "Changes of the file of subscriptions that were adopted or refused.",
    ("result",),
)
READY: Final = Metric(
    "crivo_ready", Kind.GAUGE, "1", "1 while the service takes transfers, else 0."
)

CATALOGUE: Final = (
    REQUESTS,
    IN_FLIGHT,
    DECISION_LATENCY,
    STAGE_LATENCY,
    DECISIONS,
    REPEATS,
    DEGRADED,
    REPORTS,
    EVENTS,
    REFUSED,
    FAULTS,
    PREDICTIONS,
    LOG_END,
    LOG_GROUP,
    PROJECTION_LAG,
    STATE_KEYS,
    STREAM_AGE,
    SNAPSHOT_LAG,
    SNAPSHOT_FAILURES,
    STATE_BYTES,
    LIST_ENTRIES,
    SUMS_ATTEMPTS,
    LATE,
    MODEL_INFO,
    FOLLOW_UPS,
    HOLDS_OPEN,
    HOLD_ENDS,
    REVISIONS,
    POLICY_RELOADS,
    READY,
    REVIEWS,
    LEDGER_SEGMENTS,
    LEDGER_PENDING,
    LEDGER_FAILURES,
    TRACES_DROPPED,
    WEBHOOK_RELOADS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_LATENCY,
    WEBHOOKS_WAITING,
    WEBHOOKS_DEAD,
    WEBHOOK_LAG,
    *ENGINES,
)
