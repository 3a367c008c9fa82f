"""What a backtest judges of imports: transfers that nobody decided, by the vectors of one fold.

Each vector is the one that a service would have read: what the log knew before the transfer. Lists
and sums of limits are those of decisions and are not asked: of an import nobody can say them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.decision.many import UNKNOWN, Circumstances, attempts_of
from crivo.domain import transfer
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.features.shard import ShardFold, join, shards_of
from crivo.flows.backtest_rows import Answered, Interval
from crivo.flows.bundle import Bundle
from crivo.flows.codec import decode_transfer
from crivo.flows.fold import fold_events
from crivo.flows.ports import LogReader

#: Events read, folded and judged at a time.
BATCH: Final = 65_536

_NOTHING: Final = Circumstances()


def imported(
    log: LogReader, bundle: Bundle, interval: Interval, *, progress: Callable[[int, int], None]
) -> Iterator[Answered]:
    """The imported transfers that were received in the interval, in the log's order.

    Raises:
        Refused: FIELD_TYPE for an event that this release cannot read.
        Unavailable: OVERLOADED where the state of the keys outgrows its ceiling.
    """
    end, shards = log.end(), shards_of(bundle.plan, 1)
    fold = ShardFold(shards[0])
    for start in range(0, end, BATCH):
        events = log.read(start=start, limit=min(BATCH, end - start))
        asked = [each for each in events if _is_asked(each, interval)]
        rows, seq = fold_events(events)
        # A transfer is one row, and what is told beside it never has its place in the log.
        wanted = np.isin(seq, [each.seq for each in asked])
        vectors, _ = join(shards, [fold.vectors(rows, wanted)], rows, wanted)
        if asked:
            yield _columns(bundle, asked, vectors)
        progress(min(start + BATCH, end), end)


def _is_asked(stored: StoredEvent, interval: Interval) -> bool:
    event = stored.event
    is_import = event.stream is Stream.HISTORY and event.schema == transfer.SCHEMA
    return is_import and interval.holds(event.received_at)


def _columns(
    bundle: Bundle, asked: Sequence[StoredEvent], vectors: npt.NDArray[np.float64]
) -> Answered:
    transfers = [decode_transfer(each.event.payload) for each in asked]
    ids = b"".join(each.event.event_id for each in asked)
    payers = b"".join(each.payer_id for each in transfers)
    count = len(asked)
    return Answered(
        bundle=bundle.versions.bundle,
        attempts=attempts_of(transfers, [_NOTHING] * count, vectors, np.ones(count, np.bool_)),
        ids=np.frombuffer(ids, "<u8").reshape(-1, 2),
        payers=np.frombuffer(payers, "<u8").reshape(-1, 2),
        ranks=np.full(count, UNKNOWN, np.int8),
        scores=np.full(count, -1, np.int64),
    )
