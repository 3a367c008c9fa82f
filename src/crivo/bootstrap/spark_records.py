"""Records of Kafka as Spark's source gives them and its sink takes them, by any client's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import Came, Record, came, place_of, row_of
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow

_STREAMS: Final = {stream.value: stream for stream in Stream}

_HEADERS: Final = pa.struct([("key", pa.string()), ("value", pa.binary())])


class Placed(NamedTuple):
    """A record of ours: its row, and whether it answers the event of the row's number."""

    row: EventRow
    is_answer: bool


def placed_in(cluster: Cluster, records: pa.RecordBatch | pa.Table) -> list[Placed | None]:
    """Each of some records, in the columns of Spark's source; None for one that is not ours.

    Raises:
        Refused: as `row_of`.
    """
    names, values, counts = _headers(records.column("headers"))
    columns = [
        records.column(name).to_pylist()
        for name in ("topic", "partition", "offset", "key", "value")
    ]
    streams = {
        topic: topic.removeprefix(cluster.named(""))
        for topic in pc.unique(records.column("topic")).to_pylist()
    }
    found: list[Placed | None] = []
    at = 0
    for topic, partition, offset, key, value, count in zip(*columns, counts, strict=True):
        headers = dict(zip(names[at : at + count], values[at : at + count], strict=True))
        at += count
        place = place_of(headers)
        if place is None:
            found.append(None)
            continue
        row = row_of(
            _STREAMS[streams[topic]],
            partition,
            offset,
            number=place.number,
            key=key,
            value=value,
            headers=headers,
        )
        found.append(Placed(row, place.is_answer))
    return found


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
