"""Import: rows of a table become events of the past; what is no transfer goes to quarantine."""

from __future__ import annotations

import heapq
from collections import Counter, abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crivo.domain.advice import ADVICE
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.domain.instant import format_rfc3339
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.flows.appending import Appender
from crivo.flows.history import history_event, label_event, transfer_of_row
from crivo.flows.mapping import Mapping
from crivo.flows.ports import (
    Cell,
    Log,
    MalformedRow,
    Quarantine,
    QuarantinedRow,
    Table,
    TableReader,
)
from crivo.flows.refused_columns import columns_by_field
from crivo.flows.rows import PlayedRow, RowReader
from crivo.flows.unreadable import check_filled, check_labels_to_train
from crivo.governance.pseudonym import Pseudonymiser

#: Rows that become one transaction. Ids are digests, so that each transaction touches pages all
#: over their index: many small ones would write the index again and again.
APPEND_ROWS: Final = 100_000

#: Characters of a refused row that are kept for people, and of one of its cells.
RAW_CHARACTERS_MAX: Final = 2_000
_CELL_SHOWN_MAX: Final = 200

#: What to do with a table that reaches beyond a wall clock.
UP_TO_NOW: Final = (
    "Import up to now alone (`crivo ingest --until`), from which `crivo train` without --data "
    "learns, or into a log with a replay clock."
)

#: Called with rows done and rows in all.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class IngestResult:
    """What became of a table's rows: received = accepted + quarantined + duplicate, always.

    `reports` were appended; `reports_duplicate` were there already; `reports_later` are known only
    after the stretch that was asked for (or after now), and were left out. `later` rows of a table
    were received after it; they are no part of `received`. In a folder of streams reports are rows
    like the others, and counted among the accepted too. `unnamed` are the columns of a table that
    its mapping does not name: nothing reads them.
    """

    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    later: int = 0
    reports: int = 0
    reports_duplicate: int = 0
    reports_later: int = 0
    causes: Counter[Code] = field(default_factory=Counter)
    unnamed: tuple[str, ...] = ()

    @property
    def is_conserved(self) -> bool:
        """Whether every row is accounted for."""
        return self.received == self.accepted + self.quarantined + self.duplicate


