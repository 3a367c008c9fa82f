"""Records of Kafka as Spark's source gives them, read as those of any other client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import row_of
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow

_STREAMS: Final = {stream.value: stream for stream in Stream}


def headers_of(record: Mapping[str, Any]) -> dict[str, bytes | None]:
    """The headers of a record."""
    return {each["key"]: each["value"] for each in record["headers"] or ()}


def record_row(cluster: Cluster, record: Mapping[str, Any], number: int) -> EventRow:
    """The row of a record that bears that number.

    Raises:
        Refused: as `row_of`.
    """
    name = record["topic"].removeprefix(cluster.named(""))
    return row_of(
        _STREAMS[name],
        record["partition"],
        record["offset"],
        number=number,
        key=record["key"],
        value=record["value"],
        headers=headers_of(record),
    )
