"""The metrics of engines: workers, the inbox, jobs of Spark, logs passed on or followed."""

from __future__ import annotations

from typing import Final

from crivo.adapters.telemetry.metric import Kind, Metric

WORKER_LAG: Final = Metric(
    "crivo_worker_lag_records",
    Kind.GAUGE,
    "records",
    "Records of the log that a worker has not read yet, as far as brokers have told, but for "
    "decisions that it holds back.",
)
WORKER_PARTITIONS: Final = Metric(
    "crivo_worker_partitions",
    Kind.GAUGE,
    "partitions",
    "Partitions of `pix.transfers.v1` that a worker answers.",
)
WORKER_REBUILDS: Final = Metric(
    "crivo_worker_rebuilds_total",
    Kind.COUNTER,
    "states",
    "States that a worker built anew, being past what it was to answer.",
)
INBOX_RECEIVED: Final = Metric(
    "crivo_inbox_received_total",
    Kind.COUNTER,
    "records",
    "Records of `pix.inbox.v1` that were settled, whatever became of them.",
)
INBOX_SETTLED: Final = Metric(
    "crivo_inbox_settled_total",
    Kind.COUNTER,
    "records",
    "What became of them: appended, duplicate, or refused with an error code (else empty).",
    ("result", "code"),
)
INBOX_LAG: Final = Metric(
    "crivo_inbox_lag_records",
    Kind.GAUGE,
    "records",
    "Records of `pix.inbox.v1` that its door has not read yet, of all partitions.",
)
INBOX_FAILURES: Final = Metric(
    "crivo_inbox_failures_total",
    Kind.COUNTER,
    "turns",
    "Turns in which brokers or the log took nothing from a service's inbox, by error code.",
    ("code",),
)
SPARK_BATCHES: Final = Metric(
    "crivo_spark_batches_total", Kind.COUNTER, "batches", "Batches of a job of Spark that are done."
)
SPARK_RECORDS: Final = Metric(
    "crivo_spark_records_total", Kind.COUNTER, "records", "Records that a job of Spark has taken."
)
SPARK_LAG: Final = Metric(
    "crivo_spark_lag_records",
    Kind.GAUGE,
    "records",
    "Records of the log behind the newest batch of a job of Spark.",
)
SPARK_WATERMARK: Final = Metric(
    "crivo_spark_watermark_timestamp_seconds",
    Kind.GAUGE,
    "seconds",
    "Spark's watermark: ten seconds before the newest instant in the batches before.",
)
SPARK_PUBLISHED: Final = Metric(
    "crivo_spark_published_records_total",
    Kind.COUNTER,
    "records",
    "Decisions and alerts that a job of Spark has published.",
)
SPARK_FOREIGN: Final = Metric(
    "crivo_spark_foreign_records_total",
    Kind.COUNTER,
    "records",
    "Records without a number of the log that a job of Spark met and that are set aside.",
)
SPARK_FAILURES: Final = Metric(
    "crivo_spark_failures_total",
    Kind.COUNTER,
    "failures",
    "Failures that ended a job of Spark.",
    ("code",),
)
SPARK_SECONDS: Final = Metric(
    "crivo_spark_seconds_total",
    Kind.COUNTER,
    "seconds",
    "What batches of a job of Spark took, by its stages and by Spark's own.",
    ("stage",),
)
RELAY_LAG: Final = Metric(
    "crivo_relay_lag_events",
    Kind.GAUGE,
    "events",
    "Events of a service's log that wait for the one in Kafka; no value where none is named.",
)
RELAY_FAILURES: Final = Metric(
    "crivo_relay_failures_total",
    Kind.COUNTER,
    "turns",
    "Turns in which the log in Kafka did not take what waits for it, by error code.",
    ("code",),
)
FOLLOWED: Final = Metric(
    "crivo_followed_events_total",
    Kind.COUNTER,
    "events",
    "Events of other logs that were appended to a service's own, which follows them.",
)
FOLLOW_LAG: Final = Metric(
    "crivo_follow_lag_events",
    Kind.GAUGE,
    "events",
    "Events of another log that wait to be followed, as far as its brokers have told.",
    ("log_id",),
)
FOLLOW_FAILURES: Final = Metric(
    "crivo_follow_failures_total",
    Kind.COUNTER,
    "turns",
    "Turns in which another log told nothing, by error code.",
    ("code",),
)
DECIDED_TWICE: Final = Metric(
    "crivo_decided_twice_total",
    Kind.COUNTER,
    "transfers",
    "Transfers decided here and in a log that is followed: alike, or in conflict of facts.",
    ("facts",),
)

ENGINES: Final = (
    WORKER_LAG,
    WORKER_PARTITIONS,
    WORKER_REBUILDS,
    INBOX_RECEIVED,
    INBOX_SETTLED,
    INBOX_LAG,
    INBOX_FAILURES,
    SPARK_BATCHES,
    SPARK_RECORDS,
    SPARK_LAG,
    SPARK_WATERMARK,
    SPARK_PUBLISHED,
    SPARK_FOREIGN,
    SPARK_FAILURES,
    SPARK_SECONDS,
    RELAY_LAG,
    RELAY_FAILURES,
    FOLLOWED,
    FOLLOW_LAG,
    FOLLOW_FAILURES,
    DECIDED_TWICE,
)