def ingest(
    reader: TableReader,
    mapping: Mapping,
    log: Log,
    quarantine: Quarantine,
    pseudonymiser: Pseudonymiser,
    *,
    now: int,
    until: int | None = None,
    received_at: int | None = None,
    is_to_train: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> IngestResult:
    """What became of the rows, once all of it is durable.

    Transfers go to `pix.history.v1`, and each row called fraud adds an accepted report at the
    instant it was known; both in the order of receipt. Running it again, also after it was killed
    at any point, adds what is missing and nothing else. With `until`, only what was received (or
    known) before that instant counts. With `received_at`, the rows are received at that instant
    whatever the table says: so come in rows that were mended, once the log went on. `now` is the
    wall clock, for quarantine and wall-clock logs. A table that `is_to_train` must hold something
    in every column that may be empty in a row; of its labels few may be unreadable or known only
    later, and of its frauds few may be refused.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING (a column, or all that is in one), IMPORT_TOO_LARGE;
            TIME_RANGE for labels that are known only later; FIELD_VALUE and the like for labels
            that cannot be read, and frauds that are refused; LOG_ORDER where the table reaches back
            before what the log holds, or beyond a wall clock.
        Unavailable: LOG_UNAVAILABLE; what was appended until then stays, and is skipped next time.
    """
    table = reader.read(mapping.columns())
    rows = RowReader(table, mapping, received_at=received_at)
    order = rows.order(start=None, until=until)
    if log.manifest.clock is ClockKind.WALL:
        _check_not_ahead(table, rows, order, now)
        until = now + 1 if until is None else min(until, now + 1)
    if is_to_train:
        check_filled([table], mapping)
        check_labels_to_train(mapping, rows, order, until)
    run = _Run(table, mapping, log, quarantine, pseudonymiser, rows, now, until)
    named = {*mapping.columns()}
    run.result.unnamed = tuple(name for name in reader.columns() if name not in named)
    if until is not None:
        run.result.later = len(rows.order(start=until, until=None))
    run.put_aside(table.malformed, rows.timeless())
    total = run.result.received + len(order)
    for start in range(0, len(order), APPEND_ROWS):
        run.take(order[start : start + APPEND_ROWS].tolist())
        progress(run.result.received, total)
    run.append_reports()
    assert run.result.is_conserved, run.result
    return run.result


def played_rows(table: Table, mapping: Mapping, start: int, end: int) -> list[PlayedRow]:
    """The transfers received in [start, end), in the order of receipt, as outsiders send them.

    Their EndToEndIds are those of an import of the same table. Rows that are no transfers are left
    out: an import puts them into quarantine.
    """
    rows = RowReader(table, mapping)
    order = rows.order(start=start, until=end).tolist()
    return [row for row in rows.parse(order) if not isinstance(row, Refused)]


def due_reports(table: Table, mapping: Mapping, start: int, end: int) -> list[PlayedRow]:
    """The rows whose fraud becomes known in [start, end), by `known_at`: reports to play in."""
    rows = RowReader(table, mapping)
    frauds = rows.labelled(rows.order(start=None, until=end).tolist())
    due = [
        row
        for row in rows.parse(frauds)
        if not isinstance(row, Refused) and row.known_at is not None and start <= row.known_at < end
    ]
    return sorted(due, key=lambda row: (row.known_at, row.received_at))


class _Run:
    """One import under way."""

    def __init__(
        self,
        table: Table,
        mapping: Mapping,
        log: Log,
        quarantine: Quarantine,
        pseudonymiser: Pseudonymiser,
        rows: RowReader,
        now: int,
        until: int | None,
    ) -> None:
        self.result = IngestResult()
        self._table = table
        self._source = mapping.source
        self._origin = origin_of(table.name, table.sha256)
        self._quarantine = quarantine
        self._pseudonyms = pseudonymiser
        self._rows = rows
        self._columns = columns_by_field(mapping)
        self._now = now
        self._until = until
        # Reports that are not due yet: (known_at, count, event). The count keeps their order.
        self._waiting: list[tuple[int, int, Event]] = []
        self._counted = 0
        self._appender = Appender(log, lambda _: table.name, self._count, self._conflict)
        # Where in the table the transfers of one `append` stand, and whose ids others have.
        self._places: dict[int, int] = {}
        self._conflicts: list[QuarantinedRow] = []
        # Rows that were refused once, and may come in mended.
        self._awaited = quarantine.waiting()

    def put_aside(self, malformed: Sequence[MalformedRow], timeless: Sequence[int]) -> None:
        """Counts and quarantines the rows that have no place in time."""
        self.result.received += len(malformed)
        self._put([malformed_row(self._origin, row, self._now) for row in malformed])
        for start in range(0, len(timeless), APPEND_ROWS):
            self.take(timeless[start : start + APPEND_ROWS])

    def take(self, rows: Sequence[int]) -> None:
        """Appends what these rows hold, with the reports that are due before the last of them."""
        events: list[Event] = []
        refused: list[QuarantinedRow] = []
        firsts: dict[str, Transfer] = {}
        for row, parsed in zip(rows, self._rows.parse(rows), strict=True):
            try:
                if isinstance(parsed, Refused):
                    raise parsed
                value = transfer_of_row(parsed, self._pseudonyms)
                first = firsts.setdefault(value.end_to_end_id, value)
                if parsed.known_at is not None:
                    # Its label would be told of the other one.
                    self._appender.check_first(first, value)
            except Refused as refusal:
                refused.append(self._quarantined(row, refusal))
                continue
            if self._waiting:
                events.extend(self._due(parsed.received_at))
            event = history_event(parsed, value, source=self._source)
            events.append(event)
            self._appender.note_transfer(event, value)
            self._places[id(event)] = row
            if parsed.known_at is not None:
                self._wait(label_event(value, parsed.known_at, source=self._source))
        self.result.received += len(rows)
        self._appender.append(events)
        if self._awaited:
            self._mend()
        self._put(refused + self._conflicts)
        self._places, self._conflicts = {}, []

    def _mend(self) -> None:
        """Notes which of the rows that were refused once came in with the last `append`."""
        came = self._awaited.intersection(self._rows.identities(list(self._places.values())))
        if came:
            self._quarantine.mend(sorted(came), at=self._now)
            self._awaited -= came

    def append_reports(self) -> None:
        """Appends the reports that are left, in their order."""
        events = list(self._due(None))
        for start in range(0, len(events), APPEND_ROWS):
            self._appender.append(events[start : start + APPEND_ROWS])

    def _wait(self, event: Event) -> None:
        if self._until is not None and event.received_at >= self._until:
            self.result.reports_later += 1
            return
        self._counted += 1
        heapq.heappush(self._waiting, (event.received_at, self._counted, event))

    def _due(self, before: int | None) -> Iterator[Event]:
        """The waiting reports known before this instant (None: all): at one instant the transfer
        comes first, by the rank of its stream.
        """
        while self._waiting and (before is None or self._waiting[0][0] < before):
            yield heapq.heappop(self._waiting)[2]

    def _count(self, event: Event, is_new: bool) -> None:
        result = self.result
        if event.stream is Stream.REPORTS:
            result.reports += is_new
            result.reports_duplicate += not is_new
        else:
            result.accepted += is_new
            result.duplicate += not is_new

    def _conflict(self, event: Event, refusal: Refused) -> None:
        self._conflicts.append(self._quarantined(self._places.pop(id(event)), refusal))

    def _put(self, refused: Sequence[QuarantinedRow]) -> None:
        if refused:
            self._quarantine.put(refused)
        self.result.quarantined += len(refused)
        self.result.causes.update(row.code for row in refused)

    def _quarantined(self, row: int, refusal: Refused) -> QuarantinedRow:
        number = self._table.row_numbers([row])[0]
        cells = self._rows.raw(row)
        found = quarantined_row(self._origin, number, refusal, cells, self._now, self._columns)
        # The id of a conflict is another's: nothing that comes in under it mends this row.
        has_own = refusal.code is not Code.CONFLICT
        return replace(found, identity=self._rows.identities([row])[0]) if has_own else found


def origin_of(name: str, sha256: str) -> str:
    """What quarantine calls a file: its name, and which bytes it had."""
    return f"{name}@{sha256[:12]}"


def quarantined_row(
    origin: str,
    number: int,
    refusal: Refused,
    cells: abc.Mapping[str, Cell],
    at: int,
    columns: abc.Mapping[str, str],
) -> QuarantinedRow:
    """A refused row with its cause and its cells, shortened; `columns` hold which fields."""
    context = refusal.context
    field = str(context.get("field", ""))
    raw = {column: _shown(cell) for column, cell in cells.items()}
    return QuarantinedRow(
        source=origin,
        row_number=number,
        code=refusal.code,
        field=field,
        expected=str(context.get("expected", "")),
        found=str(context.get("found", "")),
        hint=refusal.hint or ADVICE[refusal.code],
        raw=msgspec.json.encode(raw).decode()[:RAW_CHARACTERS_MAX],
        at=at,
        column=field if field in cells else columns.get(field, ""),
    )


def malformed_row(origin: str, row: MalformedRow, at: int) -> QuarantinedRow:
    """A row that does not fit its table."""
    return QuarantinedRow(
        source=origin,
        row_number=row.row_number,
        code=Code.ROW_MALFORMED,
        field="",
        expected=row.expected,
        found=row.found[:_CELL_SHOWN_MAX],
        hint="The row does not fit its table: mend it in a file of its own, with the header, "
        "and import that with --received.",
        raw=row.raw[:RAW_CHARACTERS_MAX],
        at=at,
    )


def _shown(cell: Cell) -> str | None:
    """A cell as text for people, shortened; None stays None."""
    if cell is None:
        return None
    if isinstance(cell, bytes | str):
        cell = cell[: 4 * _CELL_SHOWN_MAX]
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    return text[:_CELL_SHOWN_MAX]


def _check_not_ahead(table: Table, rows: RowReader, order: NDArray[np.int64], now: int) -> None:
    newest = int(order[-1]) if len(order) else None
    if newest is None or rows.received_at(newest) <= now:
        return
    (number,) = table.row_numbers([newest])
    ahead = len(rows.order(start=now + 1, until=None))
    raise Refused(
        Code.LOG_ORDER,
        f"{ahead:,} rows of the table lie beyond the clock of the log, row {number:,} the furthest",
        hint=f"Mend their times. {UP_TO_NOW}",
        field="received_at",
        expected=f"nothing received after {format_rfc3339(now)}",
        found=format_rfc3339(rows.received_at(newest)),
    )
