"""The newest instant that a log knows, and by when labels can be known."""

from __future__ import annotations

from typing import Final

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, format_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.ports import LogReader

#: How long a log may have been quiet (µs) when somebody asks what is known of it.
QUIET_MAX: Final = DAY


def newest_receipt(log: LogReader) -> int:
    """The greatest receipt of the log's events; 0 where it is empty."""
    places = range(log.manifest.partitions)
    return max(log.order_time(stream, place) for stream in Stream for place in places)


def known_by(log: LogReader, asked: int | None) -> int:
    """The instant by which labels are known: what is asked for (None: the log's end).

    Raises:
        Refused: TIME_RANGE more than `QUIET_MAX` beyond the log's end: of what nobody has told yet
            silence says nothing.
    """
    newest = newest_receipt(log)
    if asked is None:
        return newest + 1
    end = newest + QUIET_MAX
    if asked > end:
        raise Refused(
            Code.TIME_RANGE,
            "labels are asked for as of an instant that the log has not reached by far",
            hint="Whatever would be reported until then is not in it, and would count as honest. "
            "Leave --labels-as-of out: the log's end is taken.",
            field="--labels-as-of",
            expected=f"at most {format_rfc3339(end)}",
            found=format_rfc3339(asked),
        )
    return asked
