"""The newest instant that a log knows."""

from __future__ import annotations

from crivo.domain.streams import Stream
from crivo.flows.ports import LogReader


def newest_receipt(log: LogReader) -> int:
    """The greatest receipt of the log's events; 0 where it is empty."""
    places = range(log.manifest.partitions)
    return max(log.order_time(stream, place) for stream in Stream for place in places)
