"""What a streaming query tells of each of its batches, passed on."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from pyspark.sql.streaming import StreamingQueryListener

_LOGGER: Final = logging.getLogger("crivo.spark")

#: The stage of Spark's that holds all others of a batch.
WHOLE_BATCH: Final = "triggerExecution"


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch that is done: records that it had, records of the log behind it, what took how long,
    in seconds by Spark's own names of the stages, and the watermark that it began with (seconds
    since 1970 UTC; 0 before there is one).
    """

    batch: int
    records: int
    lag: int
    seconds: Mapping[str, float]
    watermark: float = 0.0


class Told(Protocol):
    """Hears of a job, in threads of Spark's."""

    def batch(self, progress: Progress) -> None:
        """A batch is done, and Spark has noted it."""
        ...

    def took(self, stage: str, seconds: float) -> None:
        """A stage of a batch took so long."""
        ...

    def made(self, *, published: int, foreign: int) -> None:
        """A batch published so many records, and met so many that are nobody's of ours."""
        ...

    def unkept(self, words: str) -> None:
        """A batch was to keep a snapshot, which could not be written."""
        ...

    def failed(self, text: str) -> None:
        """The query ended with this exception of Spark's."""
        ...


@contextmanager
def timed(told: Told, stage: str) -> Iterator[None]:
    """Tells how long the block takes, if it ends well."""
    begun = time.perf_counter()
    yield
    told.took(stage, time.perf_counter() - begun)


def listener(told: Told) -> StreamingQueryListener:
    """What passes on progress and failures of a session's queries; the log hears of the rest."""
    from pyspark.sql.streaming import StreamingQueryListener

    class Listener(StreamingQueryListener):  # type: ignore[misc]
        def onQueryStarted(self, event: Any) -> None:  # noqa: N802
            _LOGGER.info("spark.started", extra={"facts": {"query": str(event.id)}})

        def onQueryIdle(self, event: Any) -> None:  # noqa: N802
            _LOGGER.debug("spark.idle", extra={"facts": {"query": str(event.id)}})

        def onQueryTerminated(self, event: Any) -> None:  # noqa: N802
            facts = {"query": str(event.id)}
            if event.exception is None:
                _LOGGER.info("spark.ended", extra={"facts": facts})
            else:
                _LOGGER.error("spark.failed", extra={"facts": {**facts, "words": event.exception}})
                told.failed(event.exception)

        def onQueryProgress(self, event: Any) -> None:  # noqa: N802
            progress = event.progress
            lag = sum(behind(each.endOffset, each.latestOffset) for each in progress.sources)
            seconds = {name: ms / 1_000 for name, ms in progress.durationMs.items()}
            at = instant(progress.eventTime.get("watermark"))
            told.batch(Progress(progress.batchId, progress.numInputRows, lag, seconds, at))

    return Listener()


def instant(text: str | None) -> float:
    """Seconds since 1970 UTC of an instant as Spark writes it; 0 for none, and for one in a year
    that Python does not count, to which a record of a checkpoint's batches moved it.
    """
    try:
        return 0.0 if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def behind(end: str | None, latest: str | None) -> int:
    """The records between two texts of offsets, as Kafka's source writes them; 0 where Spark has
    not asked for the latest, which PySpark tells as the text `None`: for a batch that is run again.
    """
    if not end or not latest or "None" in {end, latest}:
        return 0
    reached, known = json.loads(end), json.loads(latest)
    return sum(
        offset - reached.get(topic, {}).get(partition, 0)
        for topic, partitions in known.items()
        for partition, offset in partitions.items()
    )
