"""What the flows ask of a lake: tables that are appended to once, replaced day by day, and read as
they were. `tests/ports/test_lake_laws.py` proves adapters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa

from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Manifest
from crivo.lake.table import Table

#: A (stream, partition) of a log.
Part = tuple[str, int]

#: Rows are wanted whose cell in that column is among these; a `range` is asked for by its bounds.
Among = Mapping[str, Collection[object]]


class LakeTable(Protocol):
    """A table as it is at one version; what is written through it is written on that version.

    Laws:
        1. A reader sees a write whole or not at all.
        2. An append whose positions another writer has moved since changes nothing.
        3. A replacement of days leaves the rows of all other days; one that meets another writer's
           commit to the same table, whatever that touched, changes nothing.
        4. What breaks a rule of the table is never written.
    """

    @property
    def version(self) -> int:
        """The version: every write makes the next."""
        ...

    def position(self, application: str) -> int | None:
        """Up to where an application has written; None where it never has."""
        ...

    def append(self, rows: pa.Table, positions: Mapping[str, int]) -> bool:
        """Appends, and moves the positions of applications: both or, where False, neither.

        Raises:
            Unavailable: LAKE_UNAVAILABLE. Refused: LAKE_DIFFERS for a row that breaks a rule.
        """
        ...

    def replace(self, rows: pa.Table, days: Collection[date] | None) -> bool:
        """Makes these the rows of the days (None: of the table); False where a writer was first.

        Raises:
            Unavailable, Refused: as `append`.
        """
        ...

    def counts(self) -> dict[date, int]:
        """How many rows each day has."""
        ...

    def read(self, columns: Sequence[str] | None = None, among: Among | None = None) -> pa.Table:
        """The rows, or those that are wanted of them, in no order."""
        ...


class Lake(Protocol):
    """A folder or a bucket of tables."""

    def open(self, table: Table) -> LakeTable:
        """The table as it is now; it is made where there is none.

        Raises:
            Unavailable: LAKE_UNAVAILABLE. Misconfigured: LAKE_DIFFERS for other columns.
        """
        ...

    def has(self, table: Table) -> bool:
        """Whether there is such a table."""
        ...


class Taken(NamedTuple):
    """What was taken of a partition: the offset behind it, and the greatest number among its events
    (-1 before the first), which tells what else bears a number there.
    """

    offset: int = 0
    number: int = -1


class StoredLog(Protocol):
    """A log whose records can be read as they are stored, from offsets on."""

    @property
    def manifest(self) -> Manifest:
        """Whose it is, and how many partitions each stream has."""
        ...

    @property
    def place(self) -> str:
        """Where it lies, as its offsets are of that place: nothing for a file, or `kafka`."""
        ...

    def ends(self) -> Mapping[Part, int]:
        """The offset up to which each partition can be read by now, where that may lie behind its
        last row: a lake that has read so far misses nothing below.

        Raises:
            Unavailable: LOG_UNAVAILABLE.
        """
        ...

    def rows_after(self, taken: Mapping[Part, Taken], *, limit: int) -> Iterator[list[EventRow]]:
        """The rows behind what was taken (of other partitions: all), in lists of at most
        `limit`, each partition's in order, up to the log's end as it is now.

        Raises:
            Misconfigured: LOG_MISMATCH where the log no longer holds an offset that is asked for.
        """
        ...


@dataclass(frozen=True, slots=True)
class Refined:
    """What refining did: rows appended to bronze, days refined, their rows and where these went."""

    appended: int
    days: int
    rows: int
    silver: int
    quarantined: int
