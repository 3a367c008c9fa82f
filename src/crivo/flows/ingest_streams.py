"""Import of a folder of streams: transfers and what is told beside them, merged by receipt.

A vector knows what came before it in the log. So streams are not imported one after the other but
day by day, each day's events in the order of receipt, then of the streams' rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Final

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event
from crivo.domain.instant import format_rfc3339
from crivo.domain.report import SCHEMA as REPORT
from crivo.domain.streams import STREAM_RANK
from crivo.domain.transfer import Transfer
from crivo.flows.appending import Appender, known_transfer
from crivo.flows.history import history_event, transfer_of_row
from crivo.flows.ingest import (
    UP_TO_NOW,
    IngestResult,
    Progress,
    malformed_row,
    origin_of,
    quarantined_row,
)
from crivo.flows.mapping import Mapping
from crivo.flows.ports import Cell, Log, Quarantine, QuarantinedRow, Table, TableReader
from crivo.flows.refused_columns import columns_by_field
from crivo.flows.rows import RowReader
from crivo.flows.same_party import PARTY, AppendedTogether
from crivo.flows.told_mapping import Told
from crivo.flows.told_rows import ToldReader
from crivo.flows.unreadable import check_filled
from crivo.governance.pseudonym import Pseudonymiser

#: Days of transfers whose facts are at hand without a look into the log.
_DAYS_REMEMBERED: Final = 2


@dataclass(frozen=True, slots=True)
class DayOfStreams:
    """What was received on one day: the file of transfers, and those of what is told."""

    transfers: TableReader | None
    told: tuple[tuple[Told, TableReader], ...]


#: The cells of a row, for people.
_Raw = Callable[[int], dict[str, Cell]]
_Aside = Callable[[int, Refused], QuarantinedRow]
#: Where an event belongs among those of its day: receipt, stream, file, row.
_Place = tuple[int, int, int, int]


def ingest_streams(
    days: Sequence[DayOfStreams],
    mapping: Mapping,
    log: Log,
    quarantine: Quarantine,
    pseudonymiser: Pseudonymiser,
    *,
    now: int,
    until: int | None = None,
    is_to_train: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> IngestResult:
    """What became of the rows, once all of it is durable: each section counts the rows it reads.

    Running it again adds what is missing and nothing else. With `until`, only what was received
    before that instant counts. `now` is the wall clock. Streams that are `is_to_train` must hold
    something in every column of transfers that may be empty in a row.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING (a column, or all that is in one), IMPORT_TOO_LARGE;
            LOG_ORDER where a day reaches back before what the log holds, or beyond a wall clock.
        Unavailable: LOG_UNAVAILABLE; what was appended until then stays, and is skipped next time.
    """
    run = _Run(mapping, log, quarantine, pseudonymiser, now, until)
    # Before anything is appended: what lies furthest ahead is of the last day.
    for day in days[-1:]:
        run.check_not_ahead(day)
    if is_to_train:
        columns = mapping.columns()
        check_filled((day.transfers.read(columns) for day in days if day.transfers), mapping)
    for done, day in enumerate(days, start=1):
        run.take(day)
        progress(done, len(days))
    assert run.result.is_conserved, run.result
    return run.result


class _Run:
    """One import under way."""

    def __init__(
        self,
        mapping: Mapping,
        log: Log,
        quarantine: Quarantine,
        pseudonyms: Pseudonymiser,
        now: int,
        until: int | None,
    ) -> None:
        self.result = IngestResult()
        self._mapping = mapping
        self._log = log
        self._quarantine = quarantine
        self._pseudonyms = pseudonyms
        self._now = now
        self._until = until
        self._is_wall = log.manifest.clock is ClockKind.WALL
        name = f"the folder of {mapping.source}"
        self._appender = Appender(log, lambda _: name, self._count, self._conflict)
        # What puts aside each transfer of one `append`, and each step of a marker or list entry.
        self._asides: dict[int, Callable[[Refused], QuarantinedRow]] = {}
        self._days: list[dict[str, Transfer]] = []
        self._refused: list[QuarantinedRow] = []

    def check_not_ahead(self, day: DayOfStreams) -> None:
        """Nothing, where no row of the day lies beyond a wall clock.

        Raises:
            Refused: LOG_ORDER.
        """
        if not self._is_wall:
            return
        if day.transfers is not None:
            rows = RowReader(day.transfers.read(self._mapping.columns()), self._mapping)
            newest = rows.order(start=None, until=self._until)[-1:]
            self._check_receipts(rows.received_at(row) for row in newest.tolist())
        for section, reader in day.told:
            told = section.of_file(reader.columns())
            table = reader.read(told.columns(self._time_column))
            self._check_receipts(self._reader(table, told).receipts(until=self._until))

    def take(self, day: DayOfStreams) -> None:
        """Appends the events of one day."""
        self._days = [{}, *self._days[: _DAYS_REMEMBERED - 1]]
        placed: list[tuple[_Place, Event]] = []
        if day.transfers is not None:
            table = day.transfers.read(self._mapping.columns())
            origin = origin_of(table.name, table.sha256)
            placed += self._placed(0, origin, table, *self._transfers(table))
        for number, (section, reader) in enumerate(day.told, start=1):
            told = section.of_file(reader.columns())
            table = reader.read(told.columns(self._time_column))
            # Two sections may read one file: each says for itself what it could not read.
            origin = f"{origin_of(table.name, table.sha256)}/{told.schema}"
            placed += self._placed(number, origin, table, *self._told(table, told))
        placed.sort(key=itemgetter(0))
        self._appender.append(self._of_one_party([event for _, event in placed]))
        if self._refused:
            self._quarantine.put(self._refused)
        self._refused, self._asides = [], {}

    @property
    def _time_column(self) -> str:
        return self._mapping.time.received or self._mapping.time.column

    def _aside(self, table: Table, raw: _Raw, columns: dict[str, str]) -> _Aside:
        """What makes a refused row of a file; `columns` hold which fields."""
        origin = origin_of(table.name, table.sha256)

        def aside(row: int, refusal: Refused) -> QuarantinedRow:
            where = table.row_numbers([row])[0]
            return quarantined_row(origin, where, refusal, raw(row), self._now, columns)

        return aside

    def _transfers(self, table: Table) -> tuple[Iterator[tuple[int, Event | Refused]], _Aside]:
        """(row, event or refusal) of each transfer, and what makes a refused row."""
        rows = RowReader(table, self._mapping)
        aside = self._aside(table, rows.raw, columns_by_field(self._mapping))

        def parsed() -> Iterator[tuple[int, Event | Refused]]:
            wanted = rows.timeless() + rows.order(start=None, until=self._until).tolist()
            for row, found in zip(wanted, rows.parse(wanted), strict=True):
                try:
                    if isinstance(found, Refused):
                        raise found
                    value = transfer_of_row(found, self._pseudonyms)
                except Refused as refused:
                    yield row, refused
                    continue
                self._days[0][value.end_to_end_id] = value
                event = history_event(found, value, source=self._mapping.source)
                self._appender.note_transfer(event, value)
                self._asides[id(event)] = partial(aside, row)
                yield row, event

        return parsed(), aside

    def _told(
        self, table: Table, told: Told
    ) -> tuple[Iterator[tuple[int, Event | Refused]], _Aside]:
        reader = self._reader(table, told)
        aside = self._aside(table, reader.raw, told.fields)

        def parsed() -> Iterator[tuple[int, Event | Refused]]:
            rows = reader.rows(until=self._until)
            for row, found in zip(rows, reader.parse(rows), strict=True):
                if not isinstance(found, Refused) and found.schema in PARTY:
                    self._asides[id(found)] = partial(aside, row)
                yield row, found

        return parsed(), aside

    def _reader(self, table: Table, told: Told) -> ToldReader:
        return ToldReader(table, told, self._mapping, self._pseudonyms, self._find)

    def _placed(
        self,
        number: int,
        origin: str,
        table: Table,
        parsed: Iterator[tuple[int, Event | Refused]],
        aside: _Aside,
    ) -> Iterator[tuple[_Place, Event]]:
        """The events of a file with their places; what is none is put aside."""
        self._put_aside([malformed_row(origin, row, self._now) for row in table.malformed])
        for row, found in parsed:
            if isinstance(found, Refused):
                self._put_aside([aside(row, found)])
                continue
            self._check_receipts([found.received_at])
            self.result.received += 1
            yield (found.received_at, STREAM_RANK[found.stream], number, row), found

    def _of_one_party(self, events: Sequence[Event]) -> list[Event]:
        """The events but for steps that name another party than one before: these are put aside."""
        together = AppendedTogether(self._log)
        kept = []
        for event in events:
            try:
                together.check(event)
            except Refused as refusal:
                self._conflict(event, refusal)
                continue
            kept.append(event)
        return kept

    def _conflict(self, event: Event, refusal: Refused) -> None:
        """The row was counted when it was read."""
        self.result.received -= 1
        self._put_aside([self._asides[id(event)](refusal)])

    def _put_aside(self, refused: list[QuarantinedRow]) -> None:
        self._refused += refused
        self.result.received += len(refused)
        self.result.quarantined += len(refused)
        self.result.causes.update(row.code for row in refused)

    def _find(self, end_to_end_id: str) -> Transfer | None:
        """The transfer of an id: of these days, of the log's history, or decided here."""
        for day in self._days:
            if end_to_end_id in day:
                return day[end_to_end_id]
        return known_transfer(self._log, end_to_end_id)

    def _count(self, event: Event, is_new: bool) -> None:
        is_report = event.schema == REPORT
        self.result.accepted += is_new
        self.result.duplicate += not is_new
        self.result.reports += is_report and is_new
        self.result.reports_duplicate += is_report and not is_new

    def _check_receipts(self, instants: Iterable[int]) -> None:
        ahead = max(instants, default=self._now)
        if self._is_wall and ahead > self._now:
            raise Refused(
                Code.LOG_ORDER,
                "the streams reach beyond the clock of the log",
                hint=UP_TO_NOW,
                field="received_at",
                expected=f"nothing received after {format_rfc3339(self._now)}",
                found=format_rfc3339(ahead),
            )
