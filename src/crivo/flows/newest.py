"""The newest instant that a log knows, and by when labels can be known."""

from __future__ import annotations

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.ports import LogReader


def newest_receipt(log: LogReader) -> int:
    """The greatest receipt of the log's events; 0 where it is empty."""
    places = range(log.manifest.partitions)
    return max(log.order_time(stream, place) for stream in Stream for place in places)


def known_by(log: LogReader, asked: int | None) -> int:
    """The instant by which labels are known: what is asked for (None: the log's end).

    Raises:
        Refused: TIME_RANGE beyond the log's end: of what nobody has told yet silence says nothing.
    """
    end = newest_receipt(log) + 1
    if asked is None:
        return end
    if asked > end:
        raise Refused(
            Code.TIME_RANGE,
            "labels are asked for as of an instant that the log has not reached",
            hint="Whatever would be reported until then is not in it, and would count as honest. "
            "Leave --labels-as-of out: the log's end is taken.",
            field="--labels-as-of",
            expected=f"at most {format_rfc3339(end)}",
            found=format_rfc3339(asked),
        )
    return asked
