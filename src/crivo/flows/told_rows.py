"""Rows of a stream's file as documents of a schema, judged like any event from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.declared import DeclaredField
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.event import Event
from crivo.domain.instant import format_rfc3339, from_datetime
from crivo.domain.transfer import Transfer
from crivo.flows.cells import parse_time
from crivo.flows.event_body import parse_event
from crivo.flows.event_of import event_of
from crivo.flows.listing import check_can_hold
from crivo.flows.mapping import Mapping as MappingFile
from crivo.flows.ports import Cell, Table
from crivo.flows.told_mapping import FILLED_IN, Told, filled_in
from crivo.flows.told_values import PlainValues
from crivo.governance.pseudonym import Pseudonymiser

#: Python refuses to read more than 4,300 digits, and no field holds twenty.
_DIGITS_MAX: Final = 400

_BOOLS: Final = {"true": True, "false": False}

#: The transfer of an EndToEndId, or None where it is not known.
FindTransfer = Callable[[str], Transfer | None]


class ToldReader:
    """Reads the rows of one file by one section of a mapping."""

    def __init__(
        self,
        table: Table,
        told: Told,
        mapping: MappingFile,
        pseudonyms: Pseudonymiser,
        find: FindTransfer,
    ) -> None:
        self.told: Final = told
        self._table = table
        self._mapping = mapping
        self._time = mapping.time.received or mapping.time.column
        self._pseudonyms = pseudonyms
        self._find = find
        self._declared = told.declared()
        self._zone, self._epoch = mapping.zone, mapping.epoch
        self._columns = told.columns(self._time)
        self._plain = PlainValues(told, self._columns, self._zone, pseudonyms)
        self._received_place = self._columns.index(self._time)
        id_column = told.fields.get("end_to_end_id") if told.is_about_transfer else None
        self._id_place = None if id_column is None else self._columns.index(id_column)

    def rows(self, *, until: int | None) -> list[int]:
        """The rows that tell an event received before `until`, in the order of the file."""
        every = range(self._table.row_count)
        needed = {told: _written(word) for told, word in self.told.where.items()}
        kept = [True] * len(every)
        if self.told.when is not None:
            kept = [not _is_empty(cell) for cell in self._table.cells(self.told.when, every)]
        for column, word in needed.items():
            cells = self._table.cells(column, every)
            kept = [k and _written(cell) == word for k, cell in zip(kept, cells, strict=True)]
        if until is not None:
            cells = self._table.cells(self._time, every)
            kept = [k and self._is_before(cell, until) for k, cell in zip(kept, cells, strict=True)]
        return [row for row in every if kept[row]]

    def receipts(self, *, until: int | None) -> Iterator[int]:
        """When each of these rows was received, as far as that can be read."""
        for cell in self._table.cells(self._time, self.rows(until=until)):
            try:
                yield self._instant(cell, self._time)
            except Refused:
                continue

    def parse(self, rows: Sequence[int]) -> Iterator[Event | Refused]:
        """The event of each of the rows, or why it is none."""
        columns = [self._table.cells(name, rows) for name in self._columns]
        facts, is_known = self._facts_of(columns, len(rows))
        values = self._plain.values(columns, facts, len(rows))
        received = columns[self._received_place]
        for place, value in enumerate(values):
            if value is None or not is_known[place]:
                yield self._judged(
                    {n: c[place] for n, c in zip(self._columns, columns, strict=True)}
                )
                continue
            try:
                yield self._placed(value, self._instant(received[place], self._time))
            except Refused as refused:
                yield refused

    def _facts_of(
        self, columns: Sequence[Sequence[Cell]], count: int
    ) -> tuple[list[Sequence[object]], list[bool]]:
        """The facts of the rows' transfers, a column each, and which transfers are known."""
        if self._id_place is None:
            return [], [True] * count
        ids = columns[self._id_place]
        found = [
            self._find(id_.decode("utf-8", "replace")) if isinstance(id_, bytes) else None
            for id_ in ids
        ]
        nothing = [None] * len(FILLED_IN)
        facts = [nothing if each is None else list(filled_in(each).values()) for each in found]
        return list(zip(*facts, strict=True)) or [()] * len(FILLED_IN), [
            each is not None for each in found
        ]

    def raw(self, row: int) -> dict[str, Cell]:
        """The cells of a row that the section reads, by column, for people."""
        return {column: self._table.cells(column, [row])[0] for column in self._columns}

    def _judged(self, cells: Mapping[str, Cell]) -> Event | Refused:
        try:
            return self._event(cells)
        except Refused as refused:
            return refused

    def _event(self, cells: Mapping[str, Cell]) -> Event:
        received_at = self._instant(cells[self._time], self._time)
        document: dict[str, Any] = {}
        for path, constant in self.told.constants.items():
            _put(document, path, constant)
        for path, column in self.told.fields.items():
            written = self._field(cells[column], self._declared[path], column)
            if written is not None:
                _put(document, path, written)
        facts = self._facts(document) if self.told.is_about_transfer else None
        value = parse_event(self.told.schema, document, self._pseudonyms, facts=facts)
        return self._placed(value, received_at)

    def _placed(self, value: Any, received_at: int) -> Event:
        check_can_hold(value)
        occurred_at = getattr(value, "occurred_at", received_at)
        if occurred_at > received_at + CLOCK_AHEAD_MAX:
            raise invalid(
                Code.CLOCK_AHEAD,
                field="occurred_at",
                expected="at most 60 s after the receipt",
                found=occurred_at,
            )
        return event_of(
            value,
            occurred_at=occurred_at,
            received_at=received_at,
            source=self._mapping.source,
        )

    def _facts(self, document: Mapping[str, Any]) -> dict[str, object]:
        """What an event repeats of its transfer: the door fills it in, whatever the file says."""
        end_to_end_id = document.get("end_to_end_id")
        found = self._find(end_to_end_id) if isinstance(end_to_end_id, str) else None
        if found is None:
            raise Refused(
                Code.NOT_FOUND,
                "no transfer of this EndToEndId is known here",
                hint="Import the transfers with, or before, what is told about them.",
                field="end_to_end_id",
                expected="the id of a known transfer",
                found=end_to_end_id,
            )
        return filled_in(found)

    def _field(self, cell: Cell, declared: DeclaredField, column: str) -> object:
        """A cell as a document has it; None where it is empty."""
        if _is_empty(cell):
            return None
        form = declared.type.form
        if form is not None and form.name == "instant" and not isinstance(cell, datetime):
            return _text(cell, column)
        if isinstance(cell, datetime):
            moment = cell if cell.tzinfo else cell.replace(tzinfo=self._zone)
            return format_rfc3339(from_datetime(moment))
        if not isinstance(cell, bytes | str):
            return cell
        text = _text(cell, column)
        if declared.type.base is bool:
            return _BOOLS.get(text, text)
        digits = text.removeprefix("-")
        if declared.type.base is int and digits.isascii() and digits.isdigit():
            # A longer one stays text, which no whole number is: no field holds so many digits.
            return int(text) if len(digits) <= _DIGITS_MAX else text
        return text

    def _is_before(self, cell: Cell, until: int) -> bool:
        """Whether a row was received before then; one that does not say when is told of as such."""
        try:
            return self._instant(cell, self._time) < until
        except Refused:
            return True

    def _instant(self, cell: Cell, column: str) -> int:
        time = self._mapping.time
        unit = time.unit.microseconds if time.unit else None
        return parse_time(cell, field=column, zone=self._zone, unit=unit, epoch=self._epoch)


def _is_empty(cell: Cell) -> bool:
    return cell is None or cell in {b"", ""}


def _text(cell: Cell, column: str) -> str:
    try:
        return cell.decode() if isinstance(cell, bytes) else str(cell)
    except UnicodeDecodeError:
        raise invalid(Code.FIELD_TYPE, field=column, expected="UTF-8", found=cell) from None


def _written(cell: Cell) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _put(document: dict[str, Any], path: str, value: object) -> None:
    *parts, last = path.split(".")
    for part in parts:
        document = document.setdefault(part, {})
    document[last] = value
