"""What a job of Spark tells of itself: its metrics, and what its caller is told at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from crivo.adapters.spark.failure import Meant
from crivo.adapters.spark.listener import WHOLE_BATCH, Progress
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.snapshots import warn_unkept


@dataclass(slots=True)
class SparkResult:
    """What a job has done: transfers answered, records published, records that are nobody's of ours
    and were set aside, snapshots that could not be written, batches, records of the log, and the
    seconds of its stages and of Spark's own. The first batch, in which all is cold, is told
    besides, and the watermark of the newest one in seconds since 1970 UTC (0 before there is one).
    """

    decided: int = 0
    published: int = 0
    foreign: int = 0
    unkept: int = 0
    watermark: float = 0.0
    batches: int = 0
    records: int = 0
    first_records: int = 0
    first_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Counts what a stage took."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells the metrics of a job, and who called it; `failure` is what a text of Spark's means."""

    metrics: Metrics
    result: SparkResult
    failure: Meant

    def batch(self, progress: Progress) -> None:
        metrics, result = self.metrics, self.result
        metrics.spark_batch()
        metrics.spark_took_in(progress.records)
        metrics.spark_lags(progress.lag)
        if progress.watermark:
            metrics.spark_watermark(progress.watermark)
            result.watermark = progress.watermark
        if not result.batches:
            result.first_records = progress.records
            result.first_seconds = progress.seconds.get(WHOLE_BATCH, 0.0)
        result.batches += 1
        result.records += progress.records
        for stage, seconds in progress.seconds.items():
            self.took(stage, seconds)

    def took(self, stage: str, seconds: float) -> None:
        self.metrics.spark_took(stage, seconds)
        self.result.add(stage, seconds)

    def made(self, *, published: int, foreign: int) -> None:
        self.metrics.spark_published(published)
        self.metrics.spark_met_foreign(foreign)
        self.result.published += published
        self.result.foreign += foreign

    def unkept(self, words: str) -> None:
        warn_unkept(words)
        self.metrics.snapshot_failed()
        self.result.unkept += 1

    def failed(self, text: str) -> None:
        self.metrics.spark_failed(self.failure(text).code)
