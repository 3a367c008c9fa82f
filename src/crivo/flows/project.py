"""Projecting: decisions of the log copied, in order, to where they are looked up and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from crivo.decision.record import SCHEMA, decode_record, transfer_of
from crivo.domain.cut import is_followed
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.answers import answer_of
from crivo.flows.decision_index import DecisionIndex, IndexedDecision
from crivo.flows.noted import Noted, Seen
from crivo.flows.ports import LogReader

#: Decisions copied at a time: a few milliseconds of work beside a service that answers.
BATCH: Final = 256

#: The score column of a decision that scored nothing; no score is negative.
UNSCORED: Final = -1

_STREAMS: Final = frozenset({Stream.DECISIONS})


class Projection:
    """Follows a log into an index. Stopping it anywhere loses nothing: the index knows its place.

    What `noted` holds is not read from the log, which is read before its first event, in its gaps,
    and where nothing was noted for a whole turn: after a commit that failed first, nobody notes.
    `seen` hears of decisions after they were kept, in the order of the log; not of a later record
    of an id and phase, since the first stands.
    """

    def __init__(
        self,
        log: LogReader,
        index: DecisionIndex,
        *,
        seen: Callable[[Sequence[Seen]], None],
        noted: Noted,
    ) -> None:
        self._log = log
        self._index = index
        self._seen = seen
        self._noted = noted
        #: Where the index was last known to be; None: it was not asked yet.
        self._reached: int | None = None
        self._waited = False

    def catch_up(self, told: Callable[[int], None], *, should_stop: Callable[[], bool]) -> None:
        """Copies batches until nothing is behind, or what is left is noted in a moment; `told`
        hears after each how far behind the index is.

        Raises:
            Unavailable: as `advance`.
        """
        behind, is_expected = 1, False
        while behind and not is_expected and not should_stop():
            is_expected = self._expects_notes
            behind = self.advance()
            told(behind)

    def advance(self) -> int:
        """Copies one batch; gives the number of events the index is known to be still behind.

        Raises:
            Unavailable: FILE_UNWRITABLE, INDEX_UNAVAILABLE; the batch is tried again by the next
                call.
        """
        if self._reached is None:
            self._reached = self._index.reached()
        start, end = self._reached, self._log.end()
        batch, reached = self._noted.take(start, BATCH)
        if reached > start:
            self._waited = False
        elif start >= end:
            return 0
        elif self._expects_notes:
            self._waited = True
            return end - start
        else:
            batch, reached = self._read(start, end)
        kept = self._index.put([_indexed(seen) for seen in batch], reached=reached)
        self._reached = reached
        if kept < len(batch):
            batch = [each for each in batch if self._stands(each)]
        if batch:
            self._seen(batch)
        return max(end - reached, 0)

    def _stands(self, seen: Seen) -> bool:
        answer = seen.answer
        found = self._index.get(answer.end_to_end_id, phase=answer.phase)
        return found is not None and found.seq == answer.seq

    @property
    def _expects_notes(self) -> bool:
        """Whether what is behind is not noted yet, and has not been waited for.

        The log's thread is quicker than the loop that notes: most is noted in a moment.
        """
        return not self._waited and not self._noted

    def _read(self, start: int, end: int) -> tuple[list[Seen], int]:
        stored = self._log.read(start=start, limit=BATCH, streams=_STREAMS)
        # A short batch leaves nothing below the end; what came since then may be in it as well.
        newest = stored[-1].seq + 1 if stored else 0
        reached = newest if len(stored) == BATCH else max(newest, end)
        return [_seen(each) for each in stored if each.event.schema == SCHEMA], reached

    def latest(self, count: int) -> list[Seen]:
        """The newest decisions of the index, oldest first.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        places = [each.seq for each in reversed(self._index.latest(count))]
        return [_seen(self._log.read(start=seq, limit=1)[0]) for seq in places]

    def counts(self) -> dict[str, int]:
        """How many decisions of each outcome the index has.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        return self._index.counts()


def _seen(stored: StoredEvent) -> Seen:
    event = stored.event
    record = decode_record(event.payload)
    answer = answer_of(
        record, seq=stored.seq, occurred_at=event.occurred_at, received_at=event.received_at
    )
    return Seen(transfer_of(record), answer, record.observed, not is_followed(event))


def _indexed(seen: Seen) -> IndexedDecision:
    answer = seen.answer
    return IndexedDecision(
        end_to_end_id=answer.end_to_end_id,
        phase=answer.phase,
        seq=answer.seq,
        occurred_at=answer.occurred_at,
        received_at=answer.received_at,
        outcome=answer.outcome.wire,
        score=UNSCORED if answer.score is None else answer.score,
        payer_id=seen.transfer.payer_id,
        amount_centavos=seen.transfer.amount_centavos,
        payee_id=seen.transfer.payee_id,
    )
