"""Structured Streaming: batches of a log's records in Kafka, decided, published, and laid down.

Spark says which records a batch has; a batch that is run again has the same ones. What is decided
goes by the log's numbers: of a batch and of what waits from the batch before, the records up to the
first missing number are taken, and the others wait for the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from crivo.adapters.spark.listener import Told, timed

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_HEADERS: Final = "headers array<struct<key: string, value: binary>>"
#: A record as Spark's source gives it.
RECORD: Final = f"topic string, partition int, offset bigint, key binary, value binary, {_HEADERS}"
#: A record, and what it is to a batch: an answer to publish, what waits, or how far it went.
MADE: Final = f"kind string, number bigint, {RECORD}"

ANSWER: Final = "answer"
WAITS: Final = "waits"
CUT: Final = "cut"

#: Where Spark keeps how far it is, in the folder of a job.
CHECKPOINT: Final = "checkpoint"

_WAITING: Final = "waiting"

#: What is made of records from a number on: rows of `MADE`.
Decide = Callable[[int, Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
#: Takes the records of a batch, and its number, after its answers were published.
LayDown = Callable[["DataFrame", int], None]


class Job:
    """Decides a log.

    Args:
        session: Spark's.
        options: What its Kafka source and sink are told.
        topics: The topics of the log.
        folder: Where checkpoint and waiting records are kept: all of a job's memory.
        decide: What is made of a batch's records.
        records_max: Records of one batch, about.
        number: The header that events bear and answers to them do not.
        alerts: How the topic of alerts is called, whose records are no decisions.
        lay_down: What keeps a batch's records in the lake; None for a job without one.
        told: Hears what its stages take.
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        options: dict[str, str],
        topics: list[str],
        folder: Path,
        decide: Decide,
        records_max: int,
        number: str,
        alerts: str,
        lay_down: LayDown | None,
        told: Told,
    ) -> None:
        self._session = session
        self._options = options
        self._topics = topics
        self._folder = folder
        self._decide = decide
        self._records_max = records_max
        self._number = number
        self._alerts = alerts
        self._lay_down = lay_down
        self._told = told
        self.decided = 0

    def run(self, should_stop: Callable[[], bool], *, until_end: bool) -> None:
        """Runs until it is to stop; with `until_end`, up to the log's end as it is now.

        Raises:
            pyspark.errors.StreamingQueryException: a batch failed; another start goes on from it.
        """
        source = self._session.readStream.format("kafka").options(**self._options)
        source = source.option("subscribe", ",".join(self._topics))
        source = source.option("startingOffsets", "earliest").option("includeHeaders", "true")
        source = source.option("maxOffsetsPerTrigger", self._records_max)
        records = source.load().select("topic", "partition", "offset", "key", "value", "headers")
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
        start, waiting = self._before(batch)
        records = records.persist()
        decide = self._decide

        def made_of(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return decide(start, batches)

        numbered = records.where(_has(self._number))
        together = numbered if waiting is None else numbered.unionByName(waiting)
        made = together.repartition(1).mapInArrow(made_of, MADE).persist()
        try:
            with timed(self._told, "decide"):
                cut = made.where(made["kind"] == CUT).first()
            # Of a batch without a record, such as the first of an empty log, nobody is asked.
            reached = start if cut is None else cut.number
            with timed(self._told, "keep"):
                self._keep(batch, made.where(made["kind"] == WAITS), reached)
            answers = made.where(made["kind"] == ANSWER)
            alerts = answers["topic"].endswith(self._alerts)
            self.decided += answers.where(~alerts).count()
            published = answers.select("topic", "partition", "key", "value", "headers")
            with timed(self._told, "publish"):
                published.write.format("kafka").options(**self._options).save()
            if self._lay_down is not None:
                self._lay_down(records, batch)
        finally:
            made.unpersist()
            records.unpersist()

    def _before(self, batch: int) -> tuple[int, DataFrame | None]:
        """The number that a batch begins with, and the records that wait for it."""
        if batch == 0:
            return 0, None
        kept = self._waiting(batch - 1)
        start = int((kept / "cut").read_text(encoding="utf-8"))
        return start, self._session.read.schema(RECORD).parquet(str(kept / "records"))

    def _keep(self, batch: int, waiting: DataFrame, cut: int) -> None:
        """Keeps what waits behind a batch: there whole, or not at all."""
        kept = self._waiting(batch)
        aside = kept.with_name(f"{kept.name}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        waiting.drop("kind", "number").coalesce(1).write.parquet(str(aside / "records"))
        (aside / "cut").write_text(str(cut), encoding="utf-8")
        shutil.rmtree(kept, ignore_errors=True)
        aside.rename(kept)
        shutil.rmtree(self._waiting(batch - 3), ignore_errors=True)

    def newest(self) -> int:
        """The number of the newest batch; -1 before the first."""
        names = (path.name for path in (self._folder / _WAITING).glob("*"))
        return max((int(name) for name in names if name.isdigit()), default=-1)

    def _waiting(self, batch: int) -> Path:
        return self._folder / _WAITING / str(batch)


def _has(header: str) -> Column:
    """Whether a record has a header of that name. Answers lack what events are numbered by, and
    need not be carried to a process of Python to find that out.
    """
    from pyspark.sql import functions as f

    return f.exists("headers", lambda each: each["key"] == header)
