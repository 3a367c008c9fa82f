"""What a backtest reads of a log: decisions as they stand in it, with all that they were given.

The vector, the lists and the sums of a decision are those of its record: what was known when it was
made, though the log has gone on since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.degraded import CAUSES
from crivo.decision.lists import HitKind, ListHit
from crivo.decision.many import Attempts, Circumstances
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import (
    INITIATION,
    SCHEMA,
    Derived,
    Given,
    Record,
    decode_derived,
    transfer_of,
)
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.instant import format_rfc3339
from crivo.domain.list_entry import ListSide
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.flows.bundle import PROGRAM_VERSION
from crivo.flows.ports import LogReader
from crivo.flows.replay_wanted import record_of

#: Decisions read and judged at a time.
BATCH: Final = 8_192

Int64s = npt.NDArray[np.int64]

_DECISIONS: Final = frozenset({Stream.DECISIONS})


@dataclass(frozen=True, slots=True)
class Answered:
    """n decisions of one bundle as the log holds them.

    `ids` and `payers` are uint64[n, 2], the words of the transfer's event id and of its payer's;
    `ranks` int8[n] of the outcomes that were answered, `scores` int64[n] in 10⁻⁹ and −1 where
    nothing was scored.
    """

    bundle: str
    attempts: Attempts
    ids: npt.NDArray[np.uint64]
    payers: npt.NDArray[np.uint64]
    ranks: npt.NDArray[np.int8]
    scores: Int64s


@dataclass(frozen=True, slots=True)
class Interval:
    """Receipts from `start` (None: from the first) up to and without `end` (None: the last)."""

    start: int | None
    end: int | None

    def holds(self, received_at: int) -> bool:
        """Whether an instant lies in it."""
        if self.start is not None and received_at < self.start:
            return False
        return self.end is None or received_at < self.end

    @property
    def text(self) -> str:
        """The interval in words."""
        start = "the first decision" if self.start is None else format_rfc3339(self.start)
        end = "the last" if self.end is None else format_rfc3339(self.end)
        return f"from {start} to {end}"


def answered(
    log: LogReader,
    interval: Interval,
    *,
    passed: Counter[str],
    progress: Callable[[int, int], None],
) -> Iterator[Answered]:
    """The decisions on attempts that were received in the interval, in the log's order.

    `passed` counts those of other releases, whose bundles cannot be read (`other_version`). The
    second decision on a transfer, that of its settlement, is no attempt and is not among them.

    Raises:
        Refused: FIELD_TYPE for a record that cannot be read.
    """
    at, end = 0, log.end()
    while at < end:
        events = log.read(start=at, limit=BATCH, streams=_DECISIONS)
        if not events:
            break
        at = events[-1].seq + 1
        yield from _of_page(events, interval, passed)
        progress(at, end)
    progress(end, end)


def _of_page(
    events: Sequence[StoredEvent], interval: Interval, passed: Counter[str]
) -> Iterator[Answered]:
    records: dict[str, list[Record]] = {}
    for stored in events:
        if stored.event.schema != SCHEMA or not interval.holds(stored.event.received_at):
            continue
        record = record_of(stored)
        if record.phase != INITIATION:
            continue
        if record.given.versions.kernel != PROGRAM_VERSION:
            passed["other_version"] += 1
            continue
        records.setdefault(record.given.versions.bundle, []).append(record)
    for bundle, found in records.items():
        yield _columns(bundle, found)


def _columns(bundle: str, records: Sequence[Record]) -> Answered:
    derived = [decode_derived(each.derived) for each in records]
    transfers = [transfer_of(each) for each in records]
    ids = b"".join(transfer_event_id(each.end_to_end_id) for each in records)
    payers = b"".join(each.payer_id for each in transfers)
    return Answered(
        bundle=bundle,
        attempts=_attempts(records, transfers),
        ids=np.frombuffer(ids, "<u8").reshape(-1, 2),
        payers=np.frombuffer(payers, "<u8").reshape(-1, 2),
        ranks=np.array([OUTCOMES[each.outcome].rank for each in derived], np.int8),
        scores=_scores(derived),
    )


def _scores(derived: Sequence[Derived]) -> Int64s:
    return np.array([-1 if each.score is None else each.score for each in derived], np.int64)


def _attempts(records: Sequence[Record], transfers: Sequence[Transfer]) -> Attempts:
    has_vector = np.array([bool(each.kept) for each in records], np.bool_)
    kept = [each.kept for each in records if each.kept]
    width = len(kept[0]) // 8 if kept else 0
    vectors = np.full((len(records), width), np.nan)
    if kept:
        vectors[has_vector] = np.frombuffer(b"".join(kept), "<f8").reshape(len(kept), width)
    around = [_circumstances(each.given) for each in records]
    return Attempts(transfers, around, vectors, has_vector)


def _circumstances(given: Given) -> Circumstances:
    causes = tuple(mode for mode in given.degraded if mode in CAUSES) if given.degraded else ()
    listed = tuple(_hit(text) for text in given.lists) if given.lists else ()
    return Circumstances(causes, listed, given.sums)


def _hit(text: str) -> ListHit:
    """The entry that `ListHit.text` wrote down."""
    kind, side, entry_id = text.split("/", 2)
    return ListHit(HitKind(kind), ListSide(side), entry_id)
