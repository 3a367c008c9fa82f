"""Rows of a foreign table as transfers, by a mapping: for the import and for the demo's player."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta, tzinfo
from itertools import repeat
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from crivo.domain.account import CustomerSegment
from crivo.domain.br_code import NO_TXID
from crivo.domain.clock import CLOCK_AHEAD_MAX
from crivo.domain.errors import Code, Misconfigured, Refused, invalid
from crivo.domain.event import make_event_id
from crivo.domain.identifiers import derived_end_to_end_id, end_to_end_id_minute
from crivo.domain.instant import EARLIEST, LATEST, format_rfc3339
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel
from crivo.flows.cells import label_text, missing, parse_amount, parse_label, parse_text, parse_time
from crivo.flows.mapping import AmountUnit, Kind, Mapping
from crivo.flows.ports import Cell, Table

#: Rows that are read, parsed and handed on together.
BATCH_ROWS: Final = 10_000

_INITIATIONS: Final = {member.value: member for member in Initiation}
_PURPOSES: Final = {member.value: member for member in Purpose}
_SERVICE_LEVELS: Final = {member.value: member for member in ServiceLevel}
_SEGMENTS: Final = {member.value: member for member in CustomerSegment}
#: Cells of a code's id that say that there is none.
_NO_TXID: Final = (None, NO_TXID, NO_TXID.encode())
_END_TO_END_ID_CHARACTERS: Final = 32

Member = TypeVar("Member")


class PlayedRow(NamedTuple):
    """A transfer as an outsider would send it, ids raw; and what is said of it, and when.

    `known_at` is the instant at which a fraud is known, None for what is not called one.
    """

    end_to_end_id: str
    occurred_at: int
    received_at: int
    amount_centavos: int
    payer_account_id: str | None
    payee_account_id: str | None
    payer_person_id: str | None
    payee_person_id: str | None
    payee_key_id: str | None
    device_id: str | None
    payer_ispb: str | None
    payee_ispb: str | None
    initiation: Initiation | None
    purpose: Purpose | None
    service_level: ServiceLevel | None
    txid: str | None
    initiator_ispb: str | None
    payer_segment: CustomerSegment | None
    payee_segment: CustomerSegment | None
    known_at: int | None

    @property
    def is_fraud(self) -> bool:
        """Whether the table calls it fraud."""
        return self.known_at is not None


class RowReader:
    """Reads the rows of one table by one mapping, in the order in which they were received.

    `received_at` is the receipt of every row, whatever the table says: that of rows which were
    mended, and are received only now.
    """

    def __init__(self, table: Table, mapping: Mapping, *, received_at: int | None = None) -> None:
        if mapping.kind is not Kind.EVENTS or mapping.transfer is None:
            raise Misconfigured(
                Code.MAPPING_INVALID,
                f"the mapping of {mapping.source} makes rows for a model, no events",
                hint='A log takes tables of kind = "events"; train on this one.',
                field="kind",
                expected=Kind.EVENTS.value,
                found=mapping.kind.value,
            )
        self._table = table
        self._mapping = mapping
        self._transfer = mapping.transfer
        self._columns = mapping.transfer.columns()
        self._zone = mapping.zone
        self._unit = mapping.time.unit.microseconds if mapping.time.unit else None
        self._epoch = mapping.epoch
        self._known_after = mapping.known_after
        self._positive = label_text(mapping.label.positive) if mapping.label else ""
        self._received_at = received_at
        self._occurred, self._received = self._read_times()

    def order(self, *, start: int | None, until: int | None) -> NDArray[np.int64]:
        """The rows with `start <= received_at < until`, by receipt, then by place in the file."""
        received = self._received
        wanted = received >= 0
        if start is not None:
            wanted &= received >= start
        if until is not None:
            wanted &= received < until
        rows = np.flatnonzero(wanted)
        return rows[np.argsort(received[rows], kind="stable")]

    def received_at(self, row: int) -> int:
        """When a row was received; -1 where that cannot be read."""
        return int(self._received[row])

    def timeless(self) -> list[int]:
        """The rows that have no readable time, in the order of the file."""
        rows: list[int] = np.flatnonzero(self._received < 0).tolist()
        return rows

    def labelled(self, rows: Sequence[int]) -> list[int]:
        """Those of the rows that the table calls fraud, as far as their labels can be read."""
        told = self.labels(rows)
        return [row for row, fraud in zip(rows, told, strict=True) if fraud is True]

    def labels(self, rows: Sequence[int]) -> Iterator[bool | Refused]:
        """Whether the table calls each of the rows fraud, or why its label cannot be read."""
        label = self._mapping.label
        if label is None:
            yield from repeat(False, len(rows))
            return
        for start in range(0, len(rows), BATCH_ROWS):
            for cell in self._table.cells(label.column, rows[start : start + BATCH_ROWS]):
                try:
                    yield parse_label(cell, field=label.column, positive=self._positive)
                except Refused as refused:
                    yield refused

    def parse(self, rows: Sequence[int]) -> Iterator[PlayedRow | Refused]:
        """Each of the rows, or why it is none."""
        for cells in self._cells(rows):
            try:
                yield self._parse(*cells)
            except Refused as refused:
                yield refused

    def raw(self, row: int) -> dict[str, Cell]:
        """The cells of a row that the mapping reads, by column, for people."""
        return {column: self._table.cells(column, [row])[0] for column in self._mapping.columns()}

    def identities(self, rows: Sequence[int]) -> list[str]:
        """A digest of each row's own id, the same in every table of the mapping; empty without."""
        if self._transfer.id is None:
            return [""] * len(rows)
        source = self._mapping.source
        return [
            "" if cell is None else make_event_id("row", source, _own_id(cell)).hex()
            for cell in self._table.cells(self._transfer.id, rows)
        ]

    def _read_times(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        time = self._mapping.time
        occurred = self._read_instants(time.column)
        if self._received_at is not None:
            return occurred, np.where(occurred < 0, -1, self._received_at)
        if time.received is None:
            return occurred, occurred
        received = self._read_instants(time.received)
        return occurred, np.where(occurred < 0, -1, received)

    def _read_instants(self, column: str) -> NDArray[np.int64]:
        """The instants of a column; -1 where a cell is none."""
        stamps = self._table.timestamps(column)
        offset = _fixed_offset(self._zone)
        if stamps is not None and self._unit is None and (stamps.is_zoned or offset is not None):
            found = stamps.microseconds - (0 if stamps.is_zoned else offset or 0)
            return np.where((found >= EARLIEST) & (found < LATEST), found, -1)
        instants = np.empty(self._table.row_count, dtype=np.int64)
        for start in range(0, len(instants), BATCH_ROWS):
            rows = range(start, min(start + BATCH_ROWS, len(instants)))
            cells = self._table.cells(column, rows)
            instants[start : rows.stop] = [self._instant_or_none(cell, column) for cell in cells]
        return instants

    def _instant_or_none(self, cell: Cell, column: str) -> int:
        try:
            return self._instant(cell, column)
        except Refused:
            return -1

    def _instant(self, cell: Cell, column: str) -> int:
        return parse_time(cell, field=column, zone=self._zone, unit=self._unit, epoch=self._epoch)

    def _cells(self, rows: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """What `_parse` takes, for each row."""

        def column(name: str | None) -> Iterator[Cell]:
            return repeat(None) if name is None else iter(self._table.cells(name, rows))

        columns, label = self._columns, self._mapping.label
        row_ids = (
            column(self._transfer.id) if self._transfer.id else iter(self._table.row_numbers(rows))
        )
        return zip(
            rows,
            self._occurred[rows].tolist(),
            self._received[rows].tolist(),
            row_ids,
            column(self._transfer.amount.column),
            column(columns.get("payer")),
            column(columns.get("payee")),
            column(columns.get("payer_person")),
            column(columns.get("payee_person")),
            column(columns.get("payee_key")),
            column(columns.get("device")),
            column(columns.get("payer_ispb")),
            column(columns.get("payee_ispb")),
            column(columns.get("initiation")),
            column(columns.get("purpose")),
            column(columns.get("service_level")),
            column(columns.get("txid")),
            column(columns.get("initiator_ispb")),
            column(columns.get("payer_segment")),
            column(columns.get("payee_segment")),
            column(label.column if label else None),
            column(label.known_at if label else None),
            strict=False,
        )

    def _parse(
        self,
        row: int,
        occurred_at: int,
        received_at: int,
        row_id: Cell,
        amount: Cell,
        payer: Cell,
        payee: Cell,
        payer_person: Cell,
        payee_person: Cell,
        payee_key: Cell,
        device: Cell,
        payer_ispb: Cell,
        payee_ispb: Cell,
        initiation: Cell,
        purpose: Cell,
        service_level: Cell,
        txid: Cell,
        initiator_ispb: Cell,
        payer_segment: Cell,
        payee_segment: Cell,
        label: Cell,
        known_at: Cell,
    ) -> PlayedRow:
        if received_at < 0:
            self._refuse_time(row)
        if occurred_at > received_at + CLOCK_AHEAD_MAX:
            raise invalid(
                Code.CLOCK_AHEAD,
                field=self._mapping.time.column,
                expected="at most 60 s after the receipt",
                found=occurred_at,
            )
        columns = self._columns
        return PlayedRow(
            self._end_to_end_id(occurred_at, row_id),
            occurred_at,
            received_at,
            parse_amount(
                amount,
                field=self._transfer.amount.column,
                in_centavos=self._transfer.amount.unit is AmountUnit.CENTAVOS,
            ),
            parse_text(payer, field=columns.get("payer", "")),
            parse_text(payee, field=columns.get("payee", "")),
            None
            if payer_person is None
            else parse_text(payer_person, field=columns["payer_person"]),
            None
            if payee_person is None
            else parse_text(payee_person, field=columns["payee_person"]),
            None if payee_key is None else parse_text(payee_key, field=columns["payee_key"]),
            None if device is None else parse_text(device, field=columns["device"]),
            None if payer_ispb is None else parse_text(payer_ispb, field=columns["payer_ispb"]),
            None if payee_ispb is None else parse_text(payee_ispb, field=columns["payee_ispb"]),
            _member(initiation, _INITIATIONS, columns.get("initiation")),
            _member(purpose, _PURPOSES, columns.get("purpose")),
            _member(service_level, _SERVICE_LEVELS, columns.get("service_level")),
            None if txid in _NO_TXID else parse_text(txid, field=columns["txid"]),
            None
            if initiator_ispb is None
            else parse_text(initiator_ispb, field=columns["initiator_ispb"]),
            _member(payer_segment, _SEGMENTS, columns.get("payer_segment")),
            _member(payee_segment, _SEGMENTS, columns.get("payee_segment")),
            None if label is None else self._known_at(label, known_at, received_at),
        )

    def _end_to_end_id(self, occurred_at: int, row_id: Cell) -> str:
        column = self._transfer.id
        if column is None:
            # A file without ids: its bytes and the place in them are what stays the same.
            parts = (self._table.sha256, str(row_id))
            return derived_end_to_end_id(occurred_at, self._mapping.source, *parts)
        text = parse_text(row_id, field=column)
        if text is None:
            raise missing(column)
        if len(text) == _END_TO_END_ID_CHARACTERS and _is_end_to_end_id(text):
            return text
        return derived_end_to_end_id(occurred_at, self._mapping.source, text)

    def _known_at(self, label: Cell, known_at: Cell, received_at: int) -> int | None:
        columns = self._mapping.label
        assert columns is not None
        if not parse_label(label, field=columns.column, positive=self._positive):
            return None
        if self._known_after is not None:
            return received_at + self._known_after
        assert columns.known_at is not None
        known = self._instant(known_at, columns.known_at)
        if self._received_at is not None:
            # What was said of it before is received with it.
            return max(known, received_at)
        if known < received_at:
            raise invalid(
                Code.FIELD_VALUE,
                field=columns.known_at,
                expected="at or after the receipt of the transfer",
                found=format_rfc3339(known),
            )
        return known

    def _refuse_time(self, row: int) -> NoReturn:
        """Raises what made the time of a row unreadable."""
        time = self._mapping.time
        for column in (time.column, time.received):
            if column is not None:
                self._instant(self._table.cells(column, [row])[0], column)
        raise AssertionError("a row without time has times that can be read")


def _own_id(cell: Cell) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _fixed_offset(zone: tzinfo) -> int | None:
    """How far a zone is ahead of UTC, in microseconds; None where that changes with the date."""
    offset = zone.utcoffset(None)
    return None if offset is None else offset // timedelta(microseconds=1)


def _is_end_to_end_id(text: str) -> bool:
    try:
        end_to_end_id_minute(text)
    except Refused:
        return False
    return True


def _member(cell: Cell, members: dict[str, Member], field: str | None) -> Member | None:
    """The member that a cell names; None for an empty one, and where no column (`field`) has it."""
    text = None if cell is None or field is None else parse_text(cell, field=field)
    if text is None or field is None:
        return None
    member = members.get(text)
    if member is None:
        expected = f"one of {', '.join(members)}"
        raise invalid(Code.FIELD_VALUE, field=field, expected=expected, found=text)
    return member
