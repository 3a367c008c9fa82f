"""Training rows: the log folded in its order, or a table's rows, as a `Dataset`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.domain.transfer import Purpose
from crivo.features.engine import BEHIND, Engine
from crivo.features.plan import Plan
from crivo.features.row import PURPOSE_CODES, RowKind, words
from crivo.flows.cells import label_text, parse_label, parse_time
from crivo.flows.codec import report_fields
from crivo.flows.fold import fold_rows
from crivo.flows.mapping import Mapping
from crivo.flows.ports import Cell, LogReader, Table, TableReader
from crivo.model.artifact import names_hash
from crivo.model.dataset import NEVER, Dataset, mature

Progress = Callable[[str, int, int], None]
Words = npt.NDArray[np.uint64]

#: Events of one read of the log: the port's limit on a transaction.
PAGE_EVENTS: Final = 10_000
#: Rows of a table that are looked at together.
SLICE_ROWS: Final = 10_000

#: Returns are answered without a score, so nothing is learnt from them.
_RETURNS: Final = (PURPOSE_CODES[Purpose.REFU], PURPOSE_CODES[Purpose.IPRT])
_KEPT: Final = (
    "occurred_at",
    "received_at",
    "event_0",
    "event_1",
    "payer_0",
    "payer_1",
)


def dataset_of_log(
    log: LogReader, plan: Plan, *, labels_as_of: int, label_delay: int, progress: Progress
) -> Dataset:
    """Every mature transfer that the log knew at `labels_as_of`, with its vector and its label.

    The log is folded in its order up to the end read at the start, and each transfer's vector is
    read before the transfer is folded. A transfer is positive iff an accepted report about it was
    received by `labels_as_of`. Left out and counted: `immature` (younger than the label delay),
    `returns`, `behind` (vectors read at another instant than their own).
    """
    engine = Engine(plan)
    end = log.end()
    vectors: list[npt.NDArray[np.float64]] = []
    facts: list[npt.NDArray[np.void]] = []
    known: dict[tuple[int, int], int] = {}
    left_out: Counter[str] = Counter(immature=0, returns=0, behind=0)
    start = 0
    while start < end:
        page = log.read(start=start, limit=min(PAGE_EVENTS, end - start))
        start = page[-1].seq + 1
        # Nothing later is known yet, and nothing later enters the vector of a mature transfer.
        seen = [stored for stored in page if stored.event.received_at <= labels_as_of]
        _note_reports(seen, known)
        rows = fold_rows(seen)
        transfers = rows["kind"] == RowKind.TRANSFER
        old = mature(rows["occurred_at"], labels_as_of=labels_as_of, label_delay=label_delay)
        returned = np.isin(rows["purpose"], _RETURNS)
        wanted = transfers & old & ~returned
        found, flags = engine.vectors(rows, wanted)
        behind = (flags & BEHIND) != 0
        vectors.append(found[~behind])
        facts.append(rows[wanted][~behind][list(_KEPT)])
        left_out["immature"] += int((transfers & ~old).sum())
        left_out["returns"] += int((transfers & old & returned).sum())
        left_out["behind"] += int(behind.sum())
        progress("read the log", start, end)
    width = len(plan.names)
    kept = np.concatenate(facts) if facts else np.empty(0, fold_rows([])[list(_KEPT)].dtype)
    ids = np.stack([kept["event_0"], kept["event_1"]], axis=1)
    return Dataset(
        vectors=np.concatenate(vectors) if vectors else np.empty((0, width)),
        weights=np.ones(len(kept)),
        occurred_at=kept["occurred_at"].copy(),
        received_at=kept["received_at"].copy(),
        known_at=_known_at(ids, known),
        ids=ids,
        payer_ids=np.stack([kept["payer_0"], kept["payer_1"]], axis=1),
        names=plan.names,
        set_hash=plan.set_hash,
        plan_hash=plan.plan_hash,
        cut=end,
        labels_as_of=labels_as_of,
        label_delay=label_delay,
        left_out=dict(left_out),
    )


def _note_reports(page: Sequence[StoredEvent], known: dict[tuple[int, int], int]) -> None:
    """The earliest receipt of an accepted report, by the event id of the transfer it is about."""
    for stored in page:
        if stored.event.stream is not Stream.REPORTS:
            continue
        report = report_fields(stored.event.payload)
        if report.status is ReportStatus.ACCEPTED:
            about = words(transfer_event_id(report.end_to_end_id))
            known[about] = min(known.get(about, NEVER), stored.event.received_at)


def _known_at(ids: Words, known: dict[tuple[int, int], int]) -> npt.NDArray[np.int64]:
    known_at = np.full(len(ids), NEVER, np.int64)
    first_words = np.array([first for first, _ in known], np.uint64)
    for place in np.flatnonzero(np.isin(ids[:, 0], first_words)):
        known_at[place] = known.get((int(ids[place, 0]), int(ids[place, 1])), NEVER)
    return known_at


def dataset_of_table(reader: TableReader, mapping: Mapping, *, progress: Progress) -> Dataset:
    """A table's rows in the order of their times; rows that cannot be read are counted by code.

    A label is known `known_after_days` after its row, or at once where the mapping names no delay.

    Raises:
        Refused: FILE_UNREADABLE, FIELD_MISSING (a column), IMPORT_TOO_LARGE.
    """
    names = mapping.feature_columns
    table = reader.read(mapping.columns())
    left_out: Counter[str] = Counter({Code.ROW_MALFORMED.value: len(table.malformed)})
    parsed: list[tuple[int, int, bool, float, list[float]]] = []
    for start in range(0, table.row_count, SLICE_ROWS):
        rows = range(start, min(start + SLICE_ROWS, table.row_count))
        parsed += _parsed(table, rows, mapping, names, left_out)
        progress("read the table", rows.stop, table.row_count)
    parsed.sort(key=lambda row: row[:2])
    delay = mapping.known_after or 0
    at = np.array([row[0] for row in parsed], np.int64)
    fraud = np.array([row[2] for row in parsed], np.bool_)
    numbers = np.array([[0, row[1]] for row in parsed], np.uint64).reshape(-1, 2)
    return Dataset(
        vectors=np.array([row[4] for row in parsed], np.float64).reshape(-1, len(names)),
        weights=np.array([row[3] for row in parsed], np.float64),
        occurred_at=at,
        received_at=at,
        known_at=np.where(fraud, at + delay, NEVER),
        ids=numbers,
        payer_ids=np.zeros_like(numbers),
        names=names,
        set_hash=names_hash(names),
        plan_hash="",
        cut=0,
        labels_as_of=int(at.max(initial=0)) + delay,
        label_delay=delay,
        left_out=dict(left_out),
    )


def _parsed(
    table: Table, rows: range, mapping: Mapping, names: Sequence[str], left_out: Counter[str]
) -> list[tuple[int, int, bool, float, list[float]]]:
    """(instant, row number, fraud, weight, inputs) of the rows that can be read."""
    label, weight, time = mapping.label, mapping.weight, mapping.time
    if label is None:
        raise Refused(
            Code.FIELD_MISSING,
            "the mapping names no label, so there is nothing to learn",
            hint="Add a [label] section.",
            field="label",
            expected="a section",
            found="none",
        )
    columns = {name: table.cells(name, rows) for name in mapping.columns()}
    unit = None if time.unit is None else time.unit.microseconds
    positive = label_text(label.positive)
    numbers = table.row_numbers(rows)
    found = []
    for place, number in enumerate(numbers):
        try:
            at = parse_time(
                columns[time.column][place],
                field=time.column,
                zone=mapping.zone,
                unit=unit,
                epoch=mapping.epoch,
            )
            fraud = parse_label(columns[label.column][place], field=label.column, positive=positive)
            counts = (
                1.0 if weight is None else _number(columns[weight.column][place], weight.column)
            )
            if not counts > 0:
                raise invalid(
                    Code.FIELD_VALUE,
                    field="weight",
                    expected="above 0",
                    found=counts,
                )
            inputs = [_number(columns[name][place], name) for name in names]
        except Refused as refused:
            left_out[refused.code.value] += 1
            continue
        found.append((at, number, fraud, counts, inputs))
    return found


def _number(cell: Cell, field: str) -> float:
    """A cell as float64; nothing in it is NaN.

    Raises:
        Refused: FIELD_TYPE for what is no finite number.
    """
    if cell is None or cell in {b"", ""}:
        return math.nan
    if isinstance(cell, bytes | str | int | float | Decimal) and not isinstance(cell, bool):
        try:
            value = float(cell)
        except (ValueError, OverflowError):
            value = math.inf
        if not math.isinf(value):
            return value
    raise invalid(Code.FIELD_TYPE, field=field, expected="a finite number", found=cell)
