"""Records of Kafka as Spark's source gives them and its sink takes them, by any client's rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.records import Came, Record, came, place_of, row_of
from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.instant import EARLIEST
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.event_rows import EventRow

_INSTANT: Final = "try_cast(conv(hex(substring(value, 21, 8)), 16, 10) AS BIGINT)"

#: When the event of a record occurred, in Spark's SQL, as a timestamp; null where it is none of
#: ours, or lies later than brokers had it by more than any event may. A value is
#: `adapters.kafka.records.Value` as MessagePack writes it: an array, an id of 16 bytes, and the
#: instant in 8. Which numbers are the writer's Spark does not know here: so a forged record counts
#: too, and what it can move is bounded.
OCCURRED: Final = (
    "timestamp_micros(CASE WHEN exists(headers, h -> h.key IN ('seq', 'answers'))"
    " AND hex(substring(value, 2, 2)) = 'C410' AND hex(substring(value, 20, 1)) = 'CF'"
    f" AND {_INSTANT} BETWEEN {EARLIEST} AND unix_micros(timestamp) + {CLOCK_AHEAD_MAX}"
    f" THEN {_INSTANT} END)"
)

_STREAMS: Final = {stream.value: stream for stream in Stream}

_HEADERS: Final = pa.struct([("key", pa.string()), ("value", pa.binary())])


class Placed(NamedTuple):
    """A record of ours: its row, and whether it answers the event of the row's number."""

    row: EventRow
    is_answer: bool


def placed_in(
    cluster: Cluster, records: pa.RecordBatch | pa.Table, numbers: Numbers
) -> list[Placed | None]:
    """Each of some records, in the columns of Spark's source; None for one that is not ours,
    whatever it holds.

    They come in any order: of each partition the numbers are looked at as it lies.

    Raises:
        Refused: as `row_of`, for one that is ours.
        Misconfigured, Unavailable: as `Numbers.fault`.
    """
    names, values, counts = _headers(records.column("headers"))
    topics, partitions, offsets, keys, contents = (
        records.column(name).to_pylist()
        for name in ("topic", "partition", "offset", "key", "value")
    )
    streams = {
        topic: _STREAMS[topic.removeprefix(cluster.named(""))]
        for topic in pc.unique(records.column("topic")).to_pylist()
    }
    ends = list(accumulate(counts, initial=0))
    found: list[Placed | None] = [None] * len(offsets)
    for at in sorted(range(len(offsets)), key=offsets.__getitem__):
        own = slice(ends[at], ends[at + 1])
        headers = dict(zip(names[own], values[own], strict=True))
        place = place_of(headers)
        stream, partition = streams[topics[at]], partitions[at]
        if numbers.fault(stream, partition, place) is not None or place is None:
            continue
        row = row_of(
            stream,
            partition,
            offsets[at],
            number=place.number,
            key=keys[at],
            value=contents[at],
            headers=headers,
        )
        found[at] = Placed(row, place.is_answer)
    return found


def events_among(placed: Iterable[Placed | None]) -> dict[int, EventRow]:
    """The events among all that waits or has come, by their numbers.

    Of one number in two partitions the lesser one's record counts, as for every reader of the log
    who has both before it.
    """
    ours = (each.row for each in placed if each is not None and not each.is_answer)
    found: dict[int, EventRow] = {}
    for row in sorted(ours, key=_order):
        found.setdefault(row[0], row)
    return found


def _order(row: EventRow) -> tuple[int, int, int]:
    """By partition of the log, and there as it lies."""
    return STREAM_RANK[_STREAMS[row[1]]], row[2], row[3]


def foreign_among(
    records: pa.RecordBatch | pa.Table, placed: Sequence[Placed | None]
) -> list[Came]:
    """The records that are nobody's of ours, of those that `placed_in` placed so, as a client of
    Kafka gives them.
    """
    at = pa.array([number for number, each in enumerate(placed) if each is None], pa.int64())
    rows = records.select(["topic", "partition", "offset", "key", "value", "headers"]).take(at)
    return [
        came(
            row["topic"],
            row["partition"],
            row["offset"],
            key=row["key"],
            value=row["value"],
            headers=[(each["key"], each["value"]) for each in row["headers"] or ()],
        )
        for row in rows.to_pylist()
    ]


def _headers(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[list[str], list[bytes | None], list[int]]:
    """The names and values of the headers of all records, and how many each record has."""
    together = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = together.flatten()
    counts = pc.fill_null(pc.list_value_length(together), 0)
    return flat.field("key").to_pylist(), flat.field("value").to_pylist(), counts.to_pylist()


def published(
    cluster: Cluster, rows: Sequence[EventRow], records: Sequence[Record]
) -> pa.RecordBatch:
    """The records of these rows, in the columns of `PUBLISHED`."""
    topics = {stream: cluster.named(stream) for stream in _STREAMS}
    headers = [record.headers for record in records]
    flat = [pair for each in headers for pair in each]
    ends = np.cumsum([0, *map(len, headers)], dtype=np.int32)
    named = pa.StructArray.from_arrays(
        [
            pa.array([name for name, _ in flat], pa.string()),
            pa.array([value for _, value in flat], pa.binary()),
        ],
        fields=list(_HEADERS),
    )
    columns = {
        "topic": pa.array([topics[row[1]] for row in rows], pa.string()),
        "partition": pa.array([row[2] for row in rows], pa.int32()),
        "key": pa.array([record.key for record in records], pa.binary()),
        "value": pa.array([record.value for record in records], pa.binary()),
        "headers": pa.ListArray.from_arrays(pa.array(ends), named),
    }
    return pa.RecordBatch.from_pydict(columns)
