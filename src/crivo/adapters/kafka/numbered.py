"""A log in Kafka from one number on, as its rows are stored: what a file that is behind takes."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Final

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.intake import Intake, Part, read_ends
from crivo.adapters.kafka.rows import number_behind
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import EventRow

#: Records at the end of a partition that are looked through for a number; more where none is older.
_LAST: Final = 16


class NumberedRows:
    """A `StoredRows` of what was there when it was opened, read once and forward. Not for two
    threads at once.

    Of each partition what lies before the first number that is asked for is passed over, but for
    some records: where a file is behind by little, little is read, however long the log is.

    Args:
        cluster: Where the log is.
        partitions: Of each stream.
        start: The first number that will be asked for.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(self, cluster: Cluster, partitions: int, *, start: int) -> None:
        self._cluster = cluster
        # What a worker's open transaction holds back is waited for.
        ends = read_ends(cluster, partitions, is_settled=False)
        self._end = number_behind(cluster, partitions)
        self._starts = _starts(cluster, ends, start)
        self._highs = {part: high for part, (_, high) in ends.items()}
        self._next = start
        self._rows = self._merged()

    def first(self) -> EventRow | None:
        """The row that was asked for first; None where brokers hold it no longer."""
        row = next(self._rows, None)
        return row if row is not None and row[0] == self._next else None

    def stored_rows(self, *, start: int, limit: int) -> list[EventRow]:
        """The rows with `seq >= start`, at most `limit`: those behind what was read before.

        Raises:
            Misconfigured: LOG_MISMATCH where brokers no longer hold the next one.
            Refused: ROW_MALFORMED for a number on what is no event.
            Unavailable: LOG_UNAVAILABLE.
        """
        assert start == self._next, "it is read forward"
        rows: list[EventRow] = []
        while len(rows) < limit and self._next < self._end:
            row = next(self._rows, None)
            if row is None or row[0] != self._next:
                raise self._gone(None if row is None else row[0])
            rows.append(row)
            self._next += 1
        return rows

    def end(self) -> int:
        """The number behind the last."""
        return self._end

    def close(self) -> None:
        """Ends its consumer."""
        self._rows.close()

    def _merged(self) -> Generator[EventRow]:
        """Each number once: of one in two partitions the lesser one's record counts."""
        intake = Intake(
            self._cluster,
            self._starts,
            self._highs,
            newest=lambda _number: self._end,
            numbered_from=self._next,
            silence_seconds_max=self._cluster.outage_seconds,
        )
        heads: list[tuple[int, Part]] = []
        newest = -1

        def put(part: Part) -> None:
            intake.await_more(part)
            if intake.waiting[part]:
                heapq.heappush(heads, (intake.waiting[part][0][0], part))

        with closing(intake):
            for part in sorted(self._starts):
                put(part)
            while heads:
                _, part = heapq.heappop(heads)
                _, row = intake.waiting[part].popleft()
                if row[0] > newest:
                    newest = row[0]
                    yield row
                put(part)

    def _gone(self, found: int | None) -> Misconfigured:
        return Misconfigured(
            Code.LOG_MISMATCH,
            f"event {self._next} of the log at {self._cluster.brokers} is no longer on its brokers",
            hint="They keep records for a while. Restore this home from a copy whose log.sqlite "
            "holds it: what follows is taken from them.",
            field="seq",
            expected=self._next,
            found="nothing" if found is None else found,
        )


def row_at(cluster: Cluster, partitions: int, number: int) -> EventRow | None:
    """The row of that number; None where brokers hold it no longer.

    Raises:
        Refused, Misconfigured, Unavailable: as `NumberedRows`.
    """
    with closing(NumberedRows(cluster, partitions, start=number)) as rows:
        return rows.first()


def _starts(cluster: Cluster, ends: Mapping[Part, tuple[int, int]], start: int) -> dict[Part, int]:
    """By partition, an offset before which all numbers lie below `start`."""
    found = {part: low for part, (low, _) in ends.items()}
    left = {part: each for part, each in ends.items() if each[0] < each[1]} if start else {}
    count = _LAST
    while left:
        looked = {part: max(low, high - count) for part, (low, high) in left.items()}
        firsts = _first_numbers(cluster, looked, {part: high for part, (_, high) in left.items()})
        found |= {part: at for part, at in looked.items() if firsts.get(part, start) < start}
        left = {
            part: each
            for part, each in left.items()
            if firsts.get(part, start) >= start and looked[part] > each[0]
        }
        count *= _LAST
    return found


def _first_numbers(
    cluster: Cluster, starts: Mapping[Part, int], ends: Mapping[Part, int]
) -> dict[Part, int]:
    """By partition, the first number among these records; none where none of them bears one."""
    found: dict[Part, int] = {}
    silence = cluster.outage_seconds
    with closing(
        Intake(cluster, starts, ends, numbered_from=0, silence_seconds_max=silence)
    ) as intake:
        for part in starts:
            intake.await_more(part)
            if intake.waiting[part]:
                found[part] = intake.waiting[part][0][0] // 2
    return found
