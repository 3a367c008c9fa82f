"""Structured Streaming: batches of a log's records in Kafka, decided, laid down, and published.

Spark says which records a batch has; a batch that is run again has the same ones. Each batch is one
task, to which they come once, in a process of Python: what it yields is published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from crivo.adapters.spark.kept import RECORD, Kept
from crivo.adapters.spark.listener import Told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: A record to publish.
PUBLISHED: Final = (
    "topic string, partition int, key binary, value binary,"
    " headers array<struct<key: string, value: binary>>"
)

#: Where Spark keeps how far it is, in the folder of a job.
CHECKPOINT: Final = "checkpoint"
#: Where a job keeps what its batches left, in the same folder.
KEPT: Final = "waiting"

#: How far Spark's watermark stays behind the newest instant of the batches before. No sum is kept
#: open in Spark, so it closes none, and no record is dropped or held back for it.
WATERMARK: Final = "10 seconds"

#: The stage of a batch that is none of its process of Python's.
PUBLISH: Final = "publish"

_OCCURRED: Final = "occurred_at"

#: What is made of the records of the batch of a number (`RECORD`), which it keeps: rows of
#: `PUBLISHED`.
Decide = Callable[[int, Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Job:
    """Decides a log.

    Args:
        session: Spark's.
        options: What its Kafka source and sink are told.
        topics: The topics of the log.
        occurred: When the event of a record occurred, as Spark's SQL says it of a row of `RECORD`;
            null for a record that is none of ours.
        folder: Where the checkpoint is.
        kept: What is kept of batches: with the checkpoint all of a job's memory.
        decide: What is made of a batch's records.
        records_max: Records of one batch, about.
        refine: Refines what is due, as of a batch whose answers were published; None for a job
            without a lake.
        told: Hears what its stages take.
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        options: dict[str, str],
        topics: list[str],
        occurred: str,
        folder: Path,
        kept: Kept,
        decide: Decide,
        records_max: int,
        refine: Callable[[int], None] | None,
        told: Told,
    ) -> None:
        self._session = session
        self._options = options
        self._topics = topics
        self._occurred = occurred
        self._folder = folder
        self._kept = kept
        self._decide = decide
        self._records_max = records_max
        self._refine = refine
        self._told = told
        self.decided = 0

    def run(self, should_stop: Callable[[], bool], *, until_end: bool) -> None:
        """Runs until it is to stop; with `until_end`, up to the log's end as it is now.

        Raises:
            pyspark.errors.PySparkException, py4j.protocol.Py4JJavaError: a batch failed, or the
                query could not begin; another start goes on from it.
        """
        source = self._session.readStream.format("kafka").options(**self._options)
        source = source.option("subscribe", ",".join(self._topics))
        source = source.option("startingOffsets", "earliest").option("includeHeaders", "true")
        source = source.option("maxOffsetsPerTrigger", self._records_max)
        records = source.load().selectExpr(*RECORD.names, f"{self._occurred} AS {_OCCURRED}")
        records = records.withWatermark(_OCCURRED, WATERMARK)
        writer = records.writeStream.foreachBatch(self._batch)
        writer = writer.option("checkpointLocation", str(self._folder / CHECKPOINT))
        query = (writer.trigger(availableNow=True) if until_end else writer).start()
        try:
            while not query.awaitTermination(0.2):
                if should_stop():
                    break
        finally:
            query.stop()

    def _batch(self, records: DataFrame, batch: int) -> None:
        decide = self._decide

        def answers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return decide(batch, batches)

        # One partition also of a batch without a record, such as the first of an empty log.
        published = records.select(*RECORD.names).coalesce(1).mapInArrow(answers, PUBLISHED)
        begun = time.perf_counter()
        published.write.format("kafka").options(**self._options).save()
        took = time.perf_counter() - begun
        done = self._kept.done(batch)
        self.decided += done.decided
        self._told.made(published=done.published, foreign=done.foreign)
        if done.unkept:
            self._told.unkept(done.unkept)
        for stage, seconds in done.seconds.items():
            self._told.took(stage, seconds)
        self._told.took(PUBLISH, took - sum(done.seconds.values()))
        if self._refine is not None:
            self._refine(batch)
