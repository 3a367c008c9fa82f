"""One method for each thing that happens on engines."""

from __future__ import annotations

from crivo.adapters.telemetry.engines import (
    DECIDED_TWICE,
    FOLLOW_FAILURES,
    FOLLOW_LAG,
    FOLLOWED,
    INBOX_FAILURES,
    INBOX_LAG,
    INBOX_RECEIVED,
    INBOX_SETTLED,
    RELAY_FAILURES,
    RELAY_LAG,
    SPARK_BATCHES,
    SPARK_FAILURES,
    SPARK_FOREIGN,
    SPARK_LAG,
    SPARK_PUBLISHED,
    SPARK_RECORDS,
    SPARK_SECONDS,
    SPARK_WATERMARK,
    WORKER_LAG,
    WORKER_PARTITIONS,
    WORKER_REBUILDS,
)
from crivo.adapters.telemetry.registered import Registered


class EngineMetrics(Registered):
    """What workers, the inbox, jobs of Spark, relays and followers tell."""

    def worker_lags(self, records: int) -> None:
        """So many records are not read yet by a worker."""
        self._set(WORKER_LAG, to=records)

    def worker_bears(self, partitions: int) -> None:
        """So many partitions are answered by a worker."""
        self._set(WORKER_PARTITIONS, to=partitions)

    def worker_rebuilt(self) -> None:
        """A worker built its state anew."""
        self._count(WORKER_REBUILDS)

    def inbox_received(self, records: int) -> None:
        """So many records of the inbox are settled."""
        self._count(INBOX_RECEIVED, by=records)

    def inbox_settled(self, result: str, code: str, records: int) -> None:
        """That became of so many of them."""
        self._count(INBOX_SETTLED, result, code, by=records)

    def inbox_lags(self, records: int) -> None:
        """So many records of the inbox are not read yet."""
        self._set(INBOX_LAG, to=records)

    def inbox_waits(self, code: str) -> None:
        """Brokers or the log take nothing from the inbox just now."""
        self._count(INBOX_FAILURES, code)

    def spark_batch(self) -> None:
        """A batch of Spark's is done."""
        self._count(SPARK_BATCHES)

    def spark_took_in(self, records: int) -> None:
        """A job of Spark has taken records of the log."""
        self._count(SPARK_RECORDS, by=records)

    def spark_lags(self, records: int) -> None:
        """Records of the log lie behind the newest batch of a job of Spark."""
        self._set(SPARK_LAG, to=records)

    def spark_watermark(self, instant: float) -> None:
        """The newest batch of Spark's began with this watermark, in seconds since 1970 UTC."""
        self._set(SPARK_WATERMARK, to=instant)

    def spark_published(self, records: int) -> None:
        """A batch of Spark's published so many."""
        self._count(SPARK_PUBLISHED, by=records)

    def spark_met_foreign(self, records: int) -> None:
        """A batch of Spark's had so many records that are nobody's of ours."""
        self._count(SPARK_FOREIGN, by=records)

    def spark_failed(self, code: str) -> None:
        """A failure ended a job of Spark."""
        self._count(SPARK_FAILURES, code)

    def spark_took(self, stage: str, seconds: float) -> None:
        """A stage of a job of Spark took so long."""
        self._count(SPARK_SECONDS, stage, by=seconds)

    def relay_lags(self, events: int) -> None:
        """So many events wait for the log in Kafka."""
        self._set(RELAY_LAG, to=events)

    def not_relayed(self, code: str) -> None:
        """The log in Kafka did not take what waits for it."""
        self._count(RELAY_FAILURES, code)

    def followed(self, events: int) -> None:
        """So many events of another log are in this one now."""
        self._count(FOLLOWED, by=events)

    def follow_lags(self, log_id: str, events: int) -> None:
        """So many events of that log wait to be."""
        self._set(FOLLOW_LAG, log_id, to=events)

    def not_followed(self, code: str) -> None:
        """Another log told nothing just now."""
        self._count(FOLLOW_FAILURES, code)

    def decided_twice(self, facts: str) -> None:
        """A transfer was decided here and in another log."""
        self._count(DECIDED_TWICE, facts)
