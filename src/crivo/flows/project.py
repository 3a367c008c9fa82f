"""Projecting: decisions of the log copied, in order, to where they are looked up and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crivo.decision.record import Record, decode_record
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.answers import Answer, answer_of
from crivo.flows.ports import DecisionIndex, IndexedDecision, LogReader

#: Decisions copied at a time: a few milliseconds of work beside a service that answers.
BATCH: Final = 256

#: The score column of a decision that scored nothing; no score is negative.
UNSCORED: Final = -1

_STREAMS: Final = frozenset({Stream.DECISIONS})


@dataclass(frozen=True, slots=True)
class Seen:
    """A durable decision: its record, and what its caller was told."""

    record: Record
    answer: Answer


class Projection:
    """Follows a log into an index. Stopping it anywhere loses nothing: the index knows its place.

    `seen` hears of each decision after it was kept, in the order of the log.
    """

    def __init__(
        self, log: LogReader, index: DecisionIndex, *, seen: Callable[[Seen], None]
    ) -> None:
        self._log = log
        self._index = index
        self._seen = seen

    def advance(self) -> int:
        """Copies one batch; gives the number of events the index is still behind the log.

        Raises:
            Unavailable: FILE_UNWRITABLE; the batch is tried again by the next call.
        """
        start, end = self._index.reached(), self._log.end()
        if start >= end:
            return 0
        stored = self._log.read(start=start, limit=BATCH, streams=_STREAMS)
        # A short batch leaves nothing below the end; what came since then may be in it as well.
        newest = stored[-1].seq + 1 if stored else 0
        reached = newest if len(stored) == BATCH else max(newest, end)
        batch = [_seen(each) for each in stored]
        self._index.put([_indexed(seen) for seen in batch], reached=reached)
        for seen in batch:
            self._seen(seen)
        return max(end - reached, 0)

    def latest(self, count: int) -> list[Seen]:
        """The newest decisions of the index, oldest first."""
        places = [each.seq for each in reversed(self._index.latest(count))]
        return [_seen(self._log.read(start=seq, limit=1)[0]) for seq in places]


def _seen(stored: StoredEvent) -> Seen:
    event = stored.event
    record = decode_record(event.payload)
    answer = answer_of(
        record, seq=stored.seq, occurred_at=event.occurred_at, received_at=event.received_at
    )
    return Seen(record, answer)


def _indexed(seen: Seen) -> IndexedDecision:
    answer = seen.answer
    return IndexedDecision(
        end_to_end_id=answer.end_to_end_id,
        phase=answer.phase,
        seq=answer.seq,
        occurred_at=answer.occurred_at,
        received_at=answer.received_at,
        outcome=answer.outcome.value,
        score=UNSCORED if answer.score is None else answer.score,
    )
