"""What the writer has just made durable, kept until it is sealed: nobody reads it from the file.

A reader that always looks at the newest pages may keep the write-ahead log from starting anew. Nor
need what the writer holds in memory be read from the file and unpacked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from crivo.adapters.sqlite.reader import SqliteLogReader
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow, stored_record
from crivo.flows.seal import StoredRecord

#: Rows that wait at most, of some two kilobytes each; what comes while so many wait is read again.
RECENT_MAX: Final = 20_000


class RecentRecords:
    """`StoredRecords` of a log that is being written. One thread adds, another one takes.

    It may have gaps, and knows nothing of what came before it: that is read from the file.
    """

    def __init__(self, reader: SqliteLogReader) -> None:
        self._reader: Final = reader
        self._rows: deque[EventRow] = deque()
        self._end = -1

    def add(self, rows: Sequence[EventRow]) -> None:
        """The rows are durable, as they are here."""
        if len(self._rows) < RECENT_MAX:
            self._rows.extend(rows)
            self._end = rows[-1][0] + 1
        else:
            self._end = -1

    def stored_records(self, *, start: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Up to `limit` durable records with `seq >= start`, by `seq`; and where to read on."""
        rows = self._rows
        while rows and rows[0][0] < start:
            rows.popleft()
        if not rows and start == self._end:
            return [], start
        if not rows or rows[0][0] > start:
            return self._reader.stored_records(start=start, limit=limit)
        found: list[StoredRecord] = []
        while rows and rows[0][0] == start and len(found) < limit:
            row = rows.popleft()
            start += 1
            if row[1] == Stream.DECISIONS:
                found.append(stored_record(row))
        return found, start
