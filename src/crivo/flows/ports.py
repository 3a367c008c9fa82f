"""What the flows ask of the outside: each port names its laws, `tests/ports` proves adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, CrivoError
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream

#: What a cell of a table may be. Text comes as bytes, so that bad UTF-8 costs one row, no file.
Cell = bytes | str | int | float | bool | Decimal | datetime | date | None

Task = TypeVar("Task")
Result = TypeVar("Result")

#: An event of a schema that is known: its sequence number and its payload in clear.
Payload = tuple[int, bytes]

#: Called once for each submission: None when it is durable, else why it is not (yet).
Done = Callable[[Exception | None], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was fixed when a log was made and never changes."""

    log_id: str
    clock: ClockKind
    partitions: int


class EventFinder(Protocol):
    """Who knows what came before, by its id."""

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id; None where none came."""
        ...


class LogReader(Protocol):
    """A log as anybody may read it.

    Laws:
        1. Reading the same range twice gives equal events, also while the log is being written.
        2. Events come in the order of `seq`, which has no gaps and starts at 0.
        3. `offset` rises within each (stream, partition). In SQLite it counts from 0 without gaps;
           in Kafka transactions take offsets too, so no count is ever a difference of offsets.
        4. A submission is seen whole or not at all.
        5. No read keeps a transaction open beyond 10,000 rows.
    """

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        ...

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Up to `limit` durable events with `seq >= start`, of these streams (None: of all)."""
        ...

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        ...

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are in the log (a writer counts what it has sequenced)."""
        ...

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id, if it is in the log (a writer finds what it has sequenced)."""
        ...

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` of a partition so far; 0 where it is empty."""
        ...


class BulkReader(LogReader, Protocol):
    """A `LogReader` for millions of events of a kind: `payloads` says of them what `read` says."""

    def payloads(
        self, schema: str, stretch: range, *, since: int | None = None, until: int | None = None
    ) -> list[Payload]:
        """The durable events of a schema in a stretch of the log, received in [since, until)."""
        ...


class OpenLogReader(BulkReader, Protocol):
    """A reader that holds something open."""

    def close(self) -> None:
        """Frees it."""
        ...


class Log(LogReader, Protocol):
    """The log as its one writer holds it.

    Laws:
        1. `append` returns, and `done(None)` is called, only after the events have survived a sync:
           cutting the power then loses nothing.
        2. The partition is the Kafka partitioner's over the key.
        3. A submission with an id that is already there, or twice the same id, raises
           Refused(DUPLICATE) and changes nothing. One that was vouched for as `never_seen` and is
           there all the same stops the log until it is opened again: nothing is doubled.
        4. After a failed commit its callers hear Unavailable(LOG_UNAVAILABLE), new submissions are
           refused with it, and the same bytes are retried until they are durable: nothing is lost
           and nothing is doubled.
        5. There is one writer. Of a file a second one is refused with Unavailable(LOG_LOCKED); in
           Kafka it takes over, and it is the first that is refused with it, at its next submission.
        6. What was promised to be taken is sequenced, whatever failed since then: its callers hear
           of the failure as those of law 4.
    """

    def promise(self, events: int) -> None:
        """Nothing, if a submission of so many events that follows now will be sequenced.

        Raises:
            Unavailable: LOG_UNAVAILABLE, OVERLOADED, as `submit`.
        """
        ...

    def submit(
        self,
        events: Sequence[Event],
        done: Done,
        *,
        never_seen: bool = False,
        is_promised: bool = False,
    ) -> int:
        """The sequence number of the first event; `done` is called when all are durable.

        A caller that remembers every id it could meet again says `never_seen`: then those that are
        already durable are not looked up (which costs a tenth of a whole decision). `is_promised`
        follows a `promise` of as many events, and vouches for their ids as `never_seen` does.

        Raises:
            Refused: DUPLICATE, before anything is sequenced.
            Unavailable: LOG_UNAVAILABLE after a failed commit, OVERLOADED when too much waits; what
                was promised is refused only by a log that was closed or has ended.
        """
        ...

    def append(self, events: Sequence[Event]) -> int:
        """The sequence number of the first event; all are durable when it returns.

        Raises:
            Refused, Unavailable: as `submit`, and LOG_UNAVAILABLE when the commit itself fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A refused row with its cause: what a person needs to mend it. `raw` is shortened.

    `field` is as the refusal calls it, `column` as the table does; empty where no column holds it.
    `identity` is a digest of its own id, by which a mended row is known again, and empty where
    there is none; `mended_at` is when that one came in, 0 while it has not; `dismissed_at` is when
    somebody said, as `dismissed_by`, that nothing is to be done about it. Else it waits. What
    quotes the row lies sealed: `unopened` is why it cannot be read, and those texts are empty then.
    """

    source: str
    row_number: int
    code: Code
    field: str
    expected: str
    found: str
    hint: str
    raw: str
    at: int
    column: str = ""
    identity: str = ""
    mended_at: int = 0
    dismissed_at: int = 0
    dismissed_by: str = ""
    unopened: CrivoError | None = None

    @property
    def waits(self) -> bool:
        """Whether a person has something to do about it."""
        return not self.mended_at and not self.dismissed_at


class Quarantine(Protocol):
    """Where refused rows wait for a person.

    Laws:
        1. A (source, row number) is kept once: putting it again replaces its cause.
        2. `put` is durable before it returns, and so are `mend` and `dismiss`.
        3. A row that was mended or dismissed waits no longer: it is not counted, and stays to be
           looked at.
        4. What came in mended is in the log: a row of its identity waits no longer, wherever it is
           refused again. A row that was dismissed is, when it is refused again for the same cause.
    """

    def put(self, rows: Sequence[QuarantinedRow]) -> None:
        """Keeps the rows."""
        ...

    def rows(self, *, limit: int, settled: bool = False) -> list[QuarantinedRow]:
        """The first `limit` rows that wait, by (source, row number); with `settled` those too that
        were mended or dismissed.
        """
        ...

    def counts(self) -> dict[Code, int]:
        """How many rows wait, by cause."""
        ...

    def waiting(self) -> set[str]:
        """The identities of those that wait and have one."""
        ...

    def mend(self, identities: Sequence[str], *, at: int) -> None:
        """Notes that rows of these identities came in."""
        ...

    def dismiss(self, source: str, row_number: int, *, at: int, by: str) -> None:
        """Notes that somebody looked at a row that waits, and nothing is to be done about it."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A replica at rest. `cut` events are folded; `order_time` is the greatest receipt of them."""

    plan_hash: str
    log_id: str
    cut: int
    order_time: int
    arrays: dict[str, NDArray[Any]]


#: Told an array's name and how many bytes it has: where these may be read to; None: anywhere.
Room: TypeAlias = Callable[[str, int], NDArray[np.uint8] | None]


class Snapshots(Protocol):
    """Where snapshots lie.

    Laws:
        1. A snapshot is there whole or not at all, whenever the process or the power ends.
        2. What is loaded is byte for byte what was kept, or Misconfigured(SNAPSHOT_INVALID).
    """

    def keep(self, snapshot: Snapshot) -> None:
        """Keeps it; of many, the newest three and one a day stay; of other plans, the newest of
        each of the last two.
        """
        ...

    def others(self, plan_hash: str) -> list[tuple[str, int]]:
        """The other plans there are snapshots of, each with its newest cut; the newest first."""
        ...

    def cuts(self, plan_hash: str) -> list[int]:
        """The cuts there are of a plan, the newest first."""
        ...

    def load(self, plan_hash: str, cut: int, room: Room | None = None) -> Snapshot:
        """The snapshot of that plan and cut; its arrays lie where `room` says, if anywhere.

        Raises:
            Misconfigured: SNAPSHOT_INVALID; what `room` gave may have been written to.
        """
        ...


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that is no row of its table; `row_number` counts the data rows of the file from 1."""

    row_number: int
    expected: str
    found: str
    raw: str


@dataclass(frozen=True, slots=True)
class Timestamps:
    """Times of a column in microseconds since 1970: of UTC where the file names a zone, else of the
    clock on the wall. The least int64 stands for an empty cell.
    """

    microseconds: NDArray[np.int64]
    is_zoned: bool


class Table(Protocol):
    """A file's rows, held compactly; cells are handed out in slices, column by column.

    Laws:
        1. The same bytes always give the same rows under the same row numbers.
        2. Well-formed and malformed rows together are all data rows of the file.
    """

    @property
    def name(self) -> str:
        """The file's name, for people."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex."""
        ...

    @property
    def row_count(self) -> int:
        """How many rows are well formed: they are addressed by 0 .. row_count - 1."""
        ...

    @property
    def malformed(self) -> Sequence[MalformedRow]:
        """The rows that are none."""
        ...

    def row_numbers(self, rows: Sequence[int]) -> list[int]:
        """The number in the file of each of these rows, from 1, malformed ones counted."""
        ...

    def cells(self, column: str, rows: Sequence[int]) -> list[Cell]:
        """The cells of one column in these rows."""
        ...

    def timestamps(self, column: str) -> Timestamps | None:
        """A column that the file itself keeps as times; None for any other.

        It says what `cells` says, all at once: a table has millions of times.
        """
        ...

    def numbers(self, column: str, rows: range) -> NDArray[np.float64] | None:
        """These rows of a column of numbers, float64[n], an empty cell as NaN; None where the file
        keeps something else, or a text in it is not plainly a number.

        It says what `cells` says, all at once.
        """
        ...


class TableReader(Protocol):
    """Reads tables of one format or several."""

    def columns(self) -> tuple[str, ...]:
        """The names of the file's columns.

        Raises:
            Refused: FILE_UNREADABLE.
        """
        ...

    def read(self, columns: Sequence[str]) -> Table:
        """The table with these columns alone.

        Raises:
            Refused: FILE_UNREADABLE, FIELD_MISSING (a column), IMPORT_TOO_LARGE.
        """
        ...


class Workers(Protocol):
    """Processes that work beside this one.

    Laws:
        1. There is one result a task, in the order of the tasks.
        2. What a task raises is raised to the caller, and no further task begins.
    """

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """The results of `work` over the tasks; both can be sent to another process."""
        ...

    def share(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> AbstractContextManager[Iterator[Result]]:
        """The results as `run` has them, for a block in which the others have begun already; this
        process works beside them where it would wait for one.
        """
        ...
